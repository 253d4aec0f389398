"""The loop, its events and the measurements; knows no file and no terminal."""
