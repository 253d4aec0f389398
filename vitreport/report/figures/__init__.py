"""The pictures of a report: which there are, what is said of each, drawn once."""
