"""Types of run, epoch, result and sweep records, and their reader; never with torch."""
