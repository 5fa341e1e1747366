"""CosFace: softmax over persons, with a margin subtracted from the cosine of the true one.

Wang et al., "CosFace: large margin cosine loss for deep face recognition", CVPR 2018, Eq. 4.
"""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval
from torch import Tensor

from facebench.method import MethodInfo

from ._identity import IdentityMethod, IdentityOptions
from ._margins import cosface_logits, cosines


@dataclass(frozen=True, kw_only=True)
class CosFaceOptions(IdentityOptions):
    """Options of CosFace."""

    scale: Annotated[float, Interval(gt=0, le=1000)] = 64.0  # s, section 4.1
    margin: Annotated[float, Interval(ge=0, lt=1)] = 0.35  # m, section 4.2


class CosFace(IdentityMethod):
    """Cosines with a margin, scaled."""

    info = MethodInfo(
        name="cosface",
        title="CosFace",
        version=1,
        paper="Wang et al., CVPR 2018",
        year=2018,
        paper_url="https://arxiv.org/abs/1801.09414",
        needs="identities",
        presets={
            # 64 steps from the start: a scale of 64 saturates before the persons are apart.
            "quick": {"scale": 16.0, "margin": 0.1}
        },
        small={"embedding_dim": 16},
    )
    Options = CosFaceOptions
    options: CosFaceOptions

    def logits(self, embeddings: Tensor, people: Tensor, labels: Tensor) -> Tensor:
        """Return the scaled cosines, the true one less the margin."""
        options = self.options
        return cosface_logits(cosines(embeddings, people), labels, options.scale, options.margin)
