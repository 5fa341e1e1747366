"""Collection of cyclic garbage while many objects are made that stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_SELDOM = 50_000  # new objects that stay; Python's own is 700 to 2,000


_lock = Lock()
_before = list[tuple[int, int, int]]()  # one for each block that is open, in any thread


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Collect cyclic garbage seldom in a block: its objects stay, and are searched in vain.

    Also a decorator of a function. Blocks of several threads may overlap.
    """
    with _lock:
        now = gc.get_threshold()
        _before.append(_before[0] if _before else now)
        gc.set_threshold(max(_SELDOM, now[0]) if now[0] else 0, *now[1:])
    try:
        yield
    finally:
        with _lock:
            before = _before.pop()
            if not _before:
                gc.set_threshold(*before)
