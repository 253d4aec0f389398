"""What follows from the facts, in words."""
