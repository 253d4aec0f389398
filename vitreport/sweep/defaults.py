"""What is used unless the user says otherwise. Imports nothing, since `--help` needs it."""

DEFAULT_SEEDS = "3"
