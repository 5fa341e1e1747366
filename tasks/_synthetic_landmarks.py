"""Landmarks of a rendered face: projections of selected vertices of the head."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from facebench.synth import Face
from facebench.synth.head import Region, load_head
from facebench.synth.mesh import rotation, vertex_normals
from facebench.synth.scene import build_scene
from facebench.synth.wear import eye_centres

from ._mat5 import FloatArray

# Index of each landmark's counterpart in the mirrored image: jaw, brows, nose, eyes, lips.
_MIRROR = (
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65,
)  # fmt: skip
_DEPTH = 0.03  # weight of depth against lateral distance when a vertex is chosen


def landmarks(face: Face) -> FloatArray:
    """Return the 68 landmarks of 300-W, ``[2, 68]``: x and y in sides of the image.

    Jaw from the image's left to its right (0 to 16, the chin is 8), brows (17 to 26), bridge of
    the nose and its tip (30), nostrils (35), eyes (36 to 47), outer and inner lips. They follow
    the mesh, so on a turned head the far ones are occluded, as in 300W-LP.
    """
    return np.asarray(build_scene(face).points[_vertices(), :2].T, dtype=np.float64)


def facing(face: Face) -> NDArray[np.bool_]:
    """Return which of the 68 landmarks are on the visible side of the head, ``[68]``."""
    return np.asarray(_normals() @ rotation(face.pose)[2] > 0)


def mirrored(points: FloatArray, side: float) -> FloatArray:
    """Return the 68 landmarks of the mirrored image, ``[2, 68]``, in the order of the original.

    Args:
        points: ``[2, 68]``, x and y.
        side: Side of the image in the unit of ``points``.
    """
    return np.stack((side - points[0], points[1]))[:, _MIRROR]


@cache
def _normals() -> FloatArray:
    head = load_head()
    return np.asarray(vertex_normals(head.vertices, head.triangles)[_vertices()], dtype=np.float64)


@cache
def _vertices() -> NDArray[np.int64]:
    """Choose for every landmark the vertex nearest to it on the front of the average head."""
    head = load_head()
    skin = np.flatnonzero((head.regions == Region.SKIN) & (head.follow == 1))
    middle = eye_centres(head, head.vertices).mean(axis=0)
    arm = head.vertices[skin] - middle
    places = _template()
    apart = ((places[:, None] - arm[None, :, :2]) ** 2).sum(axis=2)
    return np.asarray(skin[np.argmin(apart - _DEPTH * arm[None, :, 2], axis=1)])


def _template() -> FloatArray:
    """Return ``[68, 2]``: x to the image's right and y up from between the eyes, in dm."""
    turn = np.linspace(np.pi, 2 * np.pi, 17)
    jaw = np.stack((0.72 * np.cos(turn), 1.12 * np.sin(turn)), axis=1)
    arch = np.linspace(-0.19, 0.19, 5)
    brow = np.stack((arch, 0.24 - 1.5 * arch**2), axis=1)
    bridge = np.stack((np.zeros(4), np.linspace(-0.05, -0.375, 4)), axis=1)
    nostrils = np.stack((np.linspace(-0.16, 0.16, 5), np.full(5, -0.47)), axis=1)
    eye = _ellipse(6, 0.14, 0.05)
    lips = np.concatenate((_ellipse(12, 0.26, 0.1), _ellipse(8, 0.2, 0.04)))
    parts = [jaw, np.add(brow, (-0.33, 0)), np.add(brow, (0.33, 0)), bridge, nostrils]
    parts += [np.add(eye, (-0.308, 0)), np.add(eye, (0.308, 0)), np.add(lips, (0, -0.7))]
    return np.concatenate(parts)


def _ellipse(points: int, width: float, height: float) -> FloatArray:
    """Return ``[points, 2]`` from the image's left, over the top."""
    turn = np.pi - 2 * np.pi * np.arange(points) / points
    return np.stack((width * np.cos(turn), height * np.sin(turn)), axis=1)
