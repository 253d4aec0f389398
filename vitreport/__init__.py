"""Train small vision models from a checked spec and keep a record of every run."""

__version__ = "0.1.0"
