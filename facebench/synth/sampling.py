"""Draws poses, light, cameras and whole faces from explicit generators."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from facebench.synth.attributes import (
    Background,
    Camera,
    Degradation,
    Face,
    Identity,
    Light,
    Pose,
    Wear,
)
from facebench.synth.expressions import sample_expression
from facebench.synth.people import sample_identity, triple


def sample_pose(rng: np.random.Generator, spread: float = 1.0) -> Pose:
    """Draws a head pose; spread 1 is a portrait session, 3 reaches profiles.

    Yaw has a standard deviation of 12 degrees times the spread, pitch 7, roll 5; each is kept
    within 90, 45 and 40 degrees.
    """
    yaw = np.clip(rng.normal(0, 12 * spread), -90, 90)
    pitch = np.clip(rng.normal(0, 7 * min(spread, 2.0)), -45, 45)
    roll = np.clip(rng.normal(0, 5 * min(spread, 2.0)), -40, 40)
    return Pose(float(pitch), float(yaw), float(roll))


def sample_light(rng: np.random.Generator) -> Light:
    """Draws the lights: from flat daylight to one hard coloured lamp from the side."""
    hard = rng.beta(1.2, 1.5)
    warm = rng.normal(0, 0.5)
    key = (0.5 + 0.75 * hard) * np.array([1 + 0.12 * warm, 1.0, 1 - 0.18 * warm])
    cool = rng.normal(0, 0.5)
    sky = (0.5 - 0.35 * hard) * np.array([1 - 0.08 * cool, 1.0, 1 + 0.14 * cool])
    fill = rng.uniform(0.0, 0.3) * np.ones(3)
    if rng.random() < 0.15:
        fill = 0.6 * np.array(colorsys.hsv_to_rgb(rng.random(), 0.7, 1.0))
    return Light(
        azimuth=float(np.clip(rng.normal(0, 38), -95, 95)),
        elevation=float(rng.normal(28, 20)),
        key=triple(key),
        fill=triple(fill),
        sky=triple(sky),
        softness=float(1 - 0.8 * hard),
    )


def sample_background(rng: np.random.Generator) -> Background:
    """Draws what is behind the head."""
    kind = rng.choice(
        ("plain", "gradient", "clouds", "stripes", "blobs"), p=(0.1, 0.3, 0.3, 0.1, 0.2)
    )
    first, second = (
        colorsys.hsv_to_rgb(rng.random(), 0.6 * rng.random(), rng.beta(1.2, 1.6) * 0.8)
        for _ in range(2)
    )
    return Background(str(kind), first, second, int(rng.integers(2**31)))


def sample_camera(
    rng: np.random.Generator, jitter: float = 1.0, *, aligned: bool = False
) -> Camera:
    """Draws a crop around the face; jitter 1 is a face detector's, 0 is exact."""
    return Camera(
        zoom=float(np.exp(rng.normal(0.0, 0.04 * jitter))),
        shift_x=float(rng.normal(0, 0.015 * jitter)),
        shift_y=float(rng.normal(0, 0.015 * jitter)),
        distance=float(rng.uniform(6, 18)),
        aligned=aligned,
    )


def sample_degradation(rng: np.random.Generator) -> Degradation:
    """Draws the blur, noise, exposure and JPEG quality of an in-the-wild photograph."""
    exposure = np.exp(rng.normal(0, 0.22))
    return Degradation(
        blur=float(min(rng.exponential(0.0035), 0.012)) if rng.random() < 0.6 else 0.0,
        noise=float(min(rng.exponential(2.5), 10.0)),
        noise_seed=int(rng.integers(2**31)),
        gain=triple(exposure * np.exp(rng.normal(0, 0.05, size=3))),
        gamma=float(np.exp(rng.normal(0, 0.12))),
        jpeg_quality=int(rng.integers(60, 96)),
    )


def sample_wear(rng: np.random.Generator) -> Wear:
    """Draws clothes, and sometimes glasses or a cap."""
    cloth = colorsys.hsv_to_rgb(rng.random(), 0.8 * rng.random(), rng.beta(1, 2))
    glasses = rng.choice(("none", "round", "square", "dark"), p=(0.83, 0.075, 0.075, 0.02))
    cap = colorsys.hsv_to_rgb(rng.random(), 0.9 * rng.random(), rng.beta(1, 2))
    return Wear(cloth, str(glasses), cap if rng.random() < 0.06 else None)


@dataclass(frozen=True)
class FaceSampler:
    """A reproducible population: face ``index`` depends on the seed and the arguments alone."""

    seed: int

    def identity(self, number: int) -> Identity:
        """Returns person ``number`` of this population."""
        return sample_identity(np.random.default_rng([self.seed, 1, number]), number)

    def face(
        self,
        index: int,
        *,
        identity: int | None = None,
        expression: str | None = None,
        pose_spread: float = 1.0,
        jitter: float = 1.0,
        aligned: bool = False,
    ) -> Face:
        """Returns one face.

        Args:
            index: Number of the face; each has its own pose, light, background, camera and clothes.
            identity: Number of the person; by default the index.
            expression: One of `EXPRESSIONS`; by default one is drawn, each as likely.
            pose_spread: See `sample_pose`.
            jitter: See `sample_camera`.
            aligned: Whether to rotate the crop so that the eyes are level, as RAF-DB's aligned
                images.
        """
        rng = np.random.default_rng([self.seed, 2, index])
        person = self.identity(index if identity is None else identity)
        label, intensity, actions = sample_expression(rng, expression, person.resting)
        return Face(
            identity=person,
            expression=label,
            intensity=intensity,
            actions=actions,
            pose=sample_pose(rng, pose_spread),
            light=sample_light(rng),
            background=sample_background(rng),
            camera=sample_camera(rng, jitter, aligned=aligned),
            degradation=sample_degradation(rng),
            wear=sample_wear(rng),
        )
