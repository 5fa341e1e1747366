"""Creates the folder of a stage once, in one process, and reads it in all."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from facebench.runtime.atomic import locked, sweep

T = TypeVar("T")


def obtain(
    folder: Path,
    make: Callable[[Path], None],
    read: Callable[[Path], T],
    *,
    helps: bool = False,
) -> T:
    """Read the stage in ``folder``, after making it if it does not exist.

    A lock lets only one of several processes make a stage.

    Args:
        folder: Folder of the stage.
        make: Makes it.
        read: Reads it.
        helps: Whether this process makes the stage together with one that holds the lock, and ends
            when it has.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if helps and not folder.exists():
        make(folder)
    with locked(Path(f"{folder}.lock")):
        sweep(folder.parent, glob.escape(folder.name))
        if not folder.exists():
            sweep(folder.with_name(f"{folder.name}.partial"))
            make(folder)
        return read(folder)


@contextmanager
def spare(folder: Path) -> Iterator[bool]:
    """Say whether a stage can be made here besides another one, and keep it from others meanwhile.

    Args:
        folder: Folder of the stage. It cannot be made here if it exists, another process makes it,
            or nothing can be written there.
    """
    held = FileLock(f"{folder}.lock")
    try:
        held.acquire(blocking=False)
    except (Timeout, OSError):
        yield False
        return
    try:
        sweep(folder.parent, glob.escape(folder.name))
        yield not folder.exists()
    finally:
        held.release()


@contextmanager
def alone(target: Path) -> Iterator[None]:
    """Hold the lock of a file that is written, and remove what killed processes left of it.

    Args:
        target: The file, in a folder of the cache; its lock is in ``locks`` beside that folder.
    """
    locks = target.parent.parent / "locks"
    for folder in (target.parent, locks):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(locks / f"{target.name}.lock"):
        sweep(target.parent, glob.escape(target.name))
        yield
