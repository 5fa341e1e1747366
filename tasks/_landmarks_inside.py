"""Refuses images that were scaled after their landmarks had been annotated.

The landmarks of 300W-LP and AFLW2000-3D are in pixels of the published images, 450 px wide. Copies
whose images were scaled to 224 px keep the ``.mat`` files, so every crop would be a wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facebench.errors import DataError

from ._mat5 import FloatArray
from ._pose_crop import visible

# A landmark just beyond the border is annotated so; in the published images of AFLW2000-3D that
# were looked at, every one is at least 70 px inside.
_TOLERANCE = 0.05  # of width or height
_SHARE = 0.05  # of the images of a folder, above which it is refused


class Outside(NamedTuple):
    """An image with a landmark outside, the furthest one, and the size in pixels."""

    image: Path
    x: float
    y: float
    width: int
    height: int


def outside(image: Path, points: FloatArray, width: int, height: int) -> Outside | None:
    """Return the visible landmark that lies furthest outside an image, if one does.

    Args:
        image: The image, used in messages.
        points: Landmarks ``[2, N]``, x and y in pixels; invisible ones are ignored.
        width: Width of the image in pixels.
        height: Height of the image in pixels.
    """
    size = np.array([[width], [height]], dtype=np.float64)
    seen = visible(points)
    beyond = np.maximum(-seen, seen - size) / size
    if not seen.size or beyond.max() <= _TOLERANCE:
        return None
    x, y = seen[:, beyond.max(axis=0).argmax()].tolist()
    return Outside(image, x, y, width, height)


def refuse_outside(folder: Path, found: Sequence[Outside | None]) -> None:
    """Refuse a folder if landmarks of more than a few of its images lie outside.

    Args:
        folder: The folder.
        found: What :func:`outside` returned for each of its images.

    Raises:
        DataError: They do; the message names an image, its size and a landmark.
    """
    beyond = [one for one in found if one is not None]
    if len(beyond) <= _SHARE * len(found):
        return
    first = beyond[0]
    raise DataError(
        f"{folder}: landmarks of {len(beyond):,} of {len(found):,} images lie outside the image: "
        f"found x {first.x:.0f}, y {first.y:.0f} in {first.image.name} of {first.width} x "
        f"{first.height} px; expected landmarks within the image, as in the published ones of "
        "450 x 450 px. The images were scaled or cropped: take the published ones, or scale pt2d "
        "likewise."
    )
