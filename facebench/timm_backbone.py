"""Any model of the timm library as a backbone: ``timm:NAME``."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from facebench.backbones import Backbone
from facebench.errors import SpecError, UnknownNameError

_STEPS = (8, 14, 16, 32)  # pixels; sides of patches and windows, of which a size is a multiple
# Raised by models that do not take a size: checks of their own, and operators.
_REFUSALS = (AssertionError, IndexError, RuntimeError, TypeError, ValueError, ZeroDivisionError)


class Timm(Backbone):
    """Any timm model, untrained: a CNN's last feature map, or a transformer's token grid.

    Transformers that can resample their position embeddings take every multiple of their patches,
    others one size alone; see ``nearest_size``.

    Args:
        name: A timm model name, with or without a weights tag (``resnet18``,
            ``vit_small_patch16_224``).

    Raises:
        UnknownNameError: timm has no such model.
    """

    def __init__(self, name: str) -> None:
        import timm

        super().__init__()
        if not timm.is_model(name):
            raise UnknownNameError("timm model", name, _near_timm_names(name))
        self.name = name
        sized: dict[str, Any] = {"dynamic_img_size": True} if _is_resizable(name) else {}
        # Any: what a timm model offers beyond nn.Module is not declared anywhere.
        model: Any = timm.create_model(name, pretrained=False, num_classes=0, **sized)
        self.model = model
        self.channels = int(model.num_features)
        config = model.pretrained_cfg
        self.register_buffer("mean", torch.tensor(config["mean"]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(config["std"]).view(1, 3, 1, 1))
        self.mean: Tensor
        self.std: Tensor

    def forward(self, images: Tensor) -> Tensor:
        """Return the last feature map, ``[B, C, h, w]``.

        Raises:
            SpecError: The model gives no feature map.
        """
        model: Any = self.model
        x = model.forward_features((images - self.mean) / self.std)
        if isinstance(x, Tensor) and x.ndim == 3:
            return _grid(x, getattr(model, "num_prefix_tokens", None), self.name)
        if isinstance(x, Tensor) and x.ndim == 4:
            channels_last = getattr(model, "output_fmt", "NCHW") == "NHWC"
            return x.permute(0, 3, 1, 2) if channels_last else x
        form = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise SpecError(
            f"timm:{self.name} gives features of form {form}; expected a feature map or a square "
            "grid of tokens. Choose another model."
        )

    def nearest_size(self, side: int) -> int:
        """Return the side in pixels, nearest to ``side``, of images that the model takes.

        Sides that are tried: ``side`` itself, multiples of 8, 14, 16 and 32, and the side that the
        model was made for. Of two that are equally near, the larger one is taken.

        Raises:
            SpecError: The model takes none of them, or gives no feature map.
        """
        native = int(self.model.pretrained_cfg["input_size"][-1])
        farthest = max(native, side) + max(_STEPS)
        sides = {side, native, *(n for step in _STEPS for n in range(step, farthest, step))}
        if self.model.pretrained_cfg.get("fixed_input_size") and not _is_resizable(self.name):
            sides = {side, native}
        for candidate in sorted(sides, key=lambda found: (abs(found - side), -found)):
            if self._takes(candidate):
                return candidate
        raise SpecError(
            f"timm:{self.name} takes no square images of {min(sides)} to {max(sides)} px. Choose "
            "another model."
        )

    def _takes(self, side: int) -> bool:
        """Whether images of a side give a feature map.

        Raises:
            SpecError: The model takes them, and gives none.
        """
        try:
            return self.feature_dim(side) > 0
        except _REFUSALS:
            return False


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


@lru_cache
def _is_resizable(name: str) -> bool:
    """Whether a model resamples its position embeddings to the size of its images."""
    import timm

    try:
        with torch.device("meta"):  # neither memory nor draws of the global random state
            timm.create_model(name, pretrained=False, num_classes=0, dynamic_img_size=True)
    except TypeError:  # it has no such argument
        return False
    return True


def _near_timm_names(name: str) -> list[str]:
    """Return the closest timm model names; the whole list has over a thousand."""
    import timm

    stem = name.split("_")[0].split(".")[0]
    return timm.list_models(f"*{stem}*")[:12] or timm.list_models("resnet*")[:12]
