"""SimCLR: contrastive learning on two views of each image, with in-batch negatives.

Chen et al., "A simple framework for contrastive learning of visual representations", ICML 2020;
with the settings of PCL's baseline (PCL section 4.1).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from facebench.backbones import Backbone
from facebench.method import Method, MethodInfo, Terms
from facebench.pretrain.losses import mixed_nt_xent
from facebench.ranges import Temperature, Width

from ._views import PoseAugmentation, ViewOptions, appearance, pose, two_crops


@dataclass(frozen=True, kw_only=True)
class SimCLROptions(ViewOptions):
    """Options of SimCLR, in addition to those of the views."""

    temperature: Temperature = 0.07  # PCL section 4.1
    negative_interpolation: bool = True  # PCL section 4.1
    pose_augmentation: PoseAugmentation = "none"  # PCL Table 5: the baseline has none
    projection_hidden: Width = 2048  # lightly's default; SimCLR section 3 uses the feature's width
    projection_dim: Width = 128  # SimCLR, section 3


class SimCLR(Method):
    """A projection head on F_s and NT-Xent over a batch of pairs."""

    info = MethodInfo(
        name="simclr",
        title="SimCLR",
        version=2,  # 1: mixtures of opposite negatives could have a cosine above 1
        paper="Chen et al., ICML 2020",
        year=2020,
        paper_url="https://arxiv.org/abs/2002.05709",
        code_url="https://github.com/google-research/simclr",
        presets={
            # With few epochs, weaker views and a higher temperature learn faster (measured).
            "quick": {
                "temperature": 0.1,
                "negative_interpolation": False,
                "pose_augmentation": "flip",
                "blur_p": 0.5,
                "sobel_p": 0.0,
            }
        },
    )
    Options = SimCLROptions
    options: SimCLROptions

    def __init__(self, backbone: Backbone, options: SimCLROptions, image_size: int) -> None:
        from lightly.loss import NTXentLoss
        from lightly.models.modules.heads import SimCLRProjectionHead

        super().__init__(backbone, options, image_size)
        self.head = SimCLRProjectionHead(
            self.feature_dim, options.projection_hidden, options.projection_dim
        )
        self.nt_xent = NTXentLoss(options.temperature, gather_distributed=True)
        self.appearance = appearance(options, image_size)
        self.pose = pose(options.pose_augmentation, options, p=0.5)

    def views(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return two augmented views ``[B, 3, S, S]`` of each image."""
        first, second = (
            self.appearance(self.pose(crop, generator), generator)
            for crop in two_crops(images, self.options, self.image_size, generator)
        )
        return first, second

    def loss(self, views: tuple[Tensor, Tensor], generator: torch.Generator) -> Terms:
        """Return NT-Xent (SimCLR Eq. 1), with mixed negatives if they are interpolated."""
        z0, z1 = self.head(self.encode(torch.cat(views))).chunk(2)
        if self.options.negative_interpolation:
            loss = mixed_nt_xent(z0, z1, self.options.temperature, generator)
        else:
            loss = self.nt_xent(z0.float(), z1.float())
        return {"L_contrast": loss}
