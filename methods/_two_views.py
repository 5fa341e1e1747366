"""Two views of each image as BYOL makes them, shared by the methods that came after SimCLR."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from facebench.backbones import Backbone
from facebench.errors import SpecError
from facebench.method import Method
from facebench.pretrain.augment.transforms import Compose, Solarize

from ._views import PoseAugmentation, ViewOptions, appearance, pose, two_crops


@dataclass(frozen=True, kw_only=True)
class TwoViewOptions(ViewOptions):
    """Options of the views: BYOL, appendix B and table 6, but for the crop's smallest area.

    A crop takes at least a fifth of the image instead of 8 %, since a face fills the frame;
    saturation changes as much as contrast (``jitter``) instead of half as much.
    """

    jitter: float = 0.4
    hue: float = 0.1
    sobel_p: float = 0.0  # none of these methods has it
    blur_p: float = 1.0  # of the first view
    second_blur_p: float = 0.1
    second_solarize_p: float = 0.2  # the first view is never solarised
    pose_augmentation: PoseAugmentation = "flip"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("second_blur_p", "second_solarize_p"):
            if not 0 <= getattr(self, name) <= 1:
                raise SpecError(f"{name} is {getattr(self, name)}; expected 0 to 1.")

    def require_positive(self, *names: str) -> None:
        """Refuse options of these names that are not above 0.

        Raises:
            SpecError: One of them is not.
        """
        for name in names:
            if getattr(self, name) <= 0:
                raise SpecError(f"{name} is {getattr(self, name)}; expected more than 0.")

    def require_not_negative(self, *names: str) -> None:
        """Refuse options of these names that are below 0.

        Raises:
            SpecError: One of them is.
        """
        for name in names:
            if getattr(self, name) < 0:
                raise SpecError(f"{name} is {getattr(self, name)}; expected 0 or more.")

    def require_momentum(self, name: str) -> None:
        """Refuse an option that is no momentum of a moving average.

        Raises:
            SpecError: It is below 0, or 1 or more.
        """
        if not 0 <= getattr(self, name) < 1:
            found = getattr(self, name)
            raise SpecError(f"{name} is {found}; expected 0 or more, and less than 1.")


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
