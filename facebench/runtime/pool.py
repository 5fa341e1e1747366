"""Many computations in several processes of this machine."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import TypeVar

from joblib import Parallel, delayed

from facebench.errors import FacebenchError
from facebench.runtime.kept_values import kept_in, place

TOGETHER = 25  # small computations that a process takes at a time
FEW = 200  # small computations that end before another process has imported what it needs

T = TypeVar("T")
R = TypeVar("R")


def worth_starting(count: int, processes: int) -> int:
    """Return how many of some processes are worth their start for many small computations.

    Args:
        count: Number of computations.
        processes: The most that may be started.
    """
    return min(processes, count // FEW + 1)


def computed(
    function: Callable[[T], R], items: Iterable[T], processes: int = 1, *, together: int = 1
) -> Iterator[R]:
    """Yield what a function returns for each item, in their order.

    Processes are joblib's: they do not import the script that called, so that it needs no
    ``if __name__ == "__main__":``, inherit no threads, and stay for the next call.

    Args:
        function: One of a module, or a partial of one.
        items: What it takes; a few are taken ahead.
        processes: How many compute it; one is this process.
        together: How many items a process takes at a time. Of small computations several, of which
            neighbours share what a process has computed before.

    Raises:
        FacebenchError: A process ended before its work.
    """
    if processes <= 1:
        yield from map(function, items)
        return
    pool = Parallel(
        processes, backend="loky", return_as="generator", max_nbytes=None,
        batch_size=together, pre_dispatch=3 * processes * together,
    )  # fmt: skip
    there = delayed(partial(_there, function, place()))
    try:
        yield from pool(there(item) for item in items)
    except BrokenProcessPool as error:
        raise FacebenchError(
            f"a process ended before its work ({error}). If memory is short, end other programs; "
            "then run the command again."
        ) from error


def _there(function: Callable[[T], R], cache: Path | None, item: T) -> R:
    """Compute an item in a process of the pool, with the kept values of the process that asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; that one ends the others
    with kept_in(cache):
        return function(item)
