"""Linear heads on frozen features: many are trained in one pass over the features.

May import errors alone; no metric, no dataset.
"""
