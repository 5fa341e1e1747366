"""Faults at file operations: SIGKILL before each, a full disk at each, folders that are read only.

Python reports every file operation to audit hooks; a hook that is installed in the faulty process
ends it, or refuses the operation as the system would.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from fault_kinds.world import RUN, Outcome, World

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod")


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
        folder = world.empty()
        done = world.call(folder, *RUN, before=at_operation(folder, number, _refusal(code)))
        first = world.judged(f"{title} at operation {number}", done, folder)
        again = world.run_again(f"{title} at operation {number}", folder)
        yield first if first.ended in ("silent", "traceback") and again.ended == "same" else again


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
