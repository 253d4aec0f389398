"""Where the trials of a sweep are trained."""
