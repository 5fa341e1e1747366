"""ArcFace: softmax over persons, with a margin added to the angle of the true one.

Deng et al., "ArcFace: additive angular margin loss for deep face recognition", CVPR 2019, Eq. 3.
"""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval
from torch import Tensor

from facebench.method import MethodInfo

from ._identity import IdentityMethod, IdentityOptions
from ._margins import arcface_logits, cosines


@dataclass(frozen=True, kw_only=True)
class ArcFaceOptions(IdentityOptions):
    """Options of ArcFace."""

    scale: Annotated[float, Interval(gt=0, le=1000)] = 64.0  # s, section 3.1
    margin: Annotated[float, Interval(ge=0, lt=1.5)] = 0.5  # m, section 3.1, radians


class ArcFace(IdentityMethod):
    """Cosines of angles with a margin, scaled."""

    info = MethodInfo(
        name="arcface",
        title="ArcFace",
        version=1,
        paper="Deng et al., CVPR 2019",
        year=2019,
        paper_url="https://arxiv.org/abs/1801.07698",
        code_url="https://github.com/deepinsight/insightface",
        needs="identities",
        presets={
            # 64 steps from the start: a scale of 64 saturates before the persons are apart.
            "quick": {"scale": 16.0, "margin": 0.1}
        },
        small={"embedding_dim": 16},
    )
    Options = ArcFaceOptions
    options: ArcFaceOptions

    def logits(self, embeddings: Tensor, people: Tensor, labels: Tensor) -> Tensor:
        """Return the scaled cosines, the true one of an angle that is larger by the margin."""
        options = self.options
        return arcface_logits(cosines(embeddings, people), labels, options.scale, options.margin)
