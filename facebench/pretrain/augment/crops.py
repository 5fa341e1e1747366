"""Random crops of a batch: drawing the boxes, and the augmentation steps that crop.

For the behaviour of steps see :mod:`facebench.pretrain.augment.transforms`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from facebench.pretrain.augment import draws, geometry
from facebench.pretrain.augment.ahead import drawn
from facebench.pretrain.augment.compiled import compilable

_ATTEMPTS = 10  # as torchvision: boxes tried before the central one is taken


@drawn
def resized_crop_boxes(
    count: int,
    height: int,
    width: int,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    generator: Generator,
) -> Tensor:
    """Draw the boxes of a random resized crop, distributed as torchvision's.

    The area is uniform, the aspect ratio log-uniform, both sides are rounded to whole pixels; the
    first of ten boxes that fits is put at a uniform place. If none fits, the largest central box
    within the range of ratios is taken.

    Args:
        count: number of images, B.
        height: height of the images in pixels.
        width: width of the images in pixels.
        scale: range of the box's area as a part of the image's.
        ratio: range of the box's width divided by its height.
        generator: generator for all random draws.

    Returns:
        int64 ``[B, 4]``: top, left, height, width.
    """
    area = draws.uniform((count, _ATTEMPTS), scale[0], scale[1], generator) * (height * width)
    log_ratio = draws.uniform((count, _ATTEMPTS), math.log(ratio[0]), math.log(ratio[1]), generator)
    place = draws.uniform((count, 2), 0, 1, generator)
    widths = (area * log_ratio.exp()).sqrt().round().long()
    heights = (area / log_ratio.exp()).sqrt().round().long()
    fits = (widths > 0) & (widths <= width) & (heights > 0) & (heights <= height)
    first = fits.int().argmax(dim=1, keepdim=True)
    sides = torch.cat([heights.gather(1, first), widths.gather(1, first)], dim=1)  # [B, 2]
    extent = torch.tensor([height, width], device=sides.device)
    corner = torch.minimum((place * (extent - sides + 1)).long(), extent - sides)
    drawn = torch.cat([corner, sides], dim=1)
    central = drawn.new_tensor(_central_box(height, width, ratio))
    return torch.where(fits.any(dim=1, keepdim=True), drawn, central)


def _central_box(height: int, width: int, ratio: tuple[float, float]) -> list[int]:
    box_height, box_width = height, width
    if width / height < ratio[0]:
        box_height = round(width / ratio[0])
    elif width / height > ratio[1]:
        box_width = round(height * ratio[1])
    return [(height - box_height) // 2, (width - box_width) // 2, box_height, box_width]


@drawn
def quadrant_boxes(
    count: int, height: int, width: int, fraction: float, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Draw two boxes inside two different quarters of each image, as PCL's released code does.

    The ordered pair of quarters is uniform over the twelve, the place of each box uniform over
    whole pixels inside its quarter. The sides are ``2 * max(1, int(fraction / 2 * side))`` pixels:
    24 for 64 pixels and PCL's fraction of 0.4.

    Args:
        count: number of images, B.
        height: height of the images in pixels.
        width: width of the images in pixels.
        fraction: side of a box as a part of the image's, at most 0.5.
        generator: generator for all random draws.

    Returns:
        Two int64 ``[B, 4]``: top, left, height, width of the first and of the second boxes.
    """
    quarters = draws.orders(count, 4, generator)[:, :2]  # [B, 2]: number of the quarter, row by row
    place = draws.uniform((count, 2, 2), 0, 1, generator)
    image = torch.tensor([height, width], device=place.device)
    sides = 2 * (image * (fraction / 2)).long().clamp(min=1)
    begin = torch.stack([quarters // 2, quarters % 2], dim=2) * (image // 2)  # [B, 2, 2]
    end = torch.where(begin > 0, image, image // 2)
    extent = end - begin - sides
    corner = begin + torch.minimum((place * (extent + 1)).long(), extent)
    boxes = torch.cat([corner, sides.expand_as(corner)], dim=2)
    return boxes[:, 0], boxes[:, 1]


@dataclass(frozen=True)
class RandomResizedCrop:
    """Cut a random box out of each image and resize it to a square.

    Args:
        size: side of the result in pixels.
        scale: range of the box's area as a part of the image's.
        ratio: range of the box's width divided by its height, drawn log-uniformly.
    """

    size: int
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        draws.require(self.size > 0, "size", self.size, "a positive number of pixels")
        draws.require(0 < self.scale[0] <= self.scale[1], "scale", self.scale, "0 < low <= high")
        draws.require(0 < self.ratio[0] <= self.ratio[1], "ratio", self.ratio, "0 < low <= high")

    @draws.full_precision
    @compilable
    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Crop ``[B, 3, H, W]`` to ``[B, 3, size, size]``."""
        count, _, height, width = images.shape
        boxes = resized_crop_boxes(count, height, width, self.scale, self.ratio, generator)
        return geometry.resized_crop(images, boxes, self.size)


@dataclass(frozen=True)
class QuadrantCrops:
    """Cut two boxes out of two different quarters of each image: PCL's released face views.

    Args:
        size: side of the results in pixels.
        fraction: side of a box as a part of the image's, at most 0.5 (released code: 0.4).
    """

    size: int
    fraction: float = 0.4

    def __post_init__(self) -> None:
        draws.require(self.size > 0, "size", self.size, "a positive number of pixels")
        draws.require(0 < self.fraction <= 0.5, "fraction", self.fraction, "0 < fraction <= 0.5")

    @draws.full_precision
    @compilable
    def __call__(self, images: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Crop ``[B, 3, H, W]`` to two views, each ``[B, 3, size, size]``."""
        count, _, height, width = images.shape
        first, second = quadrant_boxes(count, height, width, self.fraction, generator)
        return (
            geometry.resized_crop(images, first, self.size),
            geometry.resized_crop(images, second, self.size),
        )
