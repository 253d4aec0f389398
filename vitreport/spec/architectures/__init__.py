"""The specs of the models, one architecture a file."""
