"""Options of FaceCycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval

from facebench.ranges import Share, Weight, check_values

from ._facecycle_vgg import VGGWeights

Blocks = Annotated[int, Interval(ge=1, le=1000)]


@dataclass(frozen=True, kw_only=True)
class FaceCycleOptions:
    """Options of FaceCycle; defaults are those of the released code."""

    vgg: VGGWeights = "imagenet"  # weights of the frozen VGG-19; random: a declared substitute
    # fraction of the epochs: 40 of 60
    stage1_share: Annotated[float, Interval(gt=0, le=1)] = 2 / 3
    perceptual: Weight = 0.01  # weight of L_perceptual
    ssim: Weight = 5.0  # weight of L_ssim
    symmetry: Weight = 1.5  # weight of L_symmetry
    flip_p: Share = 0.5  # probability that the partner of a frame is its mirror image
    jitter: Share = 0.05  # brightness, contrast, saturation; hue: a fifth of it
    generator_blocks: Blocks = 8  # residual blocks of the generator
    normaliser_blocks: Blocks = 6  # residual blocks of the normaliser, before its last one

    def __post_init__(self) -> None:
        check_values(self)
