"""CIE Lab colours of RGB images, and their bins, as Split-Brain Autoencoders predict them."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from facebench.pretrain.augment.color import constants

BIN = 10  # units of a and b; Zhang et al., "Colorful image colorization", ECCV 2016, section 2.1
_SIDE = 16  # more than the bins on one side of 0
LIGHTNESS_BINS = 100  # of one unit of L; Split-Brain, section 4.1

# sRGB to CIE XYZ, and the white point D65 (IEC 61966-2-1), as scikit-image has them.
_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_WHITE = (0.95047, 1.0, 1.08883)


def rgb_to_lab(images: Tensor) -> Tensor:
    """Return CIE Lab of sRGB images, float32 in every precision.

    Args:
        images: ``[B, 3, H, W]`` in [0, 1].

    Returns:
        ``[B, 3, H, W]``: L in [0, 100], a and b within about 110 of 0.
    """
    with torch.autocast(images.device.type, enabled=False):
        rgb = images.float().clamp(0, 1)
        linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
        to_xyz = constants([value for row in _XYZ for value in row], images).view(3, 3).float()
        xyz = torch.einsum("ij,bjhw->bihw", to_xyz, linear)
        ratio = xyz / constants(_WHITE, images).float().view(1, 3, 1, 1)
        root = ratio.clamp_min(1e-8) ** (1 / 3)
        x, y, z = torch.where(ratio > 0.008856, root, 7.787 * ratio + 16 / 116).unbind(dim=1)
        return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


@cache
def colour_bins() -> Tensor:
    """Return the centres ``[Q, 2]`` of the bins of a and b that sRGB colours reach."""
    steps = torch.linspace(0, 1, 65)
    rgb = torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij")).flatten(1)
    a, b = (rgb_to_lab(rgb[None, :, :, None])[0, 1:, :, 0] / BIN).round().long()
    codes = ((a + _SIDE) * 2 * _SIDE + b + _SIDE).unique()
    return BIN * torch.stack([codes // (2 * _SIDE) - _SIDE, codes % (2 * _SIDE) - _SIDE], 1).float()


def nearest_bin(ab: Tensor, centres: Tensor) -> Tensor:
    """Return the index of the nearest centre of each colour.

    Args:
        ab: ``[B, 2, h, w]``.
        centres: ``[Q, 2]``.

    Returns:
        int64 ``[B, h, w]``.
    """
    with torch.autocast(ab.device.type, enabled=False):
        return (
            torch.cdist(ab.permute(0, 2, 3, 1).flatten(0, 2), centres)
            .argmin(1)
            .view(len(ab), *ab.shape[2:])
        )


def lightness_bin(lightness: Tensor) -> Tensor:
    """Return the bin of each L in [0, 100], int64 of the same shape, from 0 to 99."""
    return lightness.floor().long().clamp(0, LIGHTNESS_BINS - 1)
