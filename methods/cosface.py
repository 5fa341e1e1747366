"""CosFace: softmax over persons, with a margin subtracted from the cosine of the true one.

Wang et al., "CosFace: large margin cosine loss for deep face recognition", CVPR 2018, Eq. 4.
"""

from dataclasses import dataclass

from torch import Tensor

from facebench.errors import SpecError
from facebench.method import MethodInfo

from ._identity import IdentityMethod, IdentityOptions
from ._margins import cosface_logits, cosines


@dataclass(frozen=True, kw_only=True)
class CosFaceOptions(IdentityOptions):
    """Options of CosFace."""

    scale: float = 64.0  # s, section 4.1
    margin: float = 0.35  # m, section 4.2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale <= 0 or not 0 <= self.margin < 1:
            found = f"scale {self.scale} and margin {self.margin}"
            raise SpecError(f"found {found}; expected a scale above 0 and a margin of 0 to 1.")


class CosFace(IdentityMethod):
    """Cosines with a margin, scaled."""

    info = MethodInfo(
        name="cosface",
        title="CosFace",
        version=1,
        paper="Wang et al., CVPR 2018",
        year=2018,
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
