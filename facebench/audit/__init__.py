"""Is the data on the disk the data of the paper? Checks, leaks, and how to get a dataset.

May import evaluation and what lies below it.
"""
