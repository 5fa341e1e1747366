"""How a stage's folder is made: once, by one process, and read by all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

T = TypeVar("T")


def obtain(folder: Path, make: Callable[[Path], None], read: Callable[[Path], T]) -> T:
    """Read what stands in ``folder``, after making it if it is not there.

    A lock lets two processes that want the same stage make it once. The helpers of a training on
    several devices are started while their leader holds it, and take none.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if is_helper() and not folder.exists():
        make(folder)
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            make(folder)
        return read(folder)


def is_helper() -> bool:
    """Return whether Lightning started this process to help another one train."""
    return any(int(os.environ.get(name, 0)) > 0 for name in ("LOCAL_RANK", "NODE_RANK"))
