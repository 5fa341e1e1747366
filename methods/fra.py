"""FRA: two views of a face agree as a whole and in each of its regions, which are learned, too.

Gao and Patras, "Self-supervised facial representation learning with facial region awareness", CVPR
2024. Numbers are those of the released code.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor, nn

from facebench.backbones import Backbone
from facebench.errors import SpecError
from facebench.method import MethodInfo, Terms
from facebench.ranges import Momentum, Share, Temperature, Weight, Width

from ._regions import HEADS, MaskEmbeddings, distance, over_last, overlap, regions_of, relation
from ._two_views import TwoViewMethod, TwoViewOptions, rising_momentum


@dataclass(frozen=True, kw_only=True)
class FRAOptions(TwoViewOptions):
    """Options of FRA (released code)."""

    regions: Annotated[int, Interval(ge=2, le=256)] = 8  # of a face, whose masks are learned
    projection_dim: Width = 256  # of the outputs of projections and predictions
    hidden: Width = 4096  # of projections and predictions
    momentum: Momentum = 0.996  # rises to 1 by a cosine over the epochs
    student_temperature: Temperature = 0.1  # of the online network's shares of regions
    teacher_temperature: Temperature = 0.04  # of the same of the moving average
    global_weight: Share = 0.5  # of L_global; L_region has the rest
    overlap_weight: Weight = 0.02  # within L_region
    relation_weight: Weight = 0.1  # of L_relation

    def __post_init__(self) -> None:
        super().__post_init__()
        width = self.projection_dim
        if width % HEADS:
            raise SpecError(f"fra.projection_dim is {width}; expected a multiple of {HEADS}.")


class FRA(TwoViewMethod):
    """An online network that predicts a moving average of it, of the face and of its regions."""

    info = MethodInfo(
        name="fra",
        title="FRA",
        version=1,
        paper="Gao and Patras, CVPR 2024",
        year=2024,
        paper_url="https://arxiv.org/abs/2403.02138",
        code_url="https://github.com/zaczgao/Facial_Region_Awareness",
        presets={
            # 16 places, more than regions; at 1e-4 the features collapse (docs/fidelity.md).
            "quick": {"momentum": 0.97, "hidden": 512, "pretrain.image_size": 64,
                      "pretrain.batch_size": 64, "pretrain.limit": 1024, "pretrain.lr": 3e-5}
        },
        small={"hidden": 32, "projection_dim": 16, "regions": 3},
    )  # fmt: skip
    Options = FRAOptions
    options: FRAOptions

    def __init__(self, backbone: Backbone, options: FRAOptions, image_size: int) -> None:
        from lightly.models.modules.heads import BYOLPredictionHead, BYOLProjectionHead
        from lightly.models.utils import deactivate_requires_grad

        super().__init__(backbone, options, image_size)
        hidden, dim = options.hidden, options.projection_dim
        self.heads = nn.ModuleDict(
            {name: BYOLProjectionHead(backbone.channels, hidden, dim)
             for name in ("whole", "place", "part")}
        )  # fmt: skip
        self.heads["masks"] = MaskEmbeddings(backbone.channels, dim, options.regions)
        self.predictors = nn.ModuleDict(
            {name: BYOLPredictionHead(dim, hidden, dim) for name in ("whole", "part")}
        )
        self.teacher = nn.ModuleDict(
            {"backbone": copy.deepcopy(backbone), "heads": copy.deepcopy(self.heads)}
        )
        deactivate_requires_grad(self.teacher)
        self.momentum = options.momentum

    def loss(self, views: tuple[Tensor, ...], generator: torch.Generator) -> Terms:
        """Return the agreement of faces, of regions, and of the regions that places belong to."""
        online = [regions_of(view, self.backbone, self.heads) for view in views]
        with torch.no_grad():
            teacher = [regions_of(view, **self.teacher) for view in views]
        wholes, parts, relations, options = [], [], [], self.options
        temperatures = (options.student_temperature, options.teacher_temperature)
        for student, other, same in zip(online, reversed(teacher), teacher, strict=True):
            wholes.append(distance(self.predictors["whole"](student.whole), other.whole))
            part = over_last(self.predictors["part"], student.parts)
            alike = options.overlap_weight * overlap(part, other.parts)
            parts.append(distance(part, other.parts) + alike)
            relations.append(relation(student.cosines, same.cosines, temperatures))
        return {
            "L_global": torch.stack(wholes).sum(),
            "L_region": torch.stack(parts).sum(),
            "L_relation": torch.stack(relations).mean(),
        }

    def term_weights(self) -> Mapping[str, float]:
        """Return the weights of the three terms."""
        options, share = self.options, self.options.global_weight
        return {"L_global": share, "L_region": 1 - share, "L_relation": options.relation_weight}

    def before_epoch(self, epoch: int, epochs: int) -> None:
        """Let the teacher move more slowly."""
        self.momentum = rising_momentum(self.options.momentum, epoch, epochs)

    def after_step(self) -> None:
        """Move the teacher towards the online network."""
        from lightly.models.utils import update_momentum

        update_momentum(self.backbone, self.teacher["backbone"], self.momentum)
        update_momentum(self.heads, self.teacher["heads"], self.momentum)
