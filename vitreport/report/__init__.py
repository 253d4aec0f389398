"""Reports: from run records to plain data, from data to sentences, from both to a page."""
