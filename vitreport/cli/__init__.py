"""The command line: one file a command; the only layer that imports typer and rich."""
