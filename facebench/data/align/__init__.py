"""Alignment of the images that are evaluated: crops, and faces by five landmarks.

Landmarks are those of the dataset, of a file, or of a detector, and are kept in the cache.

May import what ``facebench.data`` may.
"""
