"""From records to plain data and sentences: groups, estimates, ablations, comparisons, claims and findings."""
