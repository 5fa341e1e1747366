"""Augmentation shared by SimCLR and PCL: options, appearance and pose augmentation.

PCL section 4.1 names the baseline's augmentations (random crop, colour jitter, Gaussian blur,
Sobel filtering) without their strengths, which are taken from the released code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval
from torch import Generator, Tensor

from facebench.pretrain.augment.crops import QuadrantCrops, RandomResizedCrop
from facebench.pretrain.augment.transforms import (
    Augmentation,
    ColorJitter,
    Compose,
    Flip,
    GaussianBlur,
    Grayscale,
    Rotation,
    Sobel,
)
from facebench.ranges import Area, Share, check_values

PoseAugmentation = Literal["none", "flip", "rotation", "both", "all"]  # all: both, and translation

# Largest shift of "all", as a part of the side: the project's choice, PCL gives no number.
TRANSLATION = 0.1


@dataclass(frozen=True, kw_only=True)
class ViewOptions:
    """Options of the stochastic augmentation."""

    crop: Literal["resized", "quadrants"] = "resized"  # PCL 4.1 "random crop"; released: quadrants
    # smallest area of a resized crop, since a face fills the frame
    crop_scale: Area = 0.2
    jitter: Share = 0.8  # brightness, contrast, saturation; released PCL
    hue: Annotated[float, Interval(ge=0, le=0.5)] = 0.2  # released PCL
    jitter_p: Share = 0.8  # released PCL
    grayscale_p: Share = 0.2  # released PCL
    blur_p: Share = 0.8  # released PCL: kernel int(0.1 * 64) -> 7, sigma U(0.1, 2)
    sobel_p: Share = 0.6  # released PCL
    # when pose augmentation rotates; PCL gives no number
    rotation_degrees: Annotated[float, Interval(ge=0, le=180)] = 30.0

    def __post_init__(self) -> None:
        check_values(self)


def appearance(options: ViewOptions, image_size: int) -> Compose:
    """Return the augmentation of appearance, which keeps the pose: colour, blur, edges."""
    kernel = max(3, int(0.1 * image_size) // 2 * 2 + 1)  # odd: 7 at 64 px
    x = options.jitter
    return Compose(
        (
            ColorJitter(x, x, x, options.hue, p=options.jitter_p),
            Grayscale(options.grayscale_p),
            GaussianBlur(kernel, (0.1, 2.0), p=options.blur_p),
            Sobel(options.sobel_p),
        )
    )


def pose(kind: PoseAugmentation, options: ViewOptions, *, p: float) -> Compose:
    """Return the pose augmentation (PCL section 3.2).

    A flip, a rotation, or both; ``all`` also translates the face, which PCL section 4.1 compares
    with the flip alone.

    Args:
        kind: The transformations; ``none`` changes nothing.
        options: Options with the angle of the rotation.
        p: Probability of each transformation.
    """
    steps: list[Augmentation] = []
    if kind in ("flip", "both", "all"):
        steps.append(Flip(p))
    if kind in ("rotation", "both", "all"):
        shift = TRANSLATION if kind == "all" else 0.0
        steps.append(Rotation(options.rotation_degrees, translate=shift, fill="border", p=p))
    return Compose(tuple(steps))


def two_crops(
    images: Tensor, options: ViewOptions, image_size: int, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Return two crops ``[B, 3, S, S]`` of each image: independent, or from two quadrants."""
    if options.crop == "quadrants":
        return QuadrantCrops(image_size)(images, generator)
    crop = RandomResizedCrop(image_size, (options.crop_scale, 1.0))
    return crop(images, generator), crop(images, generator)
