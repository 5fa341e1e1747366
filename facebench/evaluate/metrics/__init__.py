"""Metrics and their intervals, as functions of labels and predictions.

May import errors alone, and each other.
"""
