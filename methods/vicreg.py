"""VICReg: the projections of two views are close, vary over images, and are uncorrelated.

Bardes, Ponce and LeCun, "VICReg: variance-invariance-covariance regularization for self-supervised
learning", ICLR 2022. Head and loss are lightly's.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from facebench.backbones import Backbone
from facebench.method import MethodInfo, Terms
from facebench.pretrain.devices import gathered
from facebench.ranges import PositiveWeight, Width

from ._two_views import TwoViewMethod, TwoViewOptions


@dataclass(frozen=True, kw_only=True)
class VICRegOptions(TwoViewOptions):
    """Options of VICReg (section 4)."""

    invariance: PositiveWeight = 25.0  # lambda
    variance: PositiveWeight = 25.0  # mu
    covariance: PositiveWeight = 1.0  # nu
    projection_dim: Width = 8192  # of each of the expander's three layers


class VICReg(TwoViewMethod):
    """An expander of three layers on F_s, and the three terms of the loss on its output."""

    info = MethodInfo(
        name="vicreg",
        title="VICReg",
        version=1,
        paper="Bardes et al., ICLR 2022",
        year=2022,
        paper_url="https://arxiv.org/abs/2105.04906",
        code_url="https://github.com/facebookresearch/vicreg",
        presets={"quick": {"projection_dim": 1024}},  # the expander would take most of the time
        small={"projection_dim": 64},
    )
    Options = VICRegOptions
    options: VICRegOptions

    def __init__(self, backbone: Backbone, options: VICRegOptions, image_size: int) -> None:
        from lightly.models.modules.heads import VICRegProjectionHead

        from ._vicreg_loss import Criterion

        super().__init__(backbone, options, image_size)
        width = options.projection_dim
        self.head = VICRegProjectionHead(self.feature_dim, width, width)
        self.criterion = Criterion(options.invariance, options.variance, options.covariance)

    def loss(self, views: tuple[Tensor, ...], generator: torch.Generator) -> Terms:
        """Return the weighted sum of invariance, variance and covariance (VICReg, Eq. 6)."""
        z0, z1 = (self.head(self.encode(view)).float() for view in views)
        return {"L_vicreg": self.criterion(gathered(z0), gathered(z1))}
