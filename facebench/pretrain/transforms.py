"""Where plugins found :mod:`facebench.pretrain.augment.transforms` before; new ones look there."""

from facebench.pretrain.augment.transforms import (
    ColorJitter,
    Compose,
    Flip,
    GaussianBlur,
    GaussianNoise,
    Grayscale,
    Rotation,
    Sobel,
)

__all__ = [
    "ColorJitter",
    "Compose",
    "Flip",
    "GaussianBlur",
    "GaussianNoise",
    "Grayscale",
    "Rotation",
    "Sobel",
]
