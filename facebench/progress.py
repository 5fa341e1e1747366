"""Progress of long stages, as one small contract; only the CLI draws anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

Advance = Callable[[int], None]  # told the number of units done so far


class Progress(Protocol):
    """Somebody who watches a stage."""

    def bar(self, title: str, total: int, unit: str) -> AbstractBar:
        """Open a bar of ``total`` units; the context gives a function told the units done."""


class AbstractBar(Protocol):
    """Context of one bar."""

    def __enter__(self) -> Advance: ...

    def __exit__(self, *error: object) -> bool | None: ...


class Silent:
    """Nobody watches: what the library and the tests use."""

    @contextmanager
    def bar(self, title: str, total: int, unit: str) -> Iterator[Advance]:
        """Open a bar that shows nothing."""
        yield lambda done: None
