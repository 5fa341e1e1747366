"""Interface of progress reporting for long stages; implemented by ``runtime.terminal``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]  # called with the number of units done so far


class Progress(Protocol):
    """A progress reporter."""

    def bar(self, title: str, total: int, unit: str) -> AbstractContextManager[Advance]:
        """Open a bar of ``total`` units; yields a function to call with the units done so far."""


class Silent:
    """A progress reporter that shows nothing, the default in the library and in tests."""

    @contextmanager
    def bar(self, title: str, total: int, unit: str) -> Iterator[Advance]:
        """Open a bar that shows nothing."""
        yield lambda done: None


def increments(advance: Advance) -> Advance:
    """Return a function to call with the number of *further* units done."""
    total = 0

    def more(units: int) -> None:
        nonlocal total
        total += units
        advance(total)

    return more
