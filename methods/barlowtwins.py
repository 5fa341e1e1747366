"""Barlow Twins: the cross-correlation of the projections of two views is the identity.

Zbontar et al., "Barlow Twins: self-supervised learning via redundancy reduction", ICML 2021. Head
and loss are lightly's.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from facebench.backbones import Backbone
from facebench.method import MethodInfo, Terms
from facebench.pretrain.devices import gathered
from facebench.ranges import Weight, Width

from ._two_views import TwoViewMethod, TwoViewOptions


@dataclass(frozen=True, kw_only=True)
class BarlowTwinsOptions(TwoViewOptions):
    """Options of Barlow Twins (section 2.2)."""

    redundancy: Weight = 5e-3  # lambda, weight of the off-diagonal terms
    projection_dim: Width = 8192  # of each of the projector's three layers


class BarlowTwins(TwoViewMethod):
    """A projector of three layers on F_s; its outputs agree over views and not with each other."""

    info = MethodInfo(
        name="barlowtwins",
        title="Barlow Twins",
        version=1,
        paper="Zbontar et al., ICML 2021",
        year=2021,
        paper_url="https://arxiv.org/abs/2103.03230",
        code_url="https://github.com/facebookresearch/barlowtwins",
        presets={"quick": {"projection_dim": 1024}},  # the projector would take most of the time
        small={"projection_dim": 64},
    )
    Options = BarlowTwinsOptions
    options: BarlowTwinsOptions

    def __init__(self, backbone: Backbone, options: BarlowTwinsOptions, image_size: int) -> None:
        from lightly.loss import BarlowTwinsLoss
        from lightly.models.modules.heads import BarlowTwinsProjectionHead

        super().__init__(backbone, options, image_size)
        width = options.projection_dim
        self.head = BarlowTwinsProjectionHead(self.feature_dim, width, width)
        self.criterion = BarlowTwinsLoss(options.redundancy)

    def loss(self, views: tuple[Tensor, ...], generator: torch.Generator) -> Terms:
        """Return squared deviations of the cross-correlation from the identity (Eq. 1)."""
        z0, z1 = (self.head(self.encode(view)).float() for view in views)
        return {"L_barlow": self.criterion(gathered(z0), gathered(z1))}
