"""Random draws with one row per image, and checks of options, for all augmentations.

Everything is drawn from an explicit generator, on its device, in an amount that depends on the
batch size only: never on a probability, an image size or an outcome. The global random state is
neither read nor changed.

Several devices that learn together have equal generators (:class:`SharedGenerator`). Each draws for
all images of a batch and takes the rows of its own, so an image has the draws that it would have on
one device. A draw from such a generator that is made without a function of this module would give
images of all devices the same numbers, and is an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, Self, TypeVar

import torch
from torch import Generator, Tensor

from facebench.errors import PluginError, SpecError
from facebench.pretrain.augment import counters
from facebench.pretrain.augment.ahead import drawn

P = ParamSpec("P")
T = TypeVar("T")


class SharedGenerator(Generator):
    """A generator on the CPU for one device's share of a batch; all devices have equal ones.

    Row ``i`` of the share is row ``rank + world * i`` of the batch. That holds for several parts of
    as many rows, too (frames and then their partners, first views and then second ones), since the
    batch has them one after the other as well. :func:`laid_out` is for other orders.

    Its state is known after each draw of this module. Another state than that tells that something
    was drawn directly.

    Args:
        rank: Place of this device among those that learn together, from 0.
        world: Number of these devices.
        owner: Name of what draws from it, for messages.
    """

    rank: int
    world: int
    owner: str
    rows: tuple[int, Tensor] | None
    _known: Tensor

    def __new__(cls, rank: int, world: int, owner: str = "this method") -> Self:
        """Make a generator on the CPU, not seeded."""
        made: Self = Generator.__new__(cls, "cpu")  # type: ignore[call-arg]
        made.rank, made.world, made.owner, made.rows = rank, world, owner, None
        made.know()
        return made

    def know(self) -> None:
        """Take the present state for what the draws of this module led to."""
        self._known = self.get_state()

    def check(self) -> None:
        """Check that nothing was drawn but by this module.

        Raises:
            PluginError: Something was; says what to draw with.
        """
        if not torch.equal(self._known, self.get_state()):
            raise PluginError(
                f"{self.owner} draws from its generator directly, which gives images of different "
                "devices the same numbers; expected the functions of "
                "facebench.pretrain.augment.draws (uniform, chosen, orders, normal, rows_of_batch, "
                "or whole_batch for what all images share). Draw with these, or learn on one "
                "device."
            )

    def set_state(self, new_state: Tensor) -> Self:
        """Go on from a state that ``get_state`` gave."""
        self.check()
        super().set_state(new_state)
        self.know()
        return self

    def manual_seed(self, seed: int) -> Self:
        """Begin anew from a seed."""
        super().manual_seed(seed)
        self.know()
        return self


@contextmanager
def laid_out(generator: Generator, total: int, places: Tensor) -> Iterator[None]:
    """Say which rows are drawn for in the block, where several devices share a batch.

    Args:
        generator: Generator of the block; a plain one draws for all rows anyway.
        total: Rows that all devices draw for.
        places: ``[n]``, which of these this device's rows are.
    """
    if not isinstance(generator, SharedGenerator):
        yield
        return
    before, generator.rows = generator.rows, (total, places.cpu())
    try:
        yield
    finally:
        generator.rows = before


@contextmanager
def _known(generator: Generator) -> Iterator[None]:
    """Say that what the block draws is the same on any number of devices."""
    if not isinstance(generator, SharedGenerator):
        yield
        return
    generator.check()
    yield
    generator.know()


def whole_batch(generator: Generator, draw: Callable[[], T]) -> T:
    """Return what is drawn once for all images of a batch, the same on all devices.

    Args:
        generator: Generator of the batch.
        draw: Draws from it, always as much; the amount is that of the whole batch.
    """
    with _known(generator):
        return draw()


def rows_of_batch(count: int, generator: Generator, draw: Callable[[int], Tensor]) -> Tensor:
    """Return what is drawn for ``count`` rows of this device, as part of what all devices draw.

    Args:
        count: Rows of this device.
        generator: Generator of the batch.
        draw: Gives the draws ``[n, ...]`` of n rows, always as many from a generator.

    Returns:
        ``[count, ...]``.
    """
    if not isinstance(generator, SharedGenerator):
        return draw(count)
    if generator.rows is None:
        everything = whole_batch(generator, lambda: draw(count * generator.world))
        return everything[generator.rank :: generator.world].clone()
    total, places = generator.rows
    if len(places) != count:
        raise ValueError(f"{count} rows are drawn for where {len(places)} are laid out")
    everything = whole_batch(generator, lambda: draw(total))
    return everything[places.to(everything.device)]


@drawn
def uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    """Draw float32 numbers from U(low, high).

    Args:
        shape: shape of the result, with a row for each image.
        low: lower end.
        high: upper end.
        generator: source of the draws; the result is on its device.

    Returns:
        ``shape``.
    """

    def draw(count: int) -> Tensor:
        drawn = torch.rand((count, *shape[1:]), generator=generator, device=generator.device)
        return drawn.mul_(high - low).add_(low)

    return rows_of_batch(shape[0], generator, draw)


@drawn
def chosen(count: int, p: float, generator: Generator) -> Tensor:
    """Draw for each of ``count`` images whether a step of probability ``p`` applies.

    Returns:
        bool ``[count]``; all True for p = 1, all False for p = 0.
    """
    return uniform((count,), 0, 1, generator) < p


@drawn
def orders(count: int, operations: int, generator: Generator) -> Tensor:
    """Draw a permutation of ``operations`` numbers for each of ``count`` images.

    Returns:
        int64 ``[count, operations]``.
    """
    return uniform((count, operations), 0, 1, generator).argsort(dim=1)


@drawn
def key(generator: Generator) -> int:
    """Draw a key of :mod:`facebench.pretrain.augment.counters` or a seed, 0 to 2**62."""
    with _known(generator):
        return int(torch.randint(2**62, (), generator=generator, device=generator.device))


def normal(images: Tensor, sigma: float, generator: Generator) -> Tensor:
    """Draw normal noise of the shape and memory format of images, on their device.

    The noise is large, so it is made on that device, from a seed drawn from ``generator``:
    repeatable on one kind of device, different on another.

    Args:
        images: ``[B, ...]``.
        sigma: standard deviation.
        generator: source of the seed.

    Returns:
        ``[B, ...]``.
    """
    seed = key(generator)
    if images.device.type == "cuda":
        rest = tuple(images.shape[1:])
        return rows_of_batch(
            len(images), generator,
            lambda count: counters.normal((count, *rest), seed, images.device).mul_(sigma),
        )  # fmt: skip
    local = Generator(images.device).manual_seed(seed)
    like = torch.empty_like(images)
    row = math.prod(images.shape[1:])

    def draw(count: int) -> Tensor:
        empty = like
        if count != len(images):  # as one device would have it
            empty = like.new_empty_strided((count, *like.shape[1:]), (row, *like.stride()[1:]))
        return empty.normal_(0, sigma, generator=local)

    return rows_of_batch(len(images), generator, draw)


def require(holds: bool, option: str, found: object, expected: str) -> None:
    """Check an option of an augmentation.

    Raises:
        SpecError: naming the option, what was found and what was expected, unless ``holds``.
    """
    if not holds:
        raise SpecError(
            f"augmentation option '{option}' is out of range: found {found}; expected {expected}."
            f" Change '{option}'."
        )


def require_probability(p: float) -> None:
    """Check the option ``p`` of an augmentation.

    Raises:
        SpecError: if ``p`` is not between 0 and 1.
    """
    require(0 <= p <= 1, "p", p, "a probability between 0 and 1")


def full_precision(augment: Callable[P, T]) -> Callable[P, T]:
    """Decorate an augmentation so that autocast leaves it alone: pixels would round to 8 bits."""

    @wraps(augment)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        images = next(value for value in args if isinstance(value, Tensor))
        with torch.autocast(images.device.type, enabled=False):
            return augment(*args, **kwargs)

    return guarded
