"""One page in each of the formats."""
