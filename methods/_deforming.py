"""Decoders and deformation grid of the Deforming Autoencoder (released code)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MARGIN = 1.2  # the grid begins this far left of and above the centre, in half sides
LARGEST_STEP = 5.0  # of the grid, in half pixels: 2.5 pixels


class MapDecoder(nn.Sequential):
    """Decodes a code ``[B, D]`` to maps ``[B, C, S', S']``, S' the first of 8, 16, ... >= S.

    Args:
        code: Length of the code, D.
        channels: Channels of the maps, C.
        image_size: Side of the images in pixels, S.
        width: Channels of the last layers; up to 8 times as many before (released: 32).
        hidden: Activation between layers: ReLU for texture, tanh for the deformation.
        last: Activation of the maps: cut to [0, 1], or a sigmoid.
    """

    def __init__(
        self,
        code: int,
        channels: int,
        image_size: int,
        width: int,
        hidden: type[nn.Module],
        last: nn.Module,
    ) -> None:
        doublings = max(1, math.ceil(math.log2(image_size / 4)))
        widths = [width * min(8, 2 ** max(0, k - 1)) for k in range(doublings + 1)][::-1]
        layers: list[nn.Module] = [
            nn.Unflatten(1, (code, 1, 1)),
            nn.ConvTranspose2d(code, widths[0], 4, bias=False),
        ]
        for inputs, outputs in pairwise(widths):
            layers += [
                nn.InstanceNorm2d(inputs),
                hidden(),
                nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False),
            ]
        layers += [
            nn.InstanceNorm2d(widths[-1]),
            hidden(),
            nn.ConvTranspose2d(widths[-1], channels, 3, padding=1, bias=False),
            last,
        ]
        super().__init__(*layers)


def integrated(steps: Tensor) -> Tensor:
    """Return the deformation grid that non-negative steps add up to (section 3.1).

    The x of the grid never falls from left to right, its y never from top to bottom, so that the
    deformation does not fold.

    Args:
        steps: ``[B, 2, H, W]`` in [0, 1], of x and of y.

    Returns:
        ``[B, 2, H, W]`` in [-1, 1] float32.
    """
    steps = steps.float() * (LARGEST_STEP / steps.shape[-1])
    grid = torch.stack([steps[:, 0].cumsum(dim=2), steps[:, 1].cumsum(dim=1)], dim=1)
    return (grid - MARGIN).clamp(-1, 1)


def deformed(texture: Tensor, grid: Tensor) -> Tensor:
    """Return the texture ``[B, C, H, W]``, sampled at the places of a grid ``[B, 2, H, W]``."""
    return F.grid_sample(texture.float(), grid.permute(0, 2, 3, 1), align_corners=True)
