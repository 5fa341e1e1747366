"""Many computations in several processes of this machine."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TypeVar
from warnings import catch_warnings

from facebench.errors import FacebenchError
from facebench.runtime.kept_values import kept_in, place
from facebench.runtime.stops import processes_end

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
    results = _dispatched(function, items, processes, together)
    try:
        for result in results:  # noqa: UP028 - "yield from" would close it first
            yield result
    except GeneratorExit:  # who asked does not want the rest
        _end(results)
        raise
    except BrokenProcessPool as error:
        raise FacebenchError(
            f"a process ended before its work ({error}). If memory is short, end other programs; "
            "then run the command again."
        ) from error


@contextmanager
def starting(processes: int, *modules: str) -> Iterator[None]:
    """Let the processes that :func:`computed` asks for in the block start while other work is done.

    Args:
        processes: How many; of one nothing is started.
        modules: Names of modules that they import first.
    """
    if processes <= 1:
        yield
        return
    imports = _dispatched(_import, [modules] * processes, processes, 1)
    try:
        yield
    except BaseException:  # Ctrl-C is among these: who ends early does not wait
        _end(imports)
        raise
    with suppress(Exception):  # what failed here failed again for who needed it, who was told
        deque(imports, maxlen=0)


def let_end(processes: int) -> None:
    """Let the processes end while other work is done; who asks for some later starts others.

    Args:
        processes: How many were asked for; one is this process.
    """
    if processes > 1:
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor(reuse=True).shutdown(wait=False)


def _dispatched(
    function: Callable[[T], R], items: Iterable[T], processes: int, together: int
) -> Generator[R]:
    """Let processes compute the first items, and return what yields the results of all."""
    from joblib import Parallel, delayed  # where several processes are asked for

    pool = Parallel(
        processes, backend="loky", return_as="generator", max_nbytes=None,
        batch_size=together, pre_dispatch=3 * processes * together,
    )  # fmt: skip
    there = delayed(partial(_there, function, place()))
    with _ctrl_c_held():
        results: Generator[R] = pool(there(item) for item in items)
    return results


@contextmanager
def _ctrl_c_held() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach, not even before they have imported anything.

    A terminal sends it to all processes; the one that has started the others ends them.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing.resource_tracker import ensure_running

    ensure_running()  # which joblib does, too, and which lets the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which they inherit
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(results: Generator[object]) -> None:
    """End the processes that compute results which are not waited for."""
    # The warning is that there are such results.
    with processes_end(), catch_warnings(category=UserWarning, action="ignore"):
        results.close()


def _import(modules: Sequence[str]) -> None:
    for module in modules:
        import_module(module)


def _there(function: Callable[[T], R], cache: Path | None, item: T) -> R:
    """Compute an item in a process of the pool, with the kept values of the process that asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; that one ends the others
    with kept_in(cache):
        return function(item)
