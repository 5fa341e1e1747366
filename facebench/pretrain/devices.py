"""What devices that learn together share, so that they learn what one would.

Each device has a share of a batch: row ``i`` of device ``r`` is row ``r + W * i`` of the batch, of
``W`` devices. The gradient of a step is the mean over devices of the gradients of their losses, so
the loss of a step is the mean over devices of their losses. Two ways of computing a loss follow:

- A mean over images can be taken over a device's own, since all have as many.
- Anything else over a batch (negatives, statistics, ranks of losses) is computed on every device
  for the whole batch, from features that :func:`gathered` returns. Losses of other packages need
  nothing more: ``criterion(gathered(z0), gathered(z1))``.

Gradients pass through all functions here that are not said to stop them, with the scale of one
device. With one device each function returns what it is given, and nothing is sent.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist
from torch.autograd.function import FunctionCtx

_OF_LIGHTNING = ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def world() -> int:
    """Return the number of devices that learn together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return the place of this device among them, from 0."""
    return dist.get_rank() if world() > 1 else 0


def first_images(images: Tensor, limit: int = 0) -> tuple[Tensor, int]:
    """Return this device's part of the first images of a batch, and how many all devices have.

    Args:
        images: This device's share ``[n, ...]`` of a batch.
        limit: How many images of the batch are wanted; 0, or more than there are, is all.

    Returns:
        ``[m, ...]``, none of them where there are fewer than devices; and the number over all.
    """
    count = min(limit or len(images) * world(), len(images) * world())
    return images[: len(range(rank(), count, world()))], count


def own_places(count: int, device: torch.device | None = None) -> Tensor:
    """Return the places of this device's images among the first ``count`` of a batch, ``[n]``."""
    return torch.arange(rank(), count, world(), device=device)


def gathered(rows: Tensor, count: int | None = None) -> Tensor:
    """Return the rows of all devices, in the order of the batch, ``[N, ...]``.

    Args:
        rows: Rows ``[n, ...]`` of this device, one for each image of its share or of
            :func:`first_images`.
        count: Rows of all devices, N; by default each has as many.
    """
    if world() == 1:
        return rows
    total = len(rows) * world() if count is None else count
    most = -(-total // world())
    if len(rows) < most:  # every device sends as many rows; what is added comes last of all
        rows = torch.cat([rows, rows.new_zeros((most - len(rows), *rows.shape[1:]))])
    everything: Tensor = _Gather.apply(rows)
    return everything.transpose(0, 1).flatten(0, 1)[:total]


def summed(value: Tensor) -> Tensor:
    """Return the sum of a tensor over devices, with gradient."""
    if world() == 1:
        return value
    total: Tensor = _Gather.apply(value)
    return total.sum(dim=0)


def batch_mean(values: Tensor) -> Tensor:
    """Return the mean over all images of a batch, ``[...]``, of this device's ``[n, ...]``."""
    mean = values.mean(dim=0)
    return mean if world() == 1 else summed(mean) / world()


def share_of_mean(values: Tensor, count: int | None = None) -> Tensor:
    """Return a scalar whose mean over devices is the mean of the values of all devices.

    Args:
        values: ``[n, ...]``, one row for each image of this device; there may be none.
        count: Images of all devices; by default each has as many.
    """
    if count is None or len(values) * world() == count:
        return values.mean()
    return values.sum() * (world() / (count * math.prod(values.shape[1:])))


@torch.no_grad()
def averaged(value: Tensor) -> Tensor:
    """Return the mean of a tensor over devices, without gradient."""
    if world() == 1:
        return value
    total = value.detach().clone()
    dist.all_reduce(total)
    return total / world()


@contextmanager
def alone_afterwards() -> Iterator[None]:
    """Leave the devices that learned together at the end of the block.

    What Lightning wrote into the environment for them is removed, so that it can start processes
    for a further run.
    """
    before = {name: os.environ.get(name) for name in _OF_LIGHTNING}
    try:
        yield
    finally:
        if dist.is_available() and dist.is_initialized():
            dist.destroy_process_group()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Gather(torch.autograd.Function):
    """Stacks a tensor of every device; gradients of all devices are added."""

    @staticmethod
    def forward(ctx: FunctionCtx, value: Tensor) -> Tensor:
        """Return ``[W, ...]`` of ``[...]``."""
        everything = value.new_empty((world(), *value.shape))
        dist.all_gather(list(everything.unbind()), value.contiguous())
        return everything

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Any) -> Tensor:
        """Return the sum over devices of the gradients of this device's tensor."""
        (gradient,) = gradients
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        mine: Tensor = total[rank()]
        return mine
