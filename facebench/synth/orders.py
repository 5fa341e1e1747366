"""Images that are asked for: which face in which file, and how it is written.

Within :func:`noted_orders`, `facebench.synth.write_images` renders nothing. What it is asked for is
noted, and an empty file stands for each image, so that a dataset can be read and some of its images
chosen before any is rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from facebench.synth.attributes import Face


class Style(NamedTuple):
    """How images are written; see `facebench.synth.write_images`."""

    size: int
    grayscale: bool = False
    quality: int | None = None
    finish: Callable[[Path], object] | None = None
    beside: Callable[[Path], Iterable[Path]] | None = None


@dataclass(frozen=True)
class Order:
    """One image.

    Args:
        path: Its file.
        face: The face that it shows.
        style: How it is written.
    """

    path: Path
    face: Face
    style: Style

    def files(self) -> tuple[Path, ...]:
        """Returns all files that are made of the image: its own first."""
        beside = self.style.beside
        return (self.path, *(beside(self.path) if beside is not None else ()))


Orders = dict[Path, Order]
"""By the image's file; of a file that is asked for twice, the last."""

_noted: ContextVar[Orders | None] = ContextVar("_noted", default=None)


@contextmanager
def noted_orders() -> Iterator[Orders]:
    """Notes the images that are asked for in the block, by this thread, and renders none.

    Yields:
        The orders of `facebench.synth.write_images`, which grow while the block runs.
    """
    orders: Orders = {}
    token = _noted.set(orders)
    try:
        yield orders
    finally:
        _noted.reset(token)


def note(orders: Iterable[Order]) -> int | None:
    """Notes orders and writes an empty file for each, if this is asked for.

    Returns:
        Their number; None, and nothing is done, outside of `noted_orders`.
    """
    noted = _noted.get()
    if noted is None:
        return None
    count = 0
    for order in orders:
        noted[order.path] = order
        count += 1
        for file in order.files():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")
    return count


def untouched(order: Order) -> bool:
    """Returns whether each file of an order is the empty one that was written for it."""
    return all(file.is_file() and file.stat().st_size == 0 for file in order.files())
