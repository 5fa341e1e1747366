"""Views of two frames of a video, shared by the methods that learn from such pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.backbones import Backbone
from facebench.errors import SpecError
from facebench.method import Method
from facebench.pretrain.augment.crops import RandomResizedCrop

from ._flow import curriculum


def require_positive(options: Any, *names: str) -> None:
    """Refuse options of these names that are not above 0.

    Raises:
        SpecError: One of them is not.
    """
    for name in names:
        if not getattr(options, name) > 0:
            raise SpecError(f"{name} is {getattr(options, name)}; expected more than 0.")


def require_share(options: Any, *names: str) -> None:
    """Refuse options of these names that are not above 0 and at most 1.

    Raises:
        SpecError: One of them is not.
    """
    for name in names:
        if not 0 < getattr(options, name) <= 1:
            raise SpecError(f"{name} is {getattr(options, name)}; expected a share of 0 to 1.")


def resized(images: Tensor, size: int) -> Tensor:
    """Return images ``[B, 3, size, size]``, for embeddings, which depend on the image size."""
    if images.shape[-1] == size:
        return images
    return F.interpolate(images, size=size, mode="bilinear", antialias=True)


@dataclass(frozen=True, kw_only=True)
class FlowOptions:
    """Options that FAb-Net and TCAE share; defaults are those of the released codes."""

    embedding_dim: int = 256
    decoder_width: int = 32  # channels of the last hidden layer; up to 8 times as many before
    crop_scale: float = 0.8  # smallest area of the crop of each frame: (170/190)^2, (200/224)^2

    def __post_init__(self) -> None:
        require_positive(self, "embedding_dim", "decoder_width")
        require_share(self, "crop_scale")


class FlowMethod(Method):
    """A method that warps a source frame into a target frame, by flows decoded from embeddings."""

    Options = FlowOptions
    options: Any

    def __init__(self, backbone: Backbone, options: Any, image_size: int) -> None:
        super().__init__(backbone, options, image_size)
        self.augment = RandomResizedCrop(image_size, (options.crop_scale, 1.0), (1.0, 1.0))
        self.ranks = curriculum(0, 1)

    def views(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return sources and targets, ``[n, 3, S, S]`` each; every frame has a crop of its own."""
        sources, targets = self.augment(images, generator).chunk(2)
        return sources, targets

    def before_epoch(self, epoch: int, epochs: int) -> None:
        """Move on to pairs with higher losses."""
        self.ranks = curriculum(epoch, epochs)

    def embedded(self, head: nn.Module, images: Tensor) -> Tensor:
        """Return an embedding of images: ``head`` of F_s at the pretraining size."""
        return head(self.encode(resized(images, self.image_size)))  # type: ignore[no-any-return]
