"""A function from a batch of images to features, as a module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Function = Callable[[Any], Any]


class FunctionModel(nn.Module):
    """Calls a function that takes a batch of images and returns features.

    Args:
        function: From a tensor ``[B, 3, S, S]`` to a tensor or an array ``[B, D]``.
        modules: Modules that the function uses; they get the run's mode and device.
    """

    def __init__(self, function: Function, modules: Mapping[str, nn.Module] | None = None) -> None:
        super().__init__()
        self.function = function
        self.used = nn.ModuleDict(dict(modules or {}))

    def forward(self, images: Tensor) -> Any:
        """Return what the function gives; an array becomes a tensor on the images' device."""
        given = self.function(images)
        if isinstance(given, np.ndarray) and given.dtype != object:
            given = torch.from_numpy(given)
        return given.to(images.device) if isinstance(given, Tensor) else given


def in_batches_of(function: Function, size: int) -> Function:
    """Return a function that calls another with batches of exactly ``size`` images.

    The last image of a batch is repeated where some are missing; what is computed of it is left
    out.

    Args:
        function: From a tensor ``[size, 3, S, S]`` to a tensor ``[size, D]``.
        size: Images in a batch.
    """

    def call(images: Tensor) -> Tensor:
        found = []
        for block in images.split(size):
            lacking = size - len(block)
            whole = torch.cat([block, block[-1:].expand(lacking, -1, -1, -1)]) if lacking else block
            found.append(function(whole)[: len(block)])
        return torch.cat(found)

    return call
