"""Frozen: a model of timm or torchvision with its published weights, without training.

The feature is the input of the model's classifier; images are normalised as the weights require.
Files that are already in a cache of either library are found without a network.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from facebench.backbones import Backbone
from facebench.method import Method, MethodInfo
from facebench.models.published import published


@dataclass(frozen=True, kw_only=True)
class FrozenOptions:
    """Options of Frozen."""

    model: str = "timm:resnet18.a1_in1k"  # timm:NAME.TAG or torchvision:NAME.WEIGHTS

    def __post_init__(self) -> None:
        published(self.model)  # raises for an unknown name


class Frozen(Method):
    """A timm or torchvision model with its published weights; nothing is learned."""

    info = MethodInfo(
        name="frozen",
        title="Frozen",
        version=1,
        paper="that of the published weights",
        year=2026,
        needs="weights",
        backbone=False,
    )
    Options = FrozenOptions
    options: FrozenOptions

    def __init__(self, backbone: Backbone, options: FrozenOptions, image_size: int) -> None:
        super().__init__(backbone, options, image_size)
        self.source = published(options.model)
        self.model = self.source.build(False)
        self.register_buffer("mean", torch.tensor(self.source.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(self.source.std).view(1, 3, 1, 1))
        self.mean: Tensor
        self.std: Tensor

    @classmethod
    def own_backbone(cls, options: FrozenOptions) -> str:
        """Return the model's name."""
        return options.model

    def load_published(self) -> None:
        """Load the weights from a cache, or download them.

        Raises:
            StageError: There is neither a file nor a network, or the file has other weights.
        """
        self.model = self.source.load()

    def features(self, name: str, images: Tensor) -> Tensor:
        """Return the input of the model's classifier, ``[B, D]``.

        Images are used at the task's size; they are scaled if the model needs a fixed or a larger
        size.
        """
        side = self.source.side(images.shape[-1])
        if side != images.shape[-1]:
            images = F.interpolate(images, size=side, mode="bilinear", antialias=True)
        features: Tensor = self.model((images - self.mean) / self.std)
        return features.flatten(1)
