"""Many small computations in several processes of this machine."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

FEW = 200  # computations that end before another process has imported what it needs
_CHUNK = 8  # that a process takes at a time

T = TypeVar("T")
R = TypeVar("R")


def computed(function: Callable[[T], R], items: Sequence[T], processes: int = 1) -> Iterator[R]:
    """Yield what a function returns for each item, in their order.

    Args:
        function: One of a module, or a partial of one.
        items: What it takes.
        processes: How many compute it, if there are many items; each imports the program that calls
            this. One computes in this process.
    """
    processes = min(processes, len(items) // FEW + 1)
    if processes <= 1:
        yield from map(function, items)
        return
    # A fork would inherit the threads of this process.
    context = multiprocessing.get_context("spawn")
    ignoring = (signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; this one ends the others
    with ProcessPoolExecutor(processes, context, signal.signal, ignoring) as pool:
        yield from pool.map(function, items, chunksize=_CHUNK)
