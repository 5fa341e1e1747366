"""Layout of the texture atlas: one small image per identity, in texels.

The skin is unrolled about the axis of the head *in the frame of the template*, so the texture
coordinates of a facial part are the same for every head shape. The remaining patches hold the eye,
the hair and flat colours.
"""

from __future__ import annotations

import numpy as np

from facebench.synth.assets import FloatArray

AXIS_Z = 0.55
"""Depth (dm) of the vertical axis about which the face is unrolled."""

SKIN_WIDTH, SKIN_HEIGHT = 320, 320
_HALF_ANGLE = 1.7
_TOP, _SPAN = 8.6, 3.2

EYE_LEFT, EYE_TOP, EYE_SIZE = 320, 0, 64
HAIR_LEFT, HAIR_TOP, HAIR_WIDTH, HAIR_HEIGHT = 320, 64, 64, 128
FLAT_LEFT, FLAT_TOP, FLAT_SIZE = 320, 192, 8
WIDTH, HEIGHT = 384, 320

FLATS: tuple[str, ...] = ("teeth", "mouth", "tongue", "lash", "frame", "lens", "cap")
"""Flat colours, stacked downwards from `FLAT_TOP`."""


def skin_texels(points: FloatArray) -> FloatArray:
    """Maps template positions ``[N, 3]`` of skin to texels ``[N, 2]`` (column, row)."""
    angle = np.arctan2(points[:, 0], points[:, 2] - AXIS_Z)
    column = SKIN_WIDTH * (0.5 + 0.5 * np.clip(angle / _HALF_ANGLE, -1.0, 1.0))
    row = SKIN_HEIGHT * (_TOP - points[:, 1]) / _SPAN
    limit = np.array([SKIN_WIDTH - 1, SKIN_HEIGHT - 1])
    return np.asarray(np.clip(np.stack((column, row), axis=1), 0, limit), dtype=np.float32)


def skin_angles() -> FloatArray:
    """Returns the angle (radians) about the axis of every skin column, ``[1, SKIN_WIDTH]``."""
    column = (np.arange(SKIN_WIDTH, dtype=np.float32) + 0.5) / SKIN_WIDTH
    return np.asarray((2 * column - 1) * _HALF_ANGLE, dtype=np.float32)[None]


def skin_heights(rows: slice = slice(None)) -> FloatArray:
    """Returns the height (dm) of skin rows, ``[rows, 1]``."""
    row = (np.arange(SKIN_HEIGHT, dtype=np.float32) + 0.5) / SKIN_HEIGHT
    return np.asarray(_TOP - _SPAN * row, dtype=np.float32)[rows, None]


def skin_rows(top: float, bottom: float) -> slice:
    """Returns the skin rows between two heights (dm)."""
    first, last = (SKIN_HEIGHT * (_TOP - height) / _SPAN for height in (top, bottom))
    return slice(max(0, int(first)), min(SKIN_HEIGHT, int(last) + 1))


def eye_texels(points: FloatArray) -> FloatArray:
    """Maps the vertices ``[N, 3]`` of one eyeball to the eye patch: the pupil is its middle."""
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    radius = float((points.max(axis=0) - points.min(axis=0))[0]) / 2
    offset = (points - centre)[:, :2] / radius * np.array([1.0, -1.0])
    place = EYE_SIZE * (0.5 + 0.49 * np.clip(offset, -1.0, 1.0))
    return np.asarray(place + np.array([EYE_LEFT, EYE_TOP]), dtype=np.float32)


def hair_texels(points: FloatArray) -> FloatArray:
    """Maps template positions ``[N, 3]`` to the hair patch, whose strands run downwards."""
    angle = np.abs(np.arctan2(points[:, 0], points[:, 2] - AXIS_Z)) / np.pi
    column = HAIR_LEFT + (HAIR_WIDTH - 1) * angle
    row = HAIR_TOP + (HAIR_HEIGHT - 1) * np.clip((8.7 - points[:, 1]) / 3.4, 0.0, 1.0)
    return np.stack((column, row), axis=1).astype(np.float32)


def flat_texel(name: str) -> tuple[float, float]:
    """Returns the texel in the middle of a flat colour."""
    return (
        FLAT_LEFT + FLAT_SIZE / 2,
        FLAT_TOP + FLAT_SIZE * FLATS.index(name) + FLAT_SIZE / 2,
    )
