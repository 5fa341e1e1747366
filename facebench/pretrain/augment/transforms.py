"""Random augmentation of a batch: every image gets draws of its own.

Each class is a small frozen record of options and a function
``(images [B, 3, H, W] in [0, 1], generator) -> images``. All draws come from the given generator,
never from the global random state; they are made on the generator's device and then moved to the
images. A generator on the CPU, the intended use, thus gives the same augmentation on every device;
:mod:`facebench.pretrain.augment.ahead` moves all draws of a batch together. The number of draws
depends on the batch size only, so changing a probability does not change the draws of other steps.

Names and options follow torchvision, whose operators these equal image by image, but they process a
whole batch. The crops are in :mod:`facebench.pretrain.augment.crops`, the deterministic operators
in :mod:`facebench.pretrain.augment.geometry` and :mod:`facebench.pretrain.augment.color`. No step
writes into its input, but a step that changes nothing may return it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Generator, Tensor

from facebench.pretrain.augment import color, draws, geometry
from facebench.pretrain.augment.compiled import compilable, known_to_host

Augmentation = Callable[[Tensor, Generator], Tensor]
"""Type of a step of :class:`Compose`: a function of images and generator to images."""


@dataclass(frozen=True)
class Compose:
    """Apply steps one after the other, each with its own draws from the same generator.

    Args:
        steps: the augmentations in their order.
    """

    steps: tuple[Augmentation, ...]

    @draws.full_precision
    @compilable
    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Augment ``[B, 3, H, W]``; the result has the memory format of ``images``."""
        packed = images.is_contiguous(memory_format=torch.channels_last)
        keep = torch.channels_last if packed else torch.contiguous_format
        images = images.contiguous()  # the operators are fastest on contiguous colour planes
        for step in self.steps:
            images = step(images, generator)
        return images.contiguous(memory_format=keep)


def some(
    images: Tensor, mask: Tensor, p: float, operator: Callable[..., Tensor], *rows: Tensor
) -> Tensor:
    """Apply an operator to the images of a mask that was drawn with probability ``p``.

    Where the host does not know the mask, it knows at least the masks of p = 0 and p = 1. The other
    arguments are those of :func:`facebench.pretrain.augment.geometry.apply_where`.
    """
    if not known_to_host(mask) and p in (0, 1):
        return operator(images, *rows) if p else images
    return geometry.apply_where(images, mask, operator, *rows)


@dataclass(frozen=True)
class Flip:
    """Mirror an image left to right with probability ``p``."""

    p: float = 0.5

    def __post_init__(self) -> None:
        draws.require_probability(self.p)

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Flip some of ``[B, 3, H, W]``."""
        mask = draws.chosen(len(images), self.p, generator)
        return some(images, mask, self.p, geometry.flip)


@dataclass(frozen=True)
class Rotation:
    """Rotate an image about its centre and move it, with probability ``p``.

    Args:
        degrees: the angle is drawn from U(-degrees, degrees).
        translate: the shifts are drawn from U(-translate, translate), as parts of the width and
            of the height; 0 only rotates. Unlike torchvision's they are not rounded to pixels.
        fill: padding outside the image: ``"zeros"``, ``"border"`` or ``"reflection"``.
        p: probability that an image is changed.
    """

    degrees: float
    translate: float = 0.0
    fill: str = "zeros"
    p: float = 1.0

    def __post_init__(self) -> None:
        draws.require(self.degrees >= 0, "degrees", self.degrees, "a non-negative angle")
        draws.require(0 <= self.translate <= 1, "translate", self.translate, "between 0 and 1")
        fills = ("zeros", "border", "reflection")
        draws.require(self.fill in fills, "fill", self.fill, f"one of {', '.join(fills)}")
        draws.require_probability(self.p)

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Rotate and move some of ``[B, 3, H, W]``."""
        count, _, height, width = images.shape
        mask = draws.chosen(count, self.p, generator)
        degrees = draws.uniform((count,), -self.degrees, self.degrees, generator)
        shift = draws.uniform((count, 2), -self.translate, self.translate, generator)
        shift = torch.stack([shift[:, 0] * width, shift[:, 1] * height], dim=1)
        move = partial(geometry.affine, fill=self.fill)
        return some(images, mask, self.p, move, degrees, shift)


