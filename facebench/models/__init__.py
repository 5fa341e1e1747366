"""Models of others: how one is named and opened, and how images enter it.

May import errors, ranges and runtime.
"""
