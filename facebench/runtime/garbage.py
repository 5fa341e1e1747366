"""Collection of cyclic garbage while many objects are made that stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_SELDOM = 50_000  # new objects that stay; Python's own is 700 to 2,000


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Collect cyclic garbage seldom in a block: its objects stay, and are searched in vain.

    Also a decorator of a function.
    """
    before = gc.get_threshold()
    gc.set_threshold(max(_SELDOM, before[0]) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
