"""Video clips of one person with smooth motion; light and background are constant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy

from facebench.synth.attributes import EXPRESSIONS, Face, Pose
from facebench.synth.expressions import sample_expression
from facebench.synth.sampling import FaceSampler, sample_pose

_KEYFRAME_EVERY = 12
"""Frames between two drawn poses: half a second at VoxCeleb's 25 frames a second."""


def sample_clip(
    sampler: FaceSampler, identity: int, clip: int, frames: int, *, pose_spread: float = 1.2
) -> list[Face]:
    """Returns the frames of one clip.

    Key frames have an expression and a pose of their own; between them every facial action and
    angle moves on a monotone cubic, which stays within [0, 1] where its ends do. A frame's label
    is that of the nearer key frame, its intensity is interpolated.

    Args:
        sampler: Sampler of the population; the result depends on its seed and the arguments alone.
        identity: Number of the person in the population.
        clip: Number of the person's clip.
        frames: Number of frames, at least 1.
        pose_spread: See `sample_pose`.
    """
    rng = np.random.default_rng([sampler.seed, 3, identity, clip])
    scene = sampler.face(int(rng.integers(2**31)), identity=identity)
    keys = 2 + (frames - 1) // _KEYFRAME_EVERY
    shown = [sample_expression(rng, _some(rng), scene.identity.resting) for _ in range(keys)]
    poses = [sample_pose(rng, pose_spread) for _ in range(keys)]
    states = np.array(
        [
            (*actions, intensity, pose.pitch, pose.yaw, pose.roll)
            for (_, intensity, actions), pose in zip(shown, poses, strict=True)
        ]
    )
    time = np.arange(frames) / _KEYFRAME_EVERY
    motion = scipy.interpolate.PchipInterpolator(np.arange(keys), states)(time)
    result = []
    for moment, state in zip(time, motion, strict=True):
        *actions, intensity, pitch, yaw, roll = (float(value) for value in state)
        grain = int(rng.integers(2**31))
        result.append(
            replace(
                scene,
                expression=shown[int(np.rint(moment))][0],
                intensity=intensity,
                actions=tuple(min(1.0, max(0.0, a)) for a in actions),
                pose=Pose(pitch, yaw, roll),
                degradation=replace(scene.degradation, noise_seed=grain),
            )
        )
    return result


def _some(rng: np.random.Generator) -> str:
    """Draws an expression; people on camera are neutral every other time."""
    return "neutral" if rng.random() < 0.4 else str(rng.choice(EXPRESSIONS))
