"""BYOL: an online network predicts what its own moving average says of another view.

Grill et al., "Bootstrap your own latent: a new approach to self-supervised learning", NeurIPS 2020.
Heads and moving average are lightly's.
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facebench.backbones import Backbone
from facebench.method import MethodInfo, Terms
from facebench.ranges import Momentum, Width

from ._two_views import TwoViewMethod, TwoViewOptions, rising_momentum


@dataclass(frozen=True, kw_only=True)
class BYOLOptions(TwoViewOptions):
    """Options of BYOL (section 3.3)."""

    momentum: Momentum = 0.996  # tau_base; rises to 1 by a cosine over the epochs
    hidden: Width = 4096  # of projection and prediction
    projection_dim: Width = 256  # of the outputs of projection and prediction


class BYOL(TwoViewMethod):
    """An online network with a predictor, and a target network without gradient."""

    info = MethodInfo(
        name="byol",
        title="BYOL",
        version=1,
        paper="Grill et al., NeurIPS 2020",
        year=2020,
        paper_url="https://arxiv.org/abs/2006.07733",
        code_url="https://github.com/google-deepmind/deepmind-research",
        presets={
            # A target that moves by 0.4 % a step is hardly older than its start after 100 steps. At
            # the rate of other methods, 1e-3, the features collapse (docs/fidelity.md).
            "quick": {"momentum": 0.97, "pretrain.lr": 1e-4}
        },
    )
    Options = BYOLOptions
    options: BYOLOptions

    def __init__(self, backbone: Backbone, options: BYOLOptions, image_size: int) -> None:
        from lightly.loss import NegativeCosineSimilarity
        from lightly.models.modules.heads import BYOLPredictionHead, BYOLProjectionHead
        from lightly.models.utils import deactivate_requires_grad

        super().__init__(backbone, options, image_size)
        width = options.projection_dim
        self.head = BYOLProjectionHead(self.feature_dim, options.hidden, width)
        self.predictor = BYOLPredictionHead(width, options.hidden, width)
        self.target = nn.Sequential(copy.deepcopy(backbone), nn.Flatten(), copy.deepcopy(self.head))
        deactivate_requires_grad(self.target)
        self.momentum = options.momentum
        self.negative_cosine = NegativeCosineSimilarity()

    def loss(self, views: tuple[Tensor, ...], generator: torch.Generator) -> Terms:
        """Return the squared distance of unit vectors, both ways, 0 to 8 (BYOL, Eq. 2)."""
        # Each view has batch statistics of its own, as in the released code.
        first, second = (self.predictor(self.head(self.encode(view))).float() for view in views)
        with torch.no_grad():
            of_first, of_second = (self.target(view).float() for view in views)
        there = self.negative_cosine(first, of_second)
        back = self.negative_cosine(second, of_first)
        return {"L_byol": 4 + 2 * (there + back)}

    def before_epoch(self, epoch: int, epochs: int) -> None:
        """Let the target move more slowly (BYOL, section 3.3)."""
        self.momentum = rising_momentum(self.options.momentum, epoch, epochs)

    def after_step(self) -> None:
        """Move the target network towards the online network (BYOL, section 3.1)."""
        from lightly.models.utils import update_momentum

        backbone, _, head = self.target
        update_momentum(self.backbone, backbone, self.momentum)
        update_momentum(self.head, head, self.momentum)
