"""Interface of progress reporting for long stages; implemented by ``runtime.terminal``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
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


class LateBars:
    """A progress reporter whose bars open with the first unit done; that of no unit never does.

    Args:
        progress: Where they open.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    @contextmanager
    def bar(self, title: str, total: int, unit: str) -> Iterator[Advance]:
        """Provide what opens a bar when it is first called."""
        with ExitStack() as stack:
            opened: list[Advance] = []

            def advance(done: int) -> None:
                if not opened:
                    opened.append(stack.enter_context(self._progress.bar(title, total, unit)))
                opened[0](done)

            yield advance


def increments(advance: Advance) -> Advance:
    """Return a function to call with the number of *further* units done."""
    total = 0

    def more(units: int) -> None:
        nonlocal total
        total += units
        advance(total)

    return more
