"""Every number of a report, from the folders of runs: plain data that knows no words, colours or formats."""