@dataclass(frozen=True)
class ColorJitter:
    """Change brightness, contrast, saturation and hue, in an order drawn for each image.

    The factors of the first three are drawn from U(max(0, 1 - x), 1 + x), the shift of the hue
    from U(-hue, hue) in turns of the colour circle, as in torchvision.

    Args:
        brightness: range x of the brightness factor.
        contrast: range x of the contrast factor.
        saturation: range x of the saturation factor.
        hue: largest shift, at most 0.5.
        p: probability that an image is changed.
    """

    brightness: float
    contrast: float
    saturation: float
    hue: float
    p: float = 1.0

    def __post_init__(self) -> None:
        for option in ("brightness", "contrast", "saturation"):
            value = getattr(self, option)
            draws.require(value >= 0, option, value, "a non-negative number")
        draws.require(0 <= self.hue <= 0.5, "hue", self.hue, "between 0 and 0.5")
        draws.require_probability(self.p)

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Jitter some of ``[B, 3, H, W]``."""
        count = len(images)
        mask = draws.chosen(count, self.p, generator)
        order = draws.orders(count, 4, generator)
        ranges = [
            (max(0.0, 1 - x), 1 + x) for x in (self.brightness, self.contrast, self.saturation)
        ]
        ranges.append((-self.hue, self.hue))
        columns = [draws.uniform((count,), low, high, generator) for low, high in ranges]
        factors = torch.stack(columns, dim=1)
        return color.color_jitter(images, factors, order, mask)


@dataclass(frozen=True)
class Grayscale:
    """Turn an image grey with probability ``p``."""

    p: float = 0.2

    def __post_init__(self) -> None:
        draws.require_probability(self.p)

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Turn some of ``[B, 3, H, W]`` grey."""
        mask = draws.chosen(len(images), self.p, generator)
        return some(images, mask, self.p, color.grayscale)


@dataclass(frozen=True)
class GaussianBlur:
    """Blur an image with probability ``p``.

    Args:
        kernel: number of taps along each axis, odd.
        sigma: range of the standard deviation in pixels, drawn uniformly.
        p: probability that an image is changed.
    """

    kernel: int
    sigma: tuple[float, float] = (0.1, 2.0)
    p: float = 0.5

    def __post_init__(self) -> None:
        draws.require(
            self.kernel > 0 and self.kernel % 2 == 1, "kernel", self.kernel, "an odd number"
        )
        draws.require(0 < self.sigma[0] <= self.sigma[1], "sigma", self.sigma, "0 < low <= high")
        draws.require_probability(self.p)

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Blur some of ``[B, 3, H, W]``."""
        mask = draws.chosen(len(images), self.p, generator)
        sigma = draws.uniform((len(images),), *self.sigma, generator)
        blur = partial(geometry.gaussian_blur, kernel_size=self.kernel)
        return some(images, mask, self.p, blur, sigma)


@dataclass(frozen=True)
class Sobel:
    """Replace an image by its Sobel edges with probability ``p``."""

    p: float = 0.6

    def __post_init__(self) -> None:
        draws.require_probability(self.p)

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Filter some of ``[B, 3, H, W]``."""
        mask = draws.chosen(len(images), self.p, generator)
        return some(images, mask, self.p, geometry.sobel)


@dataclass(frozen=True)
class Solarize:
    """Invert the values of an image from 0.5 on, with probability ``p``."""

    p: float = 0.2

    def __post_init__(self) -> None:
        draws.require_probability(self.p)

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Solarise some of ``[B, 3, H, W]``."""
        mask = draws.chosen(len(images), self.p, generator)
        return some(images, mask, self.p, color.solarize)


@dataclass(frozen=True)
class GaussianNoise:
    """Add independent normal noise to every value; the result may leave [0, 1].

    Args:
        sigma: standard deviation, in units of the images (PCL's released decoder input: 0.4).
    """

    sigma: float

    def __post_init__(self) -> None:
        draws.require(self.sigma >= 0, "sigma", self.sigma, "a non-negative number")

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Add noise to ``[B, 3, H, W]``, drawn on the device of the images."""
        return draws.normal(images, self.sigma, generator).add_(images)
