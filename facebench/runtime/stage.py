"""Creates the folder of a stage once, in one process, and reads it in all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

T = TypeVar("T")


def obtain(folder: Path, make: Callable[[Path], None], read: Callable[[Path], T]) -> T:
    """Read the stage in ``folder``, after making it if it does not exist.

    A lock lets only one of several processes make a stage. The helper processes of multi-device
    training are started while the main process holds the lock, and do not acquire it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if is_helper() and not folder.exists():
        make(folder)
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            make(folder)
        return read(folder)


def is_helper() -> bool:
    """Return whether Lightning started this process as a further rank of multi-device training."""
    return any(int(os.environ.get(name, 0)) > 0 for name in ("LOCAL_RANK", "NODE_RANK"))
