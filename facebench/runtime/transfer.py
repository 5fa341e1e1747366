"""Brings tensors of the host to a device together."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

_ALIGNED = 16  # bytes, of each tensor within the copy


def to_device(values: list[Any], device: torch.device) -> list[Any]:
    """Return values with their tensors on a device, in one copy that the host does not wait for.

    Args:
        values: Tensors of the CPU, tuples of them, and plain values.
        device: Where the tensors go.
    """
    leaves, form = tree_flatten(values)
    tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    if not tensors:
        return values
    ends, end = [], 0
    for tensor in tensors:
        end += -(-tensor.nbytes // _ALIGNED) * _ALIGNED
        ends.append(end)
    buffer = torch.empty(end, dtype=torch.uint8, pin_memory=device.type == "cuda")
    starts = [0, *ends[:-1]]
    for start, tensor in zip(starts, tensors, strict=True):
        _part(buffer, start, tensor).copy_(tensor)
    there = buffer.to(device, non_blocking=True)
    parts = [_part(there, start, tensor) for start, tensor in zip(starts, tensors, strict=True)]
    moved = iter(parts)
    leaves = [next(moved) if isinstance(leaf, Tensor) else leaf for leaf in leaves]
    result: list[Any] = tree_unflatten(leaves, form)
    return result


def _part(buffer: Tensor, start: int, like: Tensor) -> Tensor:
    part = buffer[start : start + like.nbytes]
    return part.view(like.dtype).view(like.shape)
