"""What can be chosen in PCL: its options, the released code's recipe, a budget for minutes.

Where paper and released code differ, the paper is the default and the code is
``pcl.recipe=official``; docs/fidelity.md lists every such choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from facebench.errors import SpecError

from ._views import PoseAugmentation, ViewOptions


@dataclass(frozen=True, kw_only=True)
class PCLOptions(ViewOptions):
    """Options of PCL; those of the views come on top."""

    temperature: float = 0.07  # PCL section 4.1
    l_dis: bool = True  # Eq. 2; switched by the ablation, Table 5
    l_orth: bool = True  # Eq. 3
    l_pose: bool = True  # Eq. 5; without it F_p learns by plain NT-Xent (section 4.3)
    dynamic_weights: bool = True  # DWA, Eq. 7
    dwa_temperature: float = 2.0  # released code
    negative_interpolation: bool = True  # section 4.1, of the baseline
    pose_augmentation: PoseAugmentation = "flip"  # section 4.1: flipping works best
    face_pose_augmentation: PoseAugmentation = "none"  # of the face views; neither names any
    pdd_images: int = 0  # images of a batch that the PDD sees; 0 is all of them
    pose_images: int = 10  # images of a batch with pose pairs; the paper is silent, released code
    negatives: int = 100  # M, of each of them; released code
    orth: Literal["dot", "cosine", "cross_correlation"] = "dot"  # Eq. 3; released: the last
    pose_denominator: Literal["negatives", "all"] = "negatives"  # Eq. 5; released: all
    pose_crop: bool = True  # pose views are cropped too (section 3.2); released: not
    projection: bool = False  # heads before the contrast; the paper has none, the code has
    pdd_noise: float = 0.0  # sigma of noise on the PDD's input; released: 0.4
    separate_steps: bool = False  # each objective with a batch and a step of its own; released

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temperature <= 0 or self.dwa_temperature <= 0:
            raise SpecError("temperature and dwa_temperature must be more than 0.")
        if self.pose_augmentation == "none":
            raise SpecError("pose_augmentation is none; PCL needs flip, rotation, both or all.")
        if self.pdd_images < 0 or self.pose_images < 1 or self.negatives < 1:
            raise SpecError("pdd_images must be 0 or more, pose_images and negatives 1 or more.")


OFFICIAL = {
    "crop": "quadrants",
    "orth": "cross_correlation",
    "pose_denominator": "all",
    "pose_crop": False,
    "projection": True,
    "pdd_noise": 0.4,
    "separate_steps": True,
    "pretrain.weight_decay": 1e-3,
    "pretrain.sampling": "identities",
    "pretrain.epochs": 6000,
}

QUICK = {
    "temperature": 0.1,
    "negative_interpolation": False,
    "face_pose_augmentation": "flip",
    "blur_p": 0.5,
    "sobel_p": 0.0,
    "projection": True,
    "orth": "cosine",
    "pdd_images": 16,
    # Few steps: Eq. 5 on cropped views of few images is noise that drowns L_face, and
    # without the positive in its denominator it never saturates (docs/fidelity.md).
    "pose_crop": False,
    "pose_denominator": "all",
    "pose_images": 16,
    "negatives": 2,
}
