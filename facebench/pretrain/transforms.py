"""Former name of :mod:`facebench.pretrain.augment.transforms`, kept for existing plugins."""

from facebench.pretrain.augment.transforms import (
    ColorJitter,
    Compose,
    Flip,
    GaussianBlur,
    GaussianNoise,
    Grayscale,
    Rotation,
    Sobel,
    Solarize,
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
    "Solarize",
]
