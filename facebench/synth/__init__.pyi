"""What ``facebench.synth`` offers, and where it is written; read by lazy_loader at run time."""

from .actions import ACTION_UNITS, FACIAL_ACTIONS, action_units, compose
from .attributes import EXPRESSIONS, Face, Identity, Pose
from .clips import sample_clip
from .expressions import sample_expression
from .people import sample_identity
from .renderer import render
from .sampling import (
    FaceSampler,
    sample_background,
    sample_camera,
    sample_degradation,
    sample_light,
    sample_pose,
    sample_wear,
)
from .write import synthetic_folder, write_clips, write_images, write_orders

__all__ = [
    "ACTION_UNITS",
    "EXPRESSIONS",
    "FACIAL_ACTIONS",
    "Face",
    "FaceSampler",
    "Identity",
    "Pose",
    "action_units",
    "compose",
    "render",
    "sample_background",
    "sample_camera",
    "sample_clip",
    "sample_degradation",
    "sample_expression",
    "sample_identity",
    "sample_light",
    "sample_pose",
    "sample_wear",
    "synthetic_folder",
    "write_clips",
    "write_images",
    "write_orders",
]
