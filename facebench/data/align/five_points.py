"""Faces brought to a template by the similarity transform of five landmarks.

Points are the left eye, the right eye, the tip of the nose, the left and the right corner of the
mouth; left is left in the image. Coordinates count from the centre of the first pixel, x first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facebench.config.align import Template
from facebench.runtime.images import Pixels, Scaling

Points = NDArray[np.float64]

NAMES = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")

# Side in pixels, and the points.
TEMPLATES: dict[Template, tuple[int, Points]] = {
    # ArcFace (Deng et al., CVPR 2019), as InsightFace aligns: face_align.py, arcface_dst
    "arcface": (
        112,
        np.array([(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366),
                  (41.5493, 92.3655), (70.7299, 92.2041)]),
    ),
    # dlib's mean face (get_face_chip_details of interpolation.h) in a chip of 150 px with padding
    # 0.25: the means of its points 36 to 41 and 42 to 47, and its points 30, 48 and 54.
    "dlib": (
        150,
        np.array([(47.5492, 46.5990), (100.4761, 46.5990), (74.0127, 76.5625),
                  (50.4149, 103.0233), (97.6104, 103.0233)]),
    ),
}  # fmt: skip

_MOST = 8  # times the output's side that an image is sampled at before it is reduced

_SAMPLED = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.BICUBIC,  # which Pillow has no transform of
}


def similarity(points: Points, template: Template) -> NDArray[np.float64] | None:
    """Return the least-squares similarity transform from an image to a template.

    Args:
        points: ``[5, 2]`` in pixels of the image.
        template: Its name.

    Returns:
        ``[2, 3]``, from ``(x, y, 1)`` in the image to x and y in the template; None if a point is
        not finite, or all are one.
    """
    from skimage.transform import SimilarityTransform

    if not np.isfinite(points).all() or np.ptp(points, axis=0).max() == 0:
        return None
    _, target = TEMPLATES[template]
    if hasattr(SimilarityTransform, "from_estimate"):  # since scikit-image 0.26
        found: Any = SimilarityTransform.from_estimate(points, target)
    else:
        found = SimilarityTransform()
        found = found if found.estimate(points, target) else None
    if not found:
        return None
    matrix: NDArray[np.float64] = np.asarray(found.params, np.float64)[:2]
    return matrix if np.isfinite(matrix).all() else None


def warp(
    image: Pixels, transform: NDArray[np.float64], template: Template, size: int, scaling: Scaling
) -> Pixels:
    """Return a face in a template that is scaled to another side.

    Where the face is reduced and the filter grows with the reduction (``antialias``), the image is
    sampled at a multiple of the size, and that is reduced.

    Args:
        image: uint8 RGB, ``[H, W, 3]``.
        transform: Output of :func:`similarity`.
        template: The template that it is for.
        size: Side of the result in pixels.
        scaling: Filter, and whether it antialiases.

    Returns:
        uint8 RGB, ``[size, size, 3]``; what lies beyond the image is black.
    """
    side, _ = TEMPLATES[template]
    zoom = size / side
    reduction = 1 / (zoom * math.hypot(transform[0, 0], transform[1, 0]))  # image px per output px
    times = min(_MOST, max(1, math.ceil(reduction - 1e-9))) if scaling.antialias else 1
    backward = np.linalg.inv(np.vstack([transform, (0, 0, 1)]))
    # Pillow counts from the corner of the first pixel, in the image and in the result.
    to_template = np.array(
        [(1 / (zoom * times), 0, -0.5), (0, 1 / (zoom * times), -0.5), (0, 0, 1)]
    )
    to_corner = np.array([(1, 0, 0.5), (0, 1, 0.5), (0, 0, 1)])
    matrix = to_corner @ backward @ to_template
    face = Image.fromarray(image).transform(
        (size * times, size * times), Image.Transform.AFFINE, data=tuple(matrix[:2].ravel()),
        resample=_SAMPLED[scaling.filter],
    )  # fmt: skip
    if times > 1:
        face = face.resize((size, size), Image.Resampling[scaling.filter.upper()])
    return np.array(face)
