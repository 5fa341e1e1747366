"""Figures of stored results, and of what a method drew or learned.

May import the modules of report, ``pipeline`` and ``reproduce``.
"""
