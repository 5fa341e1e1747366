"""Which features a model gives, and several of them by one pass.

``f_s`` is what the model returns. Of transformers of timm and Hugging Face there are ``cls`` (the
class token), ``mean`` (of the patch tokens), ``cls+mean`` (both, one after the other, as DINOv2's
linear evaluation has it) and ``last4`` (the class tokens of the last four blocks, normalised by the
last norm, as DINO's linear evaluation has it), and ``layers`` (the mean of the patch tokens of each
block, normalised likewise, one block after the other), of which ``--probe weighted`` learns a
weighted sum. Of other models there are ``map`` (the last feature
map, flattened), its ``mean`` over positions, and ``gem`` (its generalised mean).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from facebench.errors import ModelError
from facebench.models.pooling import generalised_mean

MAIN = "f_s"
LAYERS = "layers"
OF_TOKENS = ("cls", "mean", "cls+mean", "last4", LAYERS)
OF_MAPS = ("map", "mean", "gem")
LAST = 4  # blocks of `last4`


def offered(model: nn.Module) -> tuple[str, ...]:
    """Return the names of the features that a model gives, the main one first.

    Whether a network of the user's has a feature map is known when it is run, so ``map`` and its
    means are among them.
    """
    own: tuple[str, ...] | None = getattr(model, "offered", None)
    if own is not None:
        return (MAIN, *own)
    if _has_tokens(model):
        return (
            MAIN,
            *(OF_TOKENS if getattr(model, "cls_token", None) is not None else ("mean", LAYERS)),
        )
    return (MAIN, *OF_MAPS)


def layers_of(model: Any, name: str) -> int:
    """Return how many layers a feature holds, one after the other; 1 but for ``layers``.

    Args:
        model: The model.
        name: One of its :func:`offered` features.
    """
    if name != LAYERS:
        return 1
    return int(model.layers if hasattr(model, "offered") else len(model.blocks))


def features_of(model: Any, names: Sequence[str], images: Tensor) -> dict[str, Any]:
    """Return features by name, all from one pass; ``f_s`` as the model gives it.

    Args:
        model: The model.
        names: Some of its :func:`offered` ones.
        images: ``[B, 3, S, S]``, as the model takes them.

    Raises:
        ModelError: It has no feature map, or too few blocks.
    """
    if tuple(names) == (MAIN,):
        return {MAIN: model(images)}
    if hasattr(model, "offered"):
        found: dict[str, Any] = model.several(names, images)
        return found
    if _has_tokens(model):
        return _of_timm_tokens(model, names, images)
    return _of_maps(model, names, images)


def of_tokens(
    names: Sequence[str], tokens: Tensor, prefix: int, classes: Sequence[Tensor],
    means: Sequence[Tensor] = (),
) -> dict[str, Tensor]:  # fmt: skip
    """Return the features of a transformer.

    Args:
        names: Some of :data:`OF_TOKENS`.
        tokens: ``[B, prefix + n, C]`` of the last block, normalised; the class token is the first.
        prefix: How many of them are no patches.
        classes: ``[B, C]`` normalised class tokens of blocks, the last ones last.
        means: ``[B, C]`` means of the normalised patch tokens of all blocks, for ``layers``.

    Raises:
        ModelError: There are fewer blocks than ``last4`` is made of.
    """
    mean = tokens[:, prefix:].mean(dim=1)
    found = {"mean": mean}
    if prefix:
        found |= {"cls": tokens[:, 0], "cls+mean": torch.cat([tokens[:, 0], mean], dim=1)}
    if LAYERS in names:
        found[LAYERS] = torch.cat([*means], dim=1)
    if "last4" in names:
        if len(classes) < LAST:
            raise ModelError(f"feature last4: found {len(classes)} blocks; expected at least 4.")
        found["last4"] = torch.cat([*classes[-LAST:]], dim=1)
    return {name: found[name] for name in names}


def _has_tokens(model: Any) -> bool:
    """Whether a model is a transformer of timm that gives one row of tokens."""
    parts = ("forward_intermediates", "forward_head", "num_prefix_tokens", "blocks", "norm")
    return all(hasattr(model, part) for part in parts) and (
        "return_prefix_tokens" in signature(model.forward_intermediates).parameters  # not of CaiT
    )


def _of_timm_tokens(model: Any, names: Sequence[str], images: Tensor) -> dict[str, Any]:
    blocks = LAST if "last4" in names else 1
    blocks = len(model.blocks) if LAYERS in names else blocks
    last, between = model.forward_intermediates(
        images, min(blocks, len(model.blocks)), norm=True, output_fmt="NLC",
        return_prefix_tokens=model.num_prefix_tokens > 0,  # some models fail to return none
    )  # fmt: skip
    classes = [prefix[:, 0] for _, prefix in between] if model.num_prefix_tokens else []
    patches = [one[0] if model.num_prefix_tokens else one for one in between]
    means = [one.mean(dim=1) for one in patches] if LAYERS in names else []
    own = [name for name in names if name != MAIN]
    found: dict[str, Any] = {**of_tokens(own, last, model.num_prefix_tokens, classes, means)}
    if MAIN in names:
        found[MAIN] = model.forward_head(last)
    return found


def _of_maps(model: Any, names: Sequence[str], images: Tensor) -> dict[str, Any]:
    given, found = _with_map(model, images)
    if found is None:
        raise ModelError(
            f"feature {next(name for name in names if name != MAIN)}: the model gives vectors, and "
            "has not one layer AdaptiveAvgPool2d whose input would be its feature map; expected a "
            "map [B, C, h, w]. Evaluate f_s, or wrap it in a module that returns the map."
        )
    positions = found.flatten(2)
    pooled: dict[str, Callable[[], Any]] = {
        MAIN: lambda: given,
        "map": lambda: positions.flatten(1),
        "mean": lambda: positions.mean(dim=2),
        "gem": lambda: generalised_mean(positions),
    }
    return {name: pooled[name]() for name in names}


def _with_map(model: Any, images: Tensor) -> tuple[Any, Tensor | None]:
    """Return what a model gives, and its last feature map ``[B, C, h, w]``."""
    if hasattr(model, "forward_features") and hasattr(model, "forward_head"):  # of timm
        whole = model.forward_features(images)
        found = _as_map(model, whole) if isinstance(whole, Tensor) else None
        return model.forward_head(whole), found
    pools = [part for part in model.modules() if isinstance(part, nn.AdaptiveAvgPool2d)]
    seen: list[Tensor] = []
    hooks = [part.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
             for part in pools[:1] if len(pools) == 1]  # fmt: skip
    try:
        given = model(images)
    finally:
        for one in hooks:
            one.remove()
    if isinstance(given, Tensor) and given.ndim == 4:
        return given, given
    return given, seen[0] if len(seen) == 1 and seen[0].ndim == 4 else None


def _as_map(model: Any, whole: Tensor) -> Tensor | None:
    if whole.ndim != 4:
        return None
    nhwc = getattr(model, "output_fmt", "NCHW") == "NHWC"
    return whole.permute(0, 3, 1, 2) if nhwc else whole
