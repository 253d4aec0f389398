"""The spec of a run: its fields, their limits, and how one is composed."""
