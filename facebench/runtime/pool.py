"""Many computations in several processes of this machine."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TypeVar

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
    try:
        yield from _dispatched(function, items, processes, together)
    except BrokenProcessPool as error:
        raise FacebenchError(
            f"a process ended before its work ({error}). If memory is short, end other programs; "
            "then run the command again."
        ) from error


@contextmanager
def starting(processes: int, module: str) -> Iterator[None]:
    """Let the processes that :func:`computed` asks for in the block start while other work is done.

    Args:
        processes: How many; of one nothing is started.
        module: Name of the module that they import first.
    """
    if processes <= 1:
        yield
        return
    imports = _dispatched(_import, [module] * processes, processes, 1)
    try:
        yield
    finally:
        with suppress(Exception):  # what failed here failed again for who needed it, who was told
            deque(imports, maxlen=0)


def _dispatched(
    function: Callable[[T], R], items: Iterable[T], processes: int, together: int
) -> Iterator[R]:
    """Let processes compute the first items, and return what yields the results of all."""
    from joblib import Parallel, delayed  # where several processes are asked for

    pool = Parallel(
        processes, backend="loky", return_as="generator", max_nbytes=None,
        batch_size=together, pre_dispatch=3 * processes * together,
    )  # fmt: skip
    there = delayed(partial(_there, function, place()))
    results: Iterator[R] = pool(there(item) for item in items)
    return results


def _import(module: str) -> None:
    import_module(module)


def _there(function: Callable[[T], R], cache: Path | None, item: T) -> R:
    """Compute an item in a process of the pool, with the kept values of the process that asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; that one ends the others
    with kept_in(cache):
        return function(item)
