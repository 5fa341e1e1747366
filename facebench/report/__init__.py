"""Presentation of results: tables with the printed numbers, leaderboard, figures.

May import ``pipeline``, results and what lies below them.
"""

DASH = "–"  # where there is no value


def signed(value: float, digits: int = 2) -> str:
    """Return a difference with its sign, which is a minus where it is negative, not a hyphen."""
    return f"{value:+.{digits}f}".replace("-", "−")
