"""What an operation costs the host of a device: a wait, a copy, or nothing but a launch.

Operations are those that reach torch's dispatcher (aten), so that a read that is hidden in a
library is found, too.
"""

from __future__ import annotations

import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import torch
from torch import Tensor

EventKind = Literal["wait", "copy", "launch"]
"""``wait``: the host waits until the device has done all its work. ``copy``: memory of the host
is copied to the device. ``launch``: work for the device alone."""

aten = torch.ops.aten
# The size of the result depends on values, which the host has to wait for.
_OF_VALUES = {
    aten.nonzero, aten.masked_select, aten._unique2, aten.unique_consecutive, aten.unique_dim,
    aten.item, aten._local_scalar_dense, aten.equal, aten.is_nonzero, aten.bincount,
}  # fmt: skip
_INDEXED = {aten.index, aten.index_put, aten.index_put_, aten._unsafe_index}
_MOVES = {aten._to_copy, aten.copy_}
# Views and questions about a tensor: nothing is computed.
_FREE = {
    aten.view, aten._unsafe_view, aten.expand, aten.permute, aten.transpose, aten.t, aten.select,
    aten.slice, aten.squeeze, aten.unsqueeze, aten.detach, aten.alias, aten.as_strided,
    aten.split, aten.split_with_sizes, aten.unbind, aten.unfold, aten.diagonal, aten.lift_fresh,
    aten.is_pinned, aten.empty, aten.empty_like, aten.empty_strided, aten.new_empty,
    aten.new_empty_strided, aten.resize_, aten.set_, aten._reshape_alias, aten.view_as_real,
    aten.is_same_size, aten._nested_tensor_size, torch.ops.prim.device,
}  # fmt: skip


@dataclass(frozen=True)
class Event:
    """An operation that concerns the device.

    Args:
        kind: What it costs the host.
        operation: Name of the operation, such as ``aten.nonzero``.
        where: Line of the code that asked for it, ``file.py:12``.
        bytes: Size of the memory that is copied, in bytes; 0 for others.
        pinned: Whether a copy is from pinned memory and not waited for.
    """

    kind: EventKind
    operation: str
    where: str
    bytes: int = 0
    pinned: bool = False


def kind_of(packet: Any, tensors: list[Tensor], to_host: bool, from_host: bool) -> EventKind | None:
    """Return what an operation costs the host; None for a view.

    Args:
        packet: The operation, without the name of its overload.
        tensors: Its tensors, those of the device among them.
        to_host: Whether its result is on the host and an input on the device.
        from_host: Whether an input with dimensions is on the host.
    """
    if packet in _OF_VALUES or (packet in _MOVES and to_host):
        return "wait"
    if packet is aten.repeat_interleave and len(tensors) == 1 and tensors[0].dtype == torch.int64:
        return "wait"
    if packet in _INDEXED and any(t.dtype in (torch.bool, torch.uint8) for t in tensors[1:]):
        return "wait"
    if from_host and (packet in _MOVES or packet in _INDEXED):
        return "copy"
    return None if packet in _FREE else "launch"


_LIBRARIES = (sysconfig.get_paths()["stdlib"], str(Path(torch.__file__).parent))
_HERE = str(Path(__file__).parent)


def asked_for_at() -> str:
    """Return the innermost line that is not torch's, nor Python's, nor of these checks."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((*_LIBRARIES, _HERE, "<")):
            return f"{Path(name).parent.name}/{Path(name).name}:{frame.f_lineno}"
        frame = frame.f_back
    return "torch"
