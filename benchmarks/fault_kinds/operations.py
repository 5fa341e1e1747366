"""Faults at file operations: SIGKILL before each, a full disk at each, short files, no writes.

Python reports every file operation to audit hooks; a hook that is installed in the faulty process
ends it, or refuses the operation as the system would.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from fault_kinds.world import RUN, Outcome, World

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod")
_SHORTEST = 4096  # bytes; what a command says is in files, too
_SIZES = 40


def kills(world: World) -> Iterator[Outcome]:
    """SIGKILL before each file operation of a run; then the same command again."""

    def kill(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    for number in range(operations(world)):
        folder = world.empty()
        world.call(folder, *RUN, before=at_operation(folder, number, kill))
        yield world.run_again(f"SIGKILL before operation {number}", folder)


def full_disks(world: World) -> Iterator[Outcome]:
    """The disk is full at one file operation; then the same command again, with space."""
    yield from _refusals(world, errno.ENOSPC, "no space left")


def input_errors(world: World) -> Iterator[Outcome]:
    """The disk reports an error at one file operation; then the same command again."""
    yield from _refusals(world, errno.EIO, "input/output error")


def short_files(world: World) -> Iterator[Outcome]:
    """No file can be longer than so many bytes; then the same command again, without a limit.

    Unlike the faults above, this one is met within a write, by libraries of C++ and Rust, too.
    """
    longest = max(path.stat().st_size for path in world.calm.rglob("*"))
    for size in sorted(set(np.geomspace(_SHORTEST, 2 * longest, _SIZES).astype(int).tolist())):
        yield from _before_again(world, f"files of at most {size} bytes", _limited(size))


def read_only(world: World) -> Iterator[Outcome]:
    """Nothing can be written: a finished run is read, another one is refused."""
    for code in (errno.EROFS, errno.EACCES):
        for folder, state in ((world.copy, "finished"), (world.empty, "empty")):
            target = folder()
            refuse = at_operation(target, 0, _refusal(code), onwards=True)
            done = world.call(target, *RUN, before=refuse)
            yield world.judged(f"{errno.errorcode[code]}, {state} cache", done, target)


def at_operation(
    folder: Path, number: int, act: Callable[..., None], *, onwards: bool = False
) -> Callable[[], None]:
    """Return what installs a hook that acts before one operation below a folder.

    Args:
        folder: Only what is written below it counts.
        number: Number of the operation, from 0.
        act: Called with the path.
        onwards: Act at every later one, too.
    """
    seen, below = count(), str(folder)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES
        if not (writes or event in _CHANGES) or below not in str(arguments[0]):
            return
        now = next(seen)
        if now == number or (onwards and now > number):
            act(arguments[0])

    return lambda: sys.addaudithook(hook)


def _refusal(code: int) -> Callable[..., None]:
    def refuse(path: Any) -> None:
        raise OSError(code, os.strerror(code), str(path))

    return refuse


def _refusals(world: World, code: int, title: str) -> Iterator[Outcome]:
    for number in range(operations(world)):
        before = at_operation(world.place, number, _refusal(code))
        yield from _before_again(world, f"{title} at operation {number}", before)


def _before_again(world: World, fault: str, before: Callable[[], None]) -> Iterator[Outcome]:
    """Run with a fault, and again without; yield what came of it, a bad end of either first."""
    folder = world.empty()
    first = world.judged(fault, world.call(folder, *RUN, before=before), folder)
    again = world.run_again(fault, folder)
    yield first if first.ended in ("silent", "traceback") and again.ended == "same" else again


def _limited(size: int) -> Callable[[], None]:
    """Return what makes each write beyond so many bytes of a file fail; Python ignores SIGXFSZ."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def operations(world: World) -> int:
    """Return how many file operations a run from the start has."""
    counted = world.root / "operations"
    folder = world.empty()

    def mark(_: Any) -> None:
        os.write(stream, b".")

    stream = os.open(counted, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    world.call(folder, *RUN, before=at_operation(folder, 0, mark, onwards=True))
    os.close(stream)
    return counted.stat().st_size
