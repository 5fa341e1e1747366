"""Reading: stored results, printed reference numbers and tables."""

DASH = "–"  # where there is no value
