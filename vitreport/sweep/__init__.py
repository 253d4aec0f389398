"""Sweeps: many runs as one question, trained without repeating or losing work."""
