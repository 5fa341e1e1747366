"""Checks of datasets on disk against the published ones, the search for leaks, and the inventory.

May import evaluation and what lies below it.
"""
