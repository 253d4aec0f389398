"""Networks, built from their own spec."""
