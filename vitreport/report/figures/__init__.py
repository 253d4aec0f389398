"""The figures of a report: one module for each kind, with its words, its table and its drawing."""
