"""SimSiam: two views of each image predict each other, without negatives or a moving average.

Chen and He, "Exploring simple Siamese representation learning", CVPR 2021. Heads and loss are
lightly's.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from facebench.backbones import Backbone
from facebench.method import MethodInfo, Terms
from facebench.ranges import Width

from ._two_views import TwoViewMethod, TwoViewOptions


@dataclass(frozen=True, kw_only=True)
class SimSiamOptions(TwoViewOptions):
    """Options of SimSiam; views as in MoCo v2 (SimSiam, appendix A)."""

    blur_p: float = 0.5  # of the first view
    second_blur_p: float = 0.5  # of the second view
    second_solarize_p: float = 0.0  # MoCo v2 does not solarise
    projection_dim: Width = 2048  # d of the projections, and of the hidden layers (section 3)
    prediction_hidden: Width = 512  # the predictor's bottleneck (section 3)


class SimSiam(TwoViewMethod):
    """A projection and a predictor on F_s; the side that is predicted gets no gradient."""

    info = MethodInfo(
        name="simsiam",
        title="SimSiam",
        version=1,
        paper="Chen and He, CVPR 2021",
        year=2021,
        paper_url="https://arxiv.org/abs/2011.10566",
        code_url="https://github.com/facebookresearch/simsiam",
        small={"projection_dim": 64, "prediction_hidden": 16},
    )
    Options = SimSiamOptions
    options: SimSiamOptions

    def __init__(self, backbone: Backbone, options: SimSiamOptions, image_size: int) -> None:
        from lightly.loss import NegativeCosineSimilarity
        from lightly.models.modules.heads import SimSiamPredictionHead, SimSiamProjectionHead

        super().__init__(backbone, options, image_size)
        width = options.projection_dim
        self.head = SimSiamProjectionHead(self.feature_dim, width, width)
        self.predictor = SimSiamPredictionHead(width, options.prediction_hidden, width)
        self.negative_cosine = NegativeCosineSimilarity()

    def loss(self, views: tuple[Tensor, ...], generator: torch.Generator) -> Terms:
        """Return the symmetrised negative cosine, -1 to 1 (SimSiam, Eqs. 1 to 4)."""
        # Each view has batch statistics of its own, as in the paper's Algorithm 1.
        z0, z1 = (self.head(self.encode(view)) for view in views)
        p0, p1 = self.predictor(z0), self.predictor(z1)
        cosine = self.negative_cosine
        there = cosine(p0.float(), z1.detach().float())
        back = cosine(p1.float(), z0.detach().float())
        return {"L_cosine": (there + back) / 2}
