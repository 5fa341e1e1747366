"""Sweeps: many runs, planned together, executed in one or several processes, shown as tables.

May import report, ``pipeline`` and what lies below them.
"""
