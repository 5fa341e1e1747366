"""Random numbers made on the device, each from a key and the number of its place alone.

A generator on the CPU takes longer for the 260,000 mixtures of a batch of SimCLR than a GPU for the
whole step, and a generator of the device would give other numbers on each kind of device. Here a
number is a hash of key and place (SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom
number generators", OOPSLA 2014), so that its bits are the same on every device.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_STEP, _FIRST, _SECOND = (  # of SplitMix64, as signed numbers
    word - 2**64 for word in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


def uniform(shape: tuple[int, ...], key: int, device: torch.device) -> Tensor:
    """Return float32 numbers of U(0, 1) without 0 and 1: odd multiples of 2**-24.

    Args:
        shape: shape of the result.
        key: 0 to 2**62.
        device: where they are made.

    Returns:
        ``shape``.
    """
    places = torch.arange(1, math.prod(shape) + 1, device=device)
    bits = _hashed(places.mul_(_STEP).add_(key))
    return _shifted(bits, 41).float().add_(0.5).mul_(2.0**-23).view(shape)


def normal(shape: tuple[int, ...], key: int, device: torch.device) -> Tensor:
    """Return float32 numbers of N(0, 1) (Box and Muller); arguments as for :func:`uniform`."""
    radius, angle = uniform((2, *shape), key, device).unbind()
    return radius.log().mul_(-2).sqrt_().mul_(angle.mul(2 * math.pi).cos_())


def _hashed(bits: Tensor) -> Tensor:
    bits = (bits ^ _shifted(bits, 30)).mul_(_FIRST)
    bits = (bits ^ _shifted(bits, 27)).mul_(_SECOND)
    return bits ^ _shifted(bits, 31)


def _shifted(bits: Tensor, by: int) -> Tensor:
    """Shift int64 to the right as if it had no sign."""
    return (bits >> by).bitwise_and_(2 ** (64 - by) - 1)
