"""Figures of stored results, training curves and reconstructions.

May import the modules of report, ``pipeline`` and ``reproduce``.
"""
