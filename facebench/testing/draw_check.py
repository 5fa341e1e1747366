"""Whether what a method draws is the same on any number of devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torch import Generator

from facebench.errors import PluginError
from facebench.pretrain.augment.draws import SharedGenerator

T = TypeVar("T")


def with_shared_draws(step: Callable[[Generator], T], seed: int) -> tuple[T, str]:
    """Return what a step gives that draws as on several devices, and what was found, in words.

    A method that draws from its generator directly is a method of one device: that is said, and is
    no error. Its step is then taken with a plain generator.

    Args:
        step: Takes a step of a method, with a generator.
        seed: Seed of the generator.
    """
    shared = SharedGenerator(0, 1).manual_seed(seed)
    try:
        given = step(shared)
        shared.check()
    except PluginError:
        return (
            step(Generator().manual_seed(seed)),
            "draws from its generator directly, so it learns on one device alone "
            "(facebench.pretrain.augment.draws is for several)",
        )
    return given, "an image has the same draws on any number of devices"
