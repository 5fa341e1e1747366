"""DRML: a supervised network with a region layer, for facial action units.

Zhao, Chu and Zhang, "Deep region and multi-label learning for facial action unit detection", CVPR
2016. The network is layer by layer that of the authors' code. The loss is that of ``supervised``,
whose options it has.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.backbones import Backbone
from facebench.method import MethodInfo
from facebench.pretrain.augment import draws
from facebench.ranges import Width

from ._frame_pairs import resized
from .supervised import Supervised, SupervisedOptions

GRID = 8  # regions along each side
BORDER = 10  # pixels that the first convolution takes off a side
SMALLEST = 66  # pixels: the side of which the fifth convolution leaves a map of 3 x 3
FEATURES = 2048


@dataclass(frozen=True, kw_only=True)
class DRMLOptions(SupervisedOptions):
    """Options of DRML."""

    hidden: Width = 4096  # of the first wide layer; released code


class RegionLayer(nn.Module):
    """Each patch of an 8 x 8 grid has a convolution of its own, which is added to the map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        regions = GRID**2 * channels
        self.norm = nn.BatchNorm2d(regions, affine=False)  # released: of each patch, not learned
        self.conv = nn.Conv2d(regions, regions, 3, padding=1, groups=GRID**2)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, C, S, S]`` of the same shape; S is a multiple of 8."""
        batch, channels, side, _ = x.shape
        patch = side // GRID
        cut = x.view(batch, channels, GRID, patch, GRID, patch).permute(0, 2, 4, 1, 3, 5)
        made = self.conv(F.relu(self.norm(cut.reshape(batch, -1, patch, patch))))
        joined = made.view(batch, GRID, GRID, channels, patch, patch).permute(0, 3, 1, 4, 2, 5)
        return F.relu(x + joined.reshape(x.shape))


class DRML(Supervised):
    """Five convolutions, a region layer after the first, and two wide layers."""

    info = MethodInfo(
        name="drml",
        title="DRML",
        version=2,
        paper="Zhao et al., CVPR 2016",
        year=2016,
        code_url="https://github.com/zkl20061823/DRML",
        needs="labels",
        backbone=False,
        presets={
            "paper": {"pretrain.image_size": 170, "pretrain.batch_size": 128},
            "quick": {"pretrain.batch_size": 32, "pretrain.lr": 1e-4},
        },
        small={"hidden": 32},
    )
    Options = DRMLOptions
    options: DRMLOptions

    def __init__(self, backbone: Backbone, options: DRMLOptions, image_size: int) -> None:
        super().__init__(backbone, options, image_size)
        self.side = fitting_side(image_size)
        self.maps = nn.Sequential(
            nn.Conv2d(3, 32, 11), RegionLayer(32),
            nn.MaxPool2d(2), nn.LocalResponseNorm(5),
            nn.Conv2d(32, 16, 8), nn.ReLU(), nn.Conv2d(16, 16, 8), nn.ReLU(),
            nn.Conv2d(16, 16, 6, stride=2), nn.ReLU(), nn.Conv2d(16, 16, 5), nn.ReLU(),
        )  # fmt: skip
        pooled = (self.side - BORDER) // 2
        last = (pooled - 14 - 6) // 2 + 1 - 4  # side of the last map
        self.fc6 = nn.Linear(16 * last**2, options.hidden)
        self.fc7 = nn.Linear(options.hidden, FEATURES)
        self.feature_dim = FEATURES
        # Torch's defaults shrink what nine layers without normalisation pass on: all features of
        # all images end within 0.005, and nothing is learned in a short run.
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    @classmethod
    def own_backbone(cls, options: DRMLOptions) -> str:
        """Return the name of its network."""
        return "drml"

    def encode(self, images: Tensor) -> Tensor:
        """Return the second wide layer, ``[B, 2048]``."""
        return F.relu(self.fc7(self._fc6(images)))

    def outputs(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return the head's outputs, with dropout in both wide layers."""
        hidden = dropped(self._fc6(images), generator)
        return self.head(dropped(F.relu(self.fc7(hidden)), generator))  # type: ignore[no-any-return]

    def _fc6(self, images: Tensor) -> Tensor:
        return F.relu(self.fc6(self.maps(resized(images, self.side)).flatten(1)))


def fitting_side(side: int) -> int:
    """Return the side that images of ``side`` pixels are scaled to, so that the grid fits."""
    return max(SMALLEST, BORDER + GRID * -((BORDER - side) // GRID))


def dropped(x: Tensor, generator: torch.Generator) -> Tensor:
    """Return ``[B, D]`` with half of the numbers set to 0, and the others doubled."""
    kept = draws.uniform(tuple(x.shape), 0, 1, generator) < 0.5
    return x * kept.to(x.device) * 2
