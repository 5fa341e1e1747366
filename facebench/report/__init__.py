"""Presentation of results: tables with the printed numbers, leaderboard, figures.

May import ``pipeline``, results and what lies below them.
"""

DASH = "–"  # where there is no value
