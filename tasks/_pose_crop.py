"""Crops from landmarks, as published for head pose estimation.

``fsanet``
    Yang et al., "FSA-Net", CVPR 2019, ``TYY_create_db_type1.py``, whose files PCL reads: a margin
    of 0.6 of the box's width and height on every side, cut off at the border of the image.
``hopenet``
    Ruiz et al., "Fine-grained head pose estimation without keypoints", CVPRW 2018: larger margins
    above than below, relative to one factor k. Parts beyond the border are black. Hopenet draws k
    from U(0.2, 0.4) in training; here it is fixed. Each margin is computed from the box as widened
    by the margins before it, as in the released code.

As in the released codes, boxes are not made square but scaled to a square, which stretches the face
slightly. Invisible landmarks are left out in both; with them (the released Hopenet) the box of an
AFLW2000-3D image is nearly the whole image.
"""

from __future__ import annotations

import numpy as np

from facebench.runtime.images import Box

from ._mat5 import FloatArray


def visible(points: FloatArray) -> FloatArray:
    """Return the visible landmarks, by FSA-Net's rule.

    The rule uses the coordinate, x or y, in which more landmarks are at or below zero. It removes
    invisible landmarks (x = -1, y = 452) and keeps those just above the upper border.

    Args:
        points: ``[2, N]``, x and y in pixels.

    Returns:
        ``[2, M]``.
    """
    inside = points > 0
    return points[:, inside[inside.sum(axis=1).argmin()]]


def fsanet_box(points: FloatArray, margin: float, width: int, height: int) -> Box:
    """Return FSA-Net's box around visible landmarks.

    Args:
        points: ``[2, M]``, x and y in pixels, M at least 1.
        margin: Margin on every side, as a fraction of the landmarks' width and height.
        width: Width of the image in pixels.
        height: Height of the image in pixels.

    Returns:
        Left, top, right, bottom; right and bottom excluded. Empty if the points have no extent.
    """
    low, high = points.min(axis=1).astype(int), points.max(axis=1).astype(int)
    extra = margin * (high - low)
    left, top = np.maximum((low - extra).astype(int), 0).tolist()
    right, bottom = np.minimum((high + extra).astype(int), [width - 1, height - 1]).tolist()
    return left, top, right, bottom


def hopenet_box(points: FloatArray, k: float) -> Box:
    """Return Hopenet's box around visible landmarks; it may extend over the border.

    Args:
        points: ``[2, M]``, x and y in pixels, M at least 1.
        k: Factor on all margins.

    Returns:
        Left, top, right, bottom; right and bottom excluded. Empty if the points have no extent.
    """
    (left, top), (right, bottom) = points.min(axis=1).tolist(), points.max(axis=1).tolist()
    left -= 0.6 * k * (right - left)
    top -= 2 * k * (bottom - top)
    right += 0.6 * k * (right - left)
    bottom += 0.6 * k * (bottom - top)
    return int(left), int(top), int(right), int(bottom)
