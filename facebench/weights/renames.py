"""Tensors under other names than a timm model's own, or of another image size.

What timm does for its own published weights (``checkpoint_filter_fn`` of the model's module) is
done by timm: CLIP's and DINOv2's names, position embeddings and patch embeddings of another size.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from facebench.weights.match import shape_of

# What timm's functions raise for a state dict of another model.
_REFUSALS = (AssertionError, AttributeError, IndexError, KeyError, RuntimeError, TypeError,
             ValueError)  # fmt: skip


@dataclass(frozen=True)
class Renamed:
    """Tensors by their names in a timm model.

    Args:
        tensors: All of them.
        names: Name in the model -> name in the file without prefix, where they differ.
        resampled: Name in the model -> shapes before and after, where the values are new.
    """

    tensors: dict[str, Tensor]
    names: dict[str, str] = field(default_factory=dict)
    resampled: dict[str, str] = field(default_factory=dict)


def renamed(tensors: Mapping[str, Tensor], name: str, model: Any) -> list[Renamed]:
    """Return what the tensors under one prefix may be, the least changed first.

    Args:
        tensors: By their names without prefix.
        name: Name of the timm model that they may be of.
        model: That model.
    """
    ways: list[Callable[[Mapping[str, Tensor]], dict[str, Tensor]]] = [
        lambda given: _by_position(given, model),
        lambda given: _by_timm(given, name, model),
        lambda given: _by_timm(_fc_norm(given, model), name, model),
    ]
    found = []
    for way in ways:
        try:
            found.append(_told(tensors, way(tensors)))
        except _REFUSALS:
            continue
    return found


def _by_position(tensors: Mapping[str, Tensor], model: Any) -> dict[str, Tensor]:
    """Rename the parts of ``nn.Sequential(*model.children())``, as lightly's examples have it."""
    children = [name for name, _ in model.named_children()]
    found = {}
    for name, tensor in tensors.items():
        first, dot, rest = name.partition(".")
        known = first.isdecimal() and int(first) < len(children)
        found[children[int(first)] + dot + rest if known else name] = tensor
    return found


def _by_timm(tensors: Mapping[str, Tensor], name: str, model: Any) -> dict[str, Tensor]:
    """Apply the function by which timm reads weights that others published."""
    import timm

    function = getattr(
        sys.modules[timm.model_entrypoint(name).__module__], "checkpoint_filter_fn", None
    )
    if function is None:
        return dict(tensors)
    settings = {}
    if "adapt_layer_scale" in inspect.signature(function).parameters:
        settings["adapt_layer_scale"] = True  # DeiT III's names, as timm's deit does
    with torch.no_grad():
        found = function(dict(tensors), model, **settings)
    return {key: value for key, value in found.items() if isinstance(value, Tensor)}


def _fc_norm(tensors: Mapping[str, Tensor], model: Any) -> dict[str, Tensor]:
    """Name the last normalisation of a fine-tuned MAE or BEiT as the model does.

    They normalise the mean of the tokens; a feature map has each token normalised.
    """
    theirs, ours = "fc_norm.", "norm."
    own = {name for name, _ in model.named_parameters()}
    if any(name.startswith(ours) for name in tensors) or "norm.weight" not in own:
        return dict(tensors)
    return {
        ours + name.removeprefix(theirs) if name.startswith(theirs) else name: tensor
        for name, tensor in tensors.items()
    }


def _told(before: Mapping[str, Tensor], after: dict[str, Tensor]) -> Renamed:
    """Say where each tensor is from, by its memory: most are views of what was given."""
    places = {_place(tensor): name for name, tensor in reversed(list(before.items()))}
    names: dict[str, str] = {}
    resampled: dict[str, str] = {}
    for name, tensor in after.items():
        source = name if name in before and _place(before[name]) == _place(tensor) else ""
        source = source or places.get(_place(tensor), "")
        if not source:
            was = f"{shape_of(before[name])} → " if name in before else "made by timm, "
            resampled[name] = was + shape_of(tensor)
        elif source != name:
            names[name] = source
    return Renamed(after, names, resampled)


def _place(tensor: Tensor) -> tuple[int, int]:
    return tensor.data_ptr(), tensor.numel()
