"""Split-Brain Autoencoder: two halves of a network predict each other's colour channels.

Zhang, Isola and Efros, "Split-brain autoencoders: unsupervised learning by cross-channel
prediction", CVPR 2017. One half sees the lightness L and predicts the colour ab, the other sees ab
and predicts L; the representation is both halves side by side.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.backbones import Backbone
from facebench.errors import SpecError
from facebench.method import Method, MethodInfo, Terms
from facebench.pretrain.augment.crops import RandomResizedCrop
from facebench.pretrain.augment.transforms import Compose, Flip
from facebench.ranges import Area, check_values

from ._lab import LIGHTNESS_BINS, colour_bins, lightness_bin, nearest_bin, rgb_to_lab

AB_RANGE = 110.0  # a and b are divided by it for the backbone, which takes values in [0, 1]


@dataclass(frozen=True, kw_only=True)
class SplitBrainOptions:
    """Options of the Split-Brain Autoencoder."""

    crop_scale: Area = 0.5  # smallest area of a crop: project's choice
    # predictions along each side of a cell of the feature map: project's choice
    cells: Annotated[int, Interval(ge=1, le=64)] = 4

    def __post_init__(self) -> None:
        check_values(self)


class SplitBrain(Method):
    """The first half of the channels is computed from L, the second from ab.

    The backbone is any network and cannot be cut in two. It is applied twice instead, to L and to
    ab, and of each pass only its half of the channels is used; the halves share the weights of the
    layers below.
    """

    info = MethodInfo(
        name="splitbrain",
        title="SplitBrain",
        version=1,
        paper="Zhang et al., CVPR 2017",
        year=2017,
        paper_url="https://arxiv.org/abs/1611.09842",
        code_url="https://github.com/richzhang/splitbrainauto",
    )
    Options = SplitBrainOptions
    options: SplitBrainOptions

    def __init__(self, backbone: Backbone, options: SplitBrainOptions, image_size: int) -> None:
        super().__init__(backbone, options, image_size)
        if backbone.channels < 2:
            raise SpecError(
                f"the backbone has {backbone.channels} channel; expected two or more, since "
                "SplitBrain splits them in halves."
            )
        self.lightness_channels = backbone.channels // 2
        centres = colour_bins()
        self.register_buffer("centres", centres, persistent=False)  # a constant
        self.centres: Tensor
        pixels = options.cells**2
        self.to_ab = nn.Conv2d(self.lightness_channels, len(centres) * pixels, 1)
        colour_channels = backbone.channels - self.lightness_channels
        self.to_lightness = nn.Conv2d(colour_channels, LIGHTNESS_BINS * pixels, 1)
        self.augment = Compose((RandomResizedCrop(image_size, (options.crop_scale, 1.0)), Flip()))

    def halves(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the feature maps ``[B, C/2, h, w]`` of the lightness and of the colour."""
        lab = rgb_to_lab(images)
        lightness = (lab[:, :1] / 100).expand(-1, 3, -1, -1)
        ab = lab[:, 1:] / (2 * AB_RANGE) + 0.5
        colour = torch.cat([ab, torch.full_like(ab[:, :1], 0.5)], dim=1)
        return (
            self.backbone(lightness.clamp(0, 1))[:, : self.lightness_channels],
            self.backbone(colour.clamp(0, 1))[:, self.lightness_channels :],
        )

    def encode(self, images: Tensor) -> Tensor:
        """Return F_s, ``[B, C*h*w]``: both halves, each of its own channels (section 3.2)."""
        return torch.cat(self.halves(images), dim=1).flatten(1)

    def views(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return one crop ``[B, 3, S, S]`` of each image, mirrored or not."""
        return self.augment(images, generator)

    def loss(self, views: Tensor, generator: torch.Generator) -> Terms:
        """Return the cross-entropies of the bins of ab given L, and of L given ab (Eq. 2)."""
        of_lightness, of_colour = self.halves(views)
        ab_scores = F.pixel_shuffle(self.to_ab(of_lightness), self.options.cells)  # [B, Q, m, n]
        l_scores = F.pixel_shuffle(self.to_lightness(of_colour), self.options.cells)
        lab = F.adaptive_avg_pool2d(rgb_to_lab(views), (ab_scores.shape[2], ab_scores.shape[3]))
        return {
            "L_ab": F.cross_entropy(ab_scores.float(), nearest_bin(lab[:, 1:], self.centres)),
            "L_l": F.cross_entropy(l_scores.float(), lightness_bin(lab[:, 0])),
        }
