"""Reading: stored results, printed reference numbers and tables."""
