"""Options of PCL, the recipe of the released code, and the quick preset.

Where paper and released code differ, the default follows the paper and ``pcl.recipe=official`` the
code; docs/fidelity.md lists every such choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval

from facebench.errors import SpecError
from facebench.pretrain.losses import Interpolation
from facebench.ranges import Count, CountOrAll, Temperature

from ._views import PoseAugmentation, ViewOptions


@dataclass(frozen=True, kw_only=True)
class PCLOptions(ViewOptions):
    """Options of PCL, in addition to those of the views."""

    temperature: Temperature = 0.07  # PCL section 4.1
    l_dis: bool = True  # Eq. 2; switched by the ablation, Table 5
    l_orth: bool = True  # Eq. 3
    l_pose: bool = True  # Eq. 5; without it F_p learns by plain NT-Xent (section 4.3)
    dynamic_weights: bool = True  # DWA, Eq. 7
    dwa_temperature: Temperature = 2.0  # released code
    negative_interpolation: bool = True  # negative interpolation; section 4.1, as the baseline
    interpolation: Interpolation = "unit"  # mixes unit vectors; released: outputs of the head
    directions: Literal["sum", "mean"] = "sum"  # Eqs. 5 and 6 add both; released: their mean
    pose_augmentation: PoseAugmentation = "flip"  # section 4.1: flipping works best
    face_pose_augmentation: PoseAugmentation = "none"  # face views; neither names any
    pdd_images: CountOrAll = 0  # images of a batch that the PDD sees; 0 is all of them
    pose_images: Count = 10  # images of a batch with pose pairs; the paper is silent, released code
    negatives: Count = 100  # M, negatives of each pose image; released code
    negatives_of: Literal["anchor", "batch"] = "anchor"  # Eq. 5: per anchor; released: all
    orth: Literal["dot", "cosine", "cross_correlation"] = "dot"  # Eq. 3; released: the last
    pose_denominator: Literal["negatives", "all"] = "negatives"  # Eq. 5; released: all
    # factor on F_p's loss, besides Eq. 7's alpha_pose; not in the paper
    pose_weight: Annotated[float, Interval(gt=0, le=1e6)] = 1.0
    pose_crop: bool = True  # pose views are cropped too (section 3.2); released: not
    projection: bool = False  # heads before the contrastive losses; in the code only
    projection_head: Literal["released", "simclr"] = "released"  # used if projection is on
    # sigma of noise on the PDD's input; released: 0.4
    pdd_noise: Annotated[float, Interval(ge=0, le=100)] = 0.0
    # Batches of BatchNorm: one pass of decoder and of pose head for all inputs, or, as
    # released, one pass of the decoder per reconstruction, of the head for positives and negatives
    passes: Literal["joint", "separate"] = "joint"
    separate_steps: bool = False  # separate: each objective has its own batch and step; released

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pose_augmentation == "none":
            raise SpecError("pose_augmentation is none; PCL needs flip, rotation, both or all.")


# The released code. All its settings of loss and views are listed, even those equal to the paper's,
# so that a preset does not change them.
OFFICIAL = {
    "temperature": 0.07,
    "l_dis": True,
    "l_orth": True,
    "l_pose": True,
    "dynamic_weights": True,
    "dwa_temperature": 2.0,
    "negative_interpolation": True,
    "interpolation": "released",
    "directions": "mean",
    "pose_augmentation": "flip",
    "face_pose_augmentation": "none",
    "pdd_images": 0,
    "pose_images": 10,
    "negatives": 100,
    "negatives_of": "batch",
    "orth": "cross_correlation",
    "pose_denominator": "all",
    "pose_weight": 1.0,
    "pose_crop": False,
    "projection": True,
    "projection_head": "released",
    "pdd_noise": 0.4,
    "passes": "separate",
    "separate_steps": True,
    "crop": "quadrants",
    "jitter": 0.8,
    "hue": 0.2,
    "jitter_p": 0.8,
    "grayscale_p": 0.2,
    "blur_p": 0.8,
    "sobel_p": 0.6,
    "pretrain.weight_decay": 1e-3,
    "pretrain.sampling": "identities",
    "pretrain.epochs": 6000,
    "pretrain.batch_size": 256,
    "pretrain.image_size": 64,
    "pretrain.lr": 1e-4,
    "pretrain.schedule": "cosine",
}

QUICK = {
    "temperature": 0.1,
    "negative_interpolation": False,
    "face_pose_augmentation": "flip",
    "blur_p": 0.5,
    "sobel_p": 0.0,
    "projection": True,
    "orth": "cosine",
    "pdd_images": 8,
    # With few steps, Eq. 5 on cropped views of few images adds noise that dominates L_face,
    # and without the positive in its denominator it does not saturate (docs/fidelity.md).
    "pose_crop": False,
    "pose_denominator": "all",
    "pose_images": 8,
    "negatives": 2,
    "pose_weight": 0.1,  # L_pose is learned at once and then costs L_face (docs/fidelity.md)
}
