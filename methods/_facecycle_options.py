"""Options of FaceCycle."""

from __future__ import annotations

from dataclasses import dataclass

from facebench.errors import SpecError

from ._facecycle_vgg import VGGWeights


@dataclass(frozen=True, kw_only=True)
class FaceCycleOptions:
    """Options of FaceCycle; defaults are those of the released code."""

    vgg: VGGWeights = "imagenet"  # weights of the frozen VGG-19; random: a declared substitute
    stage1_share: float = 2 / 3  # fraction of the epochs: 40 of 60
    perceptual: float = 0.01  # weight of L_perceptual
    ssim: float = 5.0  # weight of L_ssim
    symmetry: float = 1.5  # weight of L_symmetry
    flip_p: float = 0.5  # probability that the partner of a frame is its mirror image
    jitter: float = 0.05  # brightness, contrast, saturation; hue: a fifth of it
    generator_blocks: int = 8  # residual blocks of the generator
    normaliser_blocks: int = 6  # residual blocks of the normaliser, before its last one

    def __post_init__(self) -> None:
        if not 0 < self.stage1_share <= 1:
            raise SpecError(f"stage1_share is {self.stage1_share}; expected a share above 0.")
        if not 0 <= self.flip_p <= 1:
            raise SpecError(f"flip_p is {self.flip_p}; expected 0 to 1.")
        for name in ("perceptual", "ssim", "symmetry", "jitter"):
            if not getattr(self, name) >= 0:
                raise SpecError(f"{name} is {getattr(self, name)}; expected 0 or more.")
        for name in ("generator_blocks", "normaliser_blocks"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} is {getattr(self, name)}; expected 1 or more.")
