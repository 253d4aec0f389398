"""Architectures: one a file, built from their own spec."""
