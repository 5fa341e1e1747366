"""Models of timm: how they are built, their feature maps, and sizes of images that they take.

Which sizes these are is found without computing anything: a model is built on torch's device
``meta``, which knows shapes and holds no values, and is asked for the shape of its feature map. A
few models need values for that; they are built on the CPU.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from facebench.errors import SpecError

STEPS = (8, 14, 16, 32)  # pixels; sides of patches and windows, of which a size is a multiple
SMALLEST = 16  # pixels; of images that a run learns from
# Raised by models that do not take a size: checks of their own, and operators.
REFUSALS = (
    AssertionError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError,
    ZeroDivisionError,
)  # fmt: skip


def new_model(name: str, side: int = 0) -> Any:
    """Build a timm model without weights of others, that takes as many sizes as timm lets it.

    Args:
        name: A timm model name.
        side: Side in pixels of the images that it is built for; 0: as timm builds it.
    """
    import timm

    sized: dict[str, Any] = {"img_size": side} if side else {}
    return timm.create_model(name, pretrained=False, num_classes=0, **_resizing(name), **sized)


def native_side(model: Any) -> int:
    """Return the side in pixels of the images that timm's model was made for."""
    return int(model.pretrained_cfg["input_size"][-1])


def feature_map(model: Any, images: Tensor, name: str) -> Tensor:
    """Return the last feature map of a timm model.

    Args:
        model: The model.
        images: Normalised images ``[B, 3, S, S]``.
        name: Name of the model, for the error.

    Returns:
        ``[B, C, h, w]``.

    Raises:
        SpecError: It gives none.
    """
    x = model.forward_features(images)
    if isinstance(x, list) and hasattr(model, "forward_intermediates"):  # of several scales
        x = model.forward_intermediates(images, 1, norm=True, intermediates_only=True)[-1]
    if isinstance(x, Tensor) and x.ndim == 3:
        return _grid(x, getattr(model, "num_prefix_tokens", None), name)
    if isinstance(x, Tensor) and x.ndim == 4:
        channels_last = getattr(model, "output_fmt", "NCHW") == "NHWC"
        return x.permute(0, 3, 1, 2) if channels_last else x
    form = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
    raise SpecError(
        f"timm:{name} gives features of form {form}; expected a feature map or a square grid of "
        "tokens. Choose another model."
    )


def is_plain_transformer(model: Any) -> bool:
    """Return whether a timm model cuts square patches, adds positions, and is made of blocks alone.

    Not so: models with a second class token (distilled ones), a convolutional stem, or positions
    that are not added to the tokens.
    """
    from timm.layers.patch_embed import PatchEmbed
    from timm.models.vision_transformer import VisionTransformer

    if type(model) is not VisionTransformer or not isinstance(model.patch_embed, PatchEmbed):
        return False
    height, width = model.patch_embed.patch_size
    return height == width and model.pos_embed is not None


def _grid(tokens: Tensor, prefix: int | None, name: str) -> Tensor:
    """Return the patch tokens of square images as a map.

    Args:
        tokens: ``[B, prefix + n * n, C]``.
        prefix: Number of class and register tokens in front; None if the model does not say, and
            then 0, 1 or 2, whichever leaves a square number.
        name: Name of the model, for the error.

    Returns:
        ``[B, C, n, n]``.

    Raises:
        SpecError: The patches are no square grid.
    """
    count = tokens.shape[1]
    for first in (0, 1, 2) if prefix is None else (prefix,):
        side = math.isqrt(max(0, count - first))
        if side and side * side == count - first:
            grid: Tensor = tokens[:, first:].transpose(1, 2).unflatten(2, (side, side))
            return grid
    raise SpecError(
        f"timm:{name} gives {count} tokens for a square image; expected a square grid of patches. "
        "Choose another model."
    )


def sides_near(side: int, native: int) -> list[int]:
    """Return sides in pixels that a model could take, the nearest to ``side`` first.

    Of two that are equally near, the larger one comes first.

    Args:
        side: The side that is asked for.
        native: The side that the model was made for.
    """
    farthest = max(native, side) + max(STEPS)
    sides = {side, native, *(n for step in STEPS for n in range(step, farthest, step))}
    wanted = [found for found in sides if found >= min(side, SMALLEST)]
    return sorted(wanted, key=lambda found: (abs(found - side), -found))


@cache
def map_channels(name: str) -> int:
    """Return the number of channels of a model's feature map, which may be of one scale of several.

    Raises:
        SpecError: It gives none.
    """
    device = _device(name)
    model = _probe(name, 0, device)
    side = native_side(model)
    with torch.inference_mode():
        images = torch.zeros(1, 3, side, side, device=device)
        return int(feature_map(model, images, name).shape[1])


@cache
def takes_one_side(name: str) -> bool:
    """Return whether a model, as timm builds it, takes images of one size (or its multiples) alone.

    It is then built for the size of the images, where timm can.
    """
    native = native_side(_probe(name, 0, "meta"))
    others = {*range(32, 257, 32), 56, 98, 112, native // 2}
    return not any(takes(name, side, False) for side in sorted(others) if side % native)


@cache
def takes(name: str, side: int, built: bool) -> bool:
    """Return whether images of ``side`` pixels give a feature map, and no part is cut off.

    Args:
        name: A timm model name.
        side: Side of the images.
        built: Whether the model is built for this side first.

    Raises:
        SpecError: The model takes them, and gives none.
    """
    try:
        model = _probe(name, side if built else 0, _device(name))
        return not _crops(model, side) and _numbers(model, side, name) > 0
    except REFUSALS:
        return False


def _crops(model: Any, side: int) -> bool:
    """Return whether the images are divided into patches, of which the last ones do not fit."""
    return any(
        isinstance(layer, nn.Conv2d)
        and layer.in_channels == 3
        and layer.kernel_size == layer.stride
        and layer.padding == (0, 0)
        and side % layer.stride[0] > 0
        for layer in model.modules()
    )


@cache
def _device(name: str) -> str:
    """Return ``meta``, or ``cpu`` if the model needs values to tell the shape of its output."""
    model = _probe(name, 0, "meta")
    try:
        return "meta" if _numbers(model, native_side(model), name) else "cpu"
    except REFUSALS:
        return "cpu"


@lru_cache(maxsize=2)
def _probe(name: str, side: int, device: str) -> Any:
    """Build a model whose weights do not matter; the global random state does not change."""
    with torch.random.fork_rng(devices=[]), torch.device(device):
        return new_model(name, side).eval()


def _numbers(model: Any, side: int, name: str) -> int:
    device = next(model.parameters()).device
    with torch.inference_mode():
        return feature_map(model, torch.zeros(1, 3, side, side, device=device), name).numel()


@cache
def _resizing(name: str) -> dict[str, Any]:
    """Return the arguments that make a model take images of other sizes than its own."""
    import timm

    resizing: tuple[dict[str, Any], ...] = ({"dynamic_img_size": True}, {"strict_img_size": False})
    for arguments in resizing:
        try:
            with torch.device("meta"):  # neither memory nor draws of the global random state
                timm.create_model(name, pretrained=False, num_classes=0, **arguments)
        except TypeError:  # it has no such argument
            continue
        return arguments
    return {}
