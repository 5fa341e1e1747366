"""Progress of long stages, as one small contract; ``runtime.terminal`` draws it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]  # told the number of units done so far


class Progress(Protocol):
    """Somebody who watches a stage."""

    def bar(self, title: str, total: int, unit: str) -> AbstractContextManager[Advance]:
        """Open a bar of ``total`` units; the context gives a function told the units done."""


class Silent:
    """Nobody watches: what the library and the tests use."""

    @contextmanager
    def bar(self, title: str, total: int, unit: str) -> Iterator[Advance]:
        """Open a bar that shows nothing."""
        yield lambda done: None


def increments(advance: Advance) -> Advance:
    """Return a function that is told how many *more* units are done, for callers that count so."""
    total = 0

    def more(units: int) -> None:
        nonlocal total
        total += units
        advance(total)

    return more
