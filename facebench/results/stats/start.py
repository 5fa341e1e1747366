"""Starts the processes that draw test items while a report still reads its results."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from facebench.runtime.kept_values import can_keep, number_kept
from facebench.runtime.pool import starting, worth_starting

_KINDS = 2  # of scores, each of which is kept by itself
# By the processes: what draws, and what it imports when it is needed.
_IMPORTED = ("facebench.results.stats.resampled", "scipy.sparse.csgraph")


def drawing_starts(root: Path, processes: int) -> AbstractContextManager[None]:
    """Start the processes of ``resampled.keep_draws`` for a block, if it has many results to draw.

    What is kept is counted and not looked up, which takes no time. A wrong count costs time alone:
    the processes start later, or are not needed.

    Args:
        root: Folder of results.
        processes: How many draw at most.
    """
    missing = 0
    if can_keep():
        results = sum(1 for _ in root.glob("*/*.json"))
        missing = max(0, results - number_kept() // _KINDS)
    return starting(worth_starting(missing, processes), *_IMPORTED)
