"""Metrics and their intervals, as functions of labels and predictions.

May import errors alone; no head, no dataset.
"""
