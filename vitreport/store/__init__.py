"""Run folders: what is written, how it is read back, who holds it."""
