"""Two views of each image as BYOL makes them, shared by the methods that came after SimCLR."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from facebench.backbones import Backbone
from facebench.method import Method
from facebench.pretrain.augment.transforms import Compose, Solarize
from facebench.ranges import Share

from ._views import PoseAugmentation, ViewOptions, appearance, pose, two_crops


@dataclass(frozen=True, kw_only=True)
class TwoViewOptions(ViewOptions):
    """Options of the views: BYOL, appendix B and table 6, but for the crop's smallest area.

    A crop takes at least a fifth of the image instead of 8 %, since a face fills the frame;
    saturation changes as much as contrast (``jitter``) instead of half as much.
    """

    jitter: float = 0.4  # brightness, contrast, saturation; BYOL, table 6
    hue: float = 0.1  # BYOL, table 6
    sobel_p: float = 0.0  # none of these methods has it
    blur_p: float = 1.0  # of the first view
    second_blur_p: Share = 0.1  # of the second view
    second_solarize_p: Share = 0.2  # the first view is never solarised
    pose_augmentation: PoseAugmentation = "flip"  # of both views; BYOL, appendix B


class TwoViewMethod(Method):
    """A method that learns from two views of each image; a subclass has ``info`` and ``loss``."""

    Options = TwoViewOptions
    options: Any

    def __init__(self, backbone: Backbone, options: Any, image_size: int) -> None:
        super().__init__(backbone, options, image_size)
        second = appearance(replace(options, blur_p=options.second_blur_p), image_size)
        self.appearances = (
            appearance(options, image_size),
            Compose((*second.steps, Solarize(options.second_solarize_p))),
        )
        self.pose = pose(options.pose_augmentation, options, p=0.5)

    def views(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return two augmented views ``[B, 3, S, S]`` of each image."""
        crops = two_crops(images, self.options, self.image_size, generator)
        return tuple(
            appearance(self.pose(crop, generator), generator)
            for appearance, crop in zip(self.appearances, crops, strict=True)
        )


def rising_momentum(base: float, epoch: int, epochs: int) -> float:
    """Return the momentum of a moving average, which rises from ``base`` towards 1 by a cosine.

    BYOL, section 3.3, and DINO, section 3.1: by step there, by epoch here.
    """
    return 1 - (1 - base) * (1 + math.cos(math.pi * epoch / epochs)) / 2
