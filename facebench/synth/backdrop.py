"""What is behind the head."""

from __future__ import annotations

import numpy as np

from facebench.errors import UnknownNameError
from facebench.synth.assets import FloatArray
from facebench.synth.attributes import Background
from facebench.synth.texture import smooth_noise

KINDS: tuple[str, ...] = ("plain", "gradient", "clouds", "stripes", "blobs")


def paint_background(background: Background, size: int) -> FloatArray:
    """Returns ``[3, size, size]`` linear light.

    Raises:
        UnknownNameError: The background's kind is not one of `KINDS`.
    """
    mix = _mixture(background, size)
    first, second = (
        np.array(colour, dtype=np.float32)[:, None, None]
        for colour in (background.first, background.second)
    )
    return np.asarray(first + np.clip(mix, 0.0, 1.0) * (second - first), dtype=np.float32)


def _mixture(background: Background, size: int) -> FloatArray:
    """Returns ``[size, size]`` how much of the second colour is seen where."""
    rng = np.random.default_rng(background.seed)
    place = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = np.meshgrid(place, place)
    turn = rng.uniform(0, 2 * np.pi)
    along = (x - 0.5) * np.cos(turn) + (y - 0.5) * np.sin(turn)
    if background.kind == "plain":
        return np.zeros((size, size), dtype=np.float32)
    if background.kind == "gradient":
        return np.asarray(along / 1.2 + 0.5, dtype=np.float32)
    if background.kind == "clouds":
        coarse = smooth_noise(rng, size, size, 4, 4) + 0.3 * smooth_noise(rng, size, size, 9, 9)
        return np.asarray(0.5 + 0.4 * coarse, dtype=np.float32)
    if background.kind == "stripes":
        wave = np.sin(2 * np.pi * (along * rng.uniform(2, 7) + rng.uniform()))
        return np.asarray(0.5 + 0.5 * np.clip(rng.uniform(1, 6) * wave, -1, 1), dtype=np.float32)
    if background.kind == "blobs":
        mix = np.zeros((size, size), dtype=np.float32)
        for _ in range(7):
            across, down = rng.uniform(0, 1, size=2)
            radius = rng.uniform(0.05, 0.25)
            edge = (radius - np.hypot(x - across, y - down)) / rng.uniform(0.01, 0.08)
            mix = np.maximum(mix, rng.uniform(0.3, 1.0) * np.clip(edge, 0.0, 1.0))
        return np.asarray(mix, dtype=np.float32)
    raise UnknownNameError("background", background.kind, KINDS)
