"""SphereFace: softmax over persons, with the angle of the true one multiplied by a margin.

Liu et al., "SphereFace: deep hypersphere embedding for face recognition", CVPR 2017, Eqs. 5 and 7.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from annotated_types import Interval
from torch import Tensor

from facebench.backbones import Backbone
from facebench.method import MethodInfo
from facebench.ranges import Weight

from ._identity import IdentityMethod, IdentityOptions
from ._margins import cosines, sphereface_logits


@dataclass(frozen=True, kw_only=True)
class SphereFaceOptions(IdentityOptions):
    """Options of SphereFace."""

    margin: Annotated[int, Interval(ge=1, le=16)] = 4  # m, section 4.1
    lambda_start: Weight = 1000.0  # released code: max(5, 1000 / (1 + 0.12 iteration))
    lambda_decay: Weight = 0.12  # of lambda, for each iteration; see lambda_start
    lambda_end: Weight = 5.0  # the smallest lambda; see lambda_start


class SphereFace(IdentityMethod):
    """Cosines of multiplied angles, scaled by the length of the embedding."""

    info = MethodInfo(
        name="sphereface",
        title="SphereFace",
        version=1,
        paper="Liu et al., CVPR 2017",
        year=2017,
        paper_url="https://arxiv.org/abs/1704.08063",
        code_url="https://github.com/wy1iu/sphereface",
        needs="identities",
        presets={
            # In 64 steps the released lambda falls to 115, which is a plain cosine. At 1e-3 the
            # features collapse (docs/fidelity.md).
            "quick": {"lambda_decay": 3.0, "pretrain.lr": 1e-4}
        },
        small={"embedding_dim": 16},
    )
    Options = SphereFaceOptions
    options: SphereFaceOptions

    def __init__(self, backbone: Backbone, options: Any, image_size: int) -> None:
        super().__init__(backbone, options, image_size)
        self.register_buffer("iteration", torch.zeros((), dtype=torch.int64))
        self.iteration: Tensor
        self._steps: int | None = None  # iteration on the host

    def before_epoch(self, epoch: int, epochs: int) -> None:
        """Read the count from the device, so that no step waits for it."""
        self._steps = int(self.iteration)

    def logits(self, embeddings: Tensor, people: Tensor, labels: Tensor) -> Tensor:
        """Return the cosines scaled by the embedding's length, the true one with its margin."""
        options = self.options
        if self._steps is None:  # read once, since the host waits for it
            self._steps = int(self.iteration)
        mixed = options.lambda_start / (1 + options.lambda_decay * self._steps)
        return sphereface_logits(
            cosines(embeddings, people),
            labels,
            embeddings.norm(dim=1),
            options.margin,
            max(options.lambda_end, mixed),
        )

    def after_step(self) -> None:
        """Count the optimiser steps, by which lambda falls."""
        self.iteration += 1
        if self._steps is not None:
            self._steps += 1
