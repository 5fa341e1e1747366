"""Views of two frames of a video, shared by the methods that learn from such pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.backbones import Backbone
from facebench.method import Method
from facebench.pretrain.augment.crops import RandomResizedCrop
from facebench.ranges import Area, Width, check_values

from ._flow import curriculum


def resized(images: Tensor, size: int) -> Tensor:
    """Return images ``[B, 3, size, size]``, for embeddings, which depend on the image size."""
    if images.shape[-1] == size:
        return images
    return F.interpolate(images, size=size, mode="bilinear", antialias=True)


@dataclass(frozen=True, kw_only=True)
class FlowOptions:
    """Options that FAb-Net and TCAE share; defaults are those of the released codes."""

    embedding_dim: Width = 256  # of the embedding of a frame
    decoder_width: Width = 32  # channels of the last hidden layer; up to 8 times as many before
    crop_scale: Area = 0.8  # smallest area of the crop of each frame: (170/190)^2, (200/224)^2

    def __post_init__(self) -> None:
        check_values(self)


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
