"""Starts the processes that draw test items while a report still reads its results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from facebench.config.spec import digest
from facebench.results.stats.kept_draws import VERSION
from facebench.runtime.kept_values import can_keep, keep, kept
from facebench.runtime.pool import starting, worth_starting

# By the processes: what draws, and what it imports when it is needed.
_IMPORTED = ("facebench.results.stats.resampled", "scipy.sparse.csgraph")


@contextmanager
def drawing_starts(root: Path, processes: int, *chosen: object) -> Iterator[None]:
    """Start the processes of ``resampled.keep_draws`` for a block, if it has many results to draw.

    How many results the folder had when the block last ended is kept, since looking up what is kept
    of each would take as long as reading it. A wrong number costs time alone: the processes start
    later, or are not needed.

    Args:
        root: Folder of results.
        processes: How many draw at most.
        chosen: What says which of the results are drawn.
    """
    results = sum(1 for _ in root.glob("*/*.json")) if can_keep() else 0
    key = digest({"drawn of": [VERSION, str(root.absolute()), [str(one) for one in chosen]]})
    missing = results - _number(kept(key))
    with starting(worth_starting(max(0, missing), processes), *_IMPORTED):
        yield
    if missing:
        keep(key, str(results).encode())


def _number(said: bytes | None) -> int:
    with suppress(ValueError):
        return int(said or b"0")
    return 0
