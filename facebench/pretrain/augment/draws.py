"""Random draws with one row per image, and checks of options, for all augmentations.

Everything is drawn from an explicit generator, on its device, in an amount that depends on the
batch size only: never on a probability, an image size or an outcome. The global random state is
neither read nor changed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch
from torch import Generator, Tensor

from facebench.errors import SpecError

P = ParamSpec("P")
T = TypeVar("T")


def uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    """Draw float32 numbers from U(low, high).

    Args:
        shape: shape of the result.
        low: lower end.
        high: upper end.
        generator: source of the draws; the result is on its device.

    Returns:
        ``shape``.
    """
    drawn = torch.rand(shape, generator=generator, device=generator.device)
    return drawn.mul_(high - low).add_(low)


def chosen(count: int, p: float, generator: Generator) -> Tensor:
    """Draw for each of ``count`` images whether a step of probability ``p`` applies.

    Returns:
        bool ``[count]``; all True for p = 1, all False for p = 0.
    """
    return uniform((count,), 0, 1, generator) < p


def orders(count: int, operations: int, generator: Generator) -> Tensor:
    """Draw a permutation of ``operations`` numbers for each of ``count`` images.

    Returns:
        int64 ``[count, operations]``.
    """
    return uniform((count, operations), 0, 1, generator).argsort(dim=1)


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
