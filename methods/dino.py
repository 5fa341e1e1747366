"""DINO: a student predicts its own moving average on other crops of an image, without labels.

Caron et al., "Emerging properties in self-supervised vision transformers", ICCV 2021. Head, centred
loss and moving average are lightly's.
"""

import copy
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor, nn

from facebench.backbones import Backbone
from facebench.method import MethodInfo, Terms
from facebench.pretrain.augment.crops import RandomResizedCrop
from facebench.ranges import Area, Momentum, Temperature, Width

from ._dino_head import new_head, outputs_of
from ._two_views import TwoViewMethod, TwoViewOptions, rising_momentum
from ._views import appearance


@dataclass(frozen=True, kw_only=True)
class DINOOptions(TwoViewOptions):
    """Options of DINO (section 3; the number of local crops as released)."""

    crop_scale: float = 0.4  # smallest area of a global crop, largest of a local one
    local_crops: Annotated[int, Interval(ge=0, le=64)] = 8  # of an image, for the student alone
    # smallest area of a local crop
    local_scale: Area = 0.05
    momentum: Momentum = 0.996  # rises to 1 by a cosine over the epochs
    teacher_temperature: Temperature = 0.07  # after the first epochs
    warmup_temperature: Temperature = 0.04  # of the teacher in the first epoch
    # in which the teacher's temperature rises
    warmup_epochs: Annotated[int, Interval(ge=0, le=10**6)] = 30
    student_temperature: Temperature = 0.1  # divides the outputs of the student
    outputs: Width = 65536  # K, units of the last layer of the head
    projection_norm: bool = False  # BatchNorm in the head; use_bn_in_head of the released code
    # before the last layer learns (released code)
    frozen_epochs: Annotated[int, Interval(ge=0, le=10**6)] = 1


class DINO(TwoViewMethod):
    """A student on global and local crops, and a teacher on global ones; heads on the mean map."""

    info = MethodInfo(
        name="dino",
        title="DINO",
        version=1,
        paper="Caron et al., ICCV 2021",
        year=2021,
        paper_url="https://arxiv.org/abs/2104.14294",
        code_url="https://github.com/facebookresearch/dino",
        presets={
            # In 100 steps a teacher at 0.996 is its own start, and a warm-up never ends. Without
            # BatchNorm the outputs of all images are alike at first, and become uniform.
            "quick": {
                "local_crops": 2,
                "outputs": 1024,
                "momentum": 0.97,
                "warmup_epochs": 0,
                "projection_norm": True,
                "pretrain.lr": 1e-4,
            }
        },
        small={"outputs": 64, "local_crops": 2},
    )
    Options = DINOOptions
    options: DINOOptions

    def __init__(self, backbone: Backbone, options: DINOOptions, image_size: int) -> None:
        from lightly.loss import DINOLoss
        from lightly.models.utils import deactivate_requires_grad

        super().__init__(backbone, options, image_size)
        local = backbone.nearest_size(max(16, round(image_size * 96 / 224)))  # section 3.2
        self.local_crop = RandomResizedCrop(local, (options.local_scale, options.crop_scale))
        self.local_appearance = appearance(replace(options, blur_p=0.5), local)
        sizes = (backbone.channels, options.outputs, options.projection_norm)
        self.head, teacher_head = new_head(*sizes), new_head(*sizes)
        teacher_head.load_state_dict(self.head.state_dict())  # it cannot be copied: weight norm
        self.teacher = nn.ModuleDict({"backbone": copy.deepcopy(backbone), "head": teacher_head})
        deactivate_requires_grad(self.teacher)
        self.momentum, self.temperature = options.momentum, options.teacher_temperature
        self.criterion = DINOLoss(options.outputs, student_temp=options.student_temperature)

    def views(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return two global crops ``[B, 3, S, S]`` and then the local ones, of a smaller side."""
        views = list(super().views(images, generator))
        for _ in range(self.options.local_crops):
            crop = self.pose(self.local_crop(images, generator), generator)
            views.append(self.local_appearance(crop, generator))
        return tuple(views)

    def loss(self, views: tuple[Tensor, ...], generator: torch.Generator) -> Terms:
        """Return the cross-entropy of teacher and student over all pairs of crops (Eq. 3)."""
        student = [outputs_of(self.backbone, self.head, view) for view in views]
        with torch.no_grad():
            backbone, head = self.teacher["backbone"], self.teacher["head"]
            teacher = [outputs_of(backbone, head, view) for view in views[:2]]
        return {"L_dino": self.criterion(teacher, student, teacher_temp=self.temperature)}

    def before_epoch(self, epoch: int, epochs: int) -> None:
        """Set the teacher's momentum and temperature, and freeze the last layer at first."""
        options = self.options
        self.momentum = rising_momentum(options.momentum, epoch, epochs)
        warm = min(1.0, epoch / options.warmup_epochs) if options.warmup_epochs else 1.0
        start = options.warmup_temperature
        self.temperature = start + (options.teacher_temperature - start) * warm
        self.head.last_layer.weight_v.requires_grad_(epoch >= options.frozen_epochs)

    def after_step(self) -> None:
        """Move the teacher towards the student (DINO, section 3.1)."""
        from lightly.models.utils import update_momentum

        update_momentum(self.backbone, self.teacher["backbone"], self.momentum)
        update_momentum(self.head, self.teacher["head"], self.momentum)
