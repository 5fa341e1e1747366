"""Any model of the timm library as a backbone: ``timm:NAME``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from facebench.backbones import Backbone
from facebench.errors import SpecError, UnknownNameError
from facebench.timm_models import (
    REFUSALS,
    feature_map,
    is_plain_transformer,
    map_channels,
    native_side,
    new_model,
    sides_near,
    takes,
    takes_one_side,
)


class Timm(Backbone):
    """Any timm model, untrained: a CNN's last feature map, or a transformer's token grid.

    Most models take images of several sizes; transformers that can resample their position
    embeddings take every multiple of their patches. The weights of others depend on the size of
    the images: these are built for one (``made_for``). See ``nearest_size``.

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
        self._built_for = 0  # pixels; 0: the size that timm builds it for
        # Any: what a timm model offers beyond nn.Module is not declared anywhere.
        self.model: Any = new_model(name)
        self.channels = map_channels(name)
        config = self.model.pretrained_cfg
        self._native = native_side(self.model)
        self.register_buffer("mean", torch.tensor(config["mean"]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(config["std"]).view(1, 3, 1, 1))
        self.mean: Tensor
        self.std: Tensor

    def forward(self, images: Tensor) -> Tensor:
        """Return the last feature map, ``[B, C, h, w]``.

        Raises:
            SpecError: The model gives no feature map.
        """
        return feature_map(self.model, self.normalise(images), self.name)

    @property
    def transformer(self) -> Any:
        """Return the model if it is a plain vision transformer; None otherwise."""
        return self.model if is_plain_transformer(self.model) else None

    def normalise(self, images: Tensor) -> Tensor:
        """Return images ``[B, 3, S, S]`` less the model's mean, by its standard deviation."""
        return (images - self.mean) / self.std

    @property
    def made_for(self) -> int | None:
        """Side in pixels that timm builds the model for, if it takes images of no other."""
        return self._native if takes_one_side(self.name) else None

    def build_for(self, side: int) -> None:
        """Build a model that takes images of one size for ``side`` pixels, where timm can.

        Raises:
            SpecError: timm cannot; the message gives the nearest side.
        """
        if side == (self._built_for or self._native) or self.made_for is None:
            return
        try:
            self.model = new_model(self.name, side)
        except REFUSALS as error:
            raise self._refusal(side) from error
        self._built_for = side

    def nearest_size(self, side: int) -> int:
        """Return the side in pixels, nearest to ``side``, of images that the model takes.

        Sides that are tried: ``side`` itself, multiples of 8, 14, 16 and 32, and the side that the
        model was made for. Of two that are equally near, the larger one is taken. A model that was
        built for one side takes this one.

        Raises:
            SpecError: The model takes none of them, or gives no feature map.
        """
        if self._built_for:
            return self._built_for
        built = self.made_for is not None
        tried = sides_near(side, self._native)
        for candidate in tried:
            if takes(self.name, candidate, built):
                return candidate
        raise SpecError(
            f"timm:{self.name} takes no square images of {min(tried)} to {max(tried)} px. Choose "
            "another model."
        )

    def feature_dim(self, image_size: int) -> int:
        """Return the length ``C*h*w`` of the flattened feature map at ``image_size`` pixels.

        Raises:
            SpecError: The model takes no such images; the message gives the nearest side.
        """
        try:
            return super().feature_dim(image_size)
        except REFUSALS as error:
            raise self._refusal(image_size) from error

    def _refusal(self, side: int) -> SpecError:
        return SpecError(
            f"timm:{self.name} takes no images of {side} px; the nearest side that it takes is "
            f"{self.nearest_size(side)} px."
        )


def _near_timm_names(name: str) -> list[str]:
    """Return the closest timm model names; the whole list has over a thousand."""
    import timm

    stem = name.split("_")[0].split(".")[0]
    return timm.list_models(f"*{stem}*")[:12] or timm.list_models("resnet*")[:12]
