"""Several features of the same images by one pass through the parts of a method.

``Method.features`` gives one feature by its name, and computes the feature map anew for each. While
several are computed, a part of the method (its backbone, a branch) that is given the same tensor
again returns what it returned before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def shared_calls(method: nn.Module) -> Iterator[None]:
    """Let the parts of a method remember their last call with a single tensor.

    Tensors are told apart by identity, so what is made anew from the images (scaled to another
    size) is computed anew. A method that changes such a tensor in place would change another
    feature: extraction compares its first batch with features that are computed one by one.

    Args:
        method: Its direct submodules are the parts.
    """
    parts = [part for part in method.children() if not isinstance(part, torch.jit.ScriptModule)]
    before = [vars(part).get("forward") for part in parts]
    for part in parts:
        vars(part)["forward"] = _remembering(part.forward)
    try:
        yield
    finally:
        for part, forward in zip(parts, before, strict=True):
            del vars(part)["forward"]
            if forward is not None:
                vars(part)["forward"] = forward


def _remembering(forward: Any) -> Any:
    last: list[tuple[Tensor, Any]] = []

    def call(*inputs: Any, **named: Any) -> Any:
        if len(inputs) != 1 or named or not isinstance(inputs[0], Tensor):
            return forward(*inputs, **named)
        if not (last and last[0][0] is inputs[0]):
            last[:] = [(inputs[0], forward(*inputs))]
        return last[0][1]

    return call
