"""Tiny networks, so that the contract test of a method takes seconds."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from facebench.backbones import Backbone, NoBackbone, act, conv
from facebench.method import Method
from facebench.timm_models import feature_map


class TwoBlocks(Backbone):
    """A tiny vision transformer of timm, for methods that need one: ``[B, 16, S/4, S/4]``."""

    channels = 16

    def __init__(self) -> None:
        from timm.models.vision_transformer import VisionTransformer

        super().__init__()
        self.model = VisionTransformer(
            img_size=32, patch_size=4, embed_dim=self.channels, depth=2, num_heads=2,
            num_classes=0, dynamic_img_size=True,
        )  # fmt: skip

    @property
    def transformer(self) -> Any:
        """Return the model."""
        return self.model

    def forward(self, images: Tensor) -> Tensor:
        """Return the patch tokens of ``[B, 3, S, S]`` images as a map."""
        return feature_map(self.model, images, "of two blocks")


class TwoLayers(Backbone):
    """A tiny backbone, so that a contract test takes seconds: ``[B, 8, S/8, S/8]``."""

    channels = 8

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(conv(3, 8, kernel=7, stride=4), act(), conv(8, 8, stride=2))

    def forward(self, images: Tensor) -> Tensor:
        """Return the feature map of ``[B, 3, S, S]`` images."""
        return self.layers(images)  # type: ignore[no-any-return]


def small_backbone(cls: type[Method]) -> Backbone:
    """Return a small backbone of the kind that a method needs, with the same weights each time."""
    if not cls.info.backbone:
        return NoBackbone()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return TwoBlocks() if cls.info.transformer else TwoLayers()
