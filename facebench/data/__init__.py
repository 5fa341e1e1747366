"""Is the data on the disk the data of the paper? Scans, checks, leaks, and how to get a dataset."""
