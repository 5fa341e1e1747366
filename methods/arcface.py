"""ArcFace: softmax over persons, with a margin added to the angle of the true one.

Deng et al., "ArcFace: additive angular margin loss for deep face recognition", CVPR 2019, Eq. 3.
"""

from dataclasses import dataclass

from torch import Tensor

from facebench.errors import SpecError
from facebench.method import MethodInfo

from ._identity import IdentityMethod, IdentityOptions
from ._margins import arcface_logits, cosines


@dataclass(frozen=True, kw_only=True)
class ArcFaceOptions(IdentityOptions):
    """Options of ArcFace."""

    scale: float = 64.0  # s, section 3.1
    margin: float = 0.5  # m, section 3.1, radians

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale <= 0 or not 0 <= self.margin < 1.5:
            found = f"scale {self.scale} and margin {self.margin}"
            raise SpecError(f"found {found}; expected a scale above 0 and 0 to 1.5 radians.")


class ArcFace(IdentityMethod):
    """Cosines of angles with a margin, scaled."""

    info = MethodInfo(
        name="arcface",
        title="ArcFace",
        version=1,
        paper="Deng et al., CVPR 2019",
        year=2019,
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
