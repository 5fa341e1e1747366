"""Puts head, hair and wear together, lights them, and projects them onto the image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from facebench.synth.assets import FloatArray, IntArray
from facebench.synth.attributes import Camera, Face
from facebench.synth.head import Head, Region, load_head
from facebench.synth.mesh import (
    head_vertices,
    identity_vertices,
    rotation,
    turn,
    turn_normals,
    vertex_normals,
)
from facebench.synth.shading import openness, shade
from facebench.synth.wear import eye_centres, parts_of

FRAME = 2.05
"""Side of the image at zoom 1, in distances from eye line to chin."""

_GLOSS = {Region.SKIN: 0.10, Region.TEETH: 0.3, Region.MOUTH: 0.05, Region.TONGUE: 0.2}


@dataclass(frozen=True)
class Scene:
    """Input of the rasteriser.

    Attributes:
        points: ``[V, 3]`` column and row in fractions of the image's side, and nearness.
        triangles: ``[F, 3]``.
        texels: ``[V, 2]``.
        light: ``[V, 3]`` to multiply the texture with.
        highlight: ``[V]`` strength of the key light's reflection.
        eyes: ``[2, 3]`` centres of the eyeballs, projected like the points.
        eye_size: Radius of an eyeball, in fractions of the image's side.
    """

    points: FloatArray
    triangles: IntArray
    texels: FloatArray
    light: FloatArray
    highlight: FloatArray
    eyes: FloatArray
    eye_size: float


def build_scene(face: Face) -> Scene:
    """Deforms, dresses, rotates, lights and projects one face."""
    head = load_head()
    bent = head_vertices(face)
    normals = [vertex_normals(bent, head.triangles)]
    parts = parts_of(face, bent, normals[0])
    normals.extend(vertex_normals(part.vertices, part.triangles) for part in parts)
    triangles, start = [head.triangles], len(bent)
    for part in parts:
        triangles.append(part.visible_triangles() + np.int32(start))
        start += len(part.vertices)
    follow = np.concatenate([head.follow, *(part.follow for part in parts)])
    turning = rotation(face.pose)
    vertices = np.concatenate([bent, *(part.vertices for part in parts)])
    vertices = turn(vertices, turning, follow)
    worn = len(vertices) - len(bent)
    gloss = np.concatenate((_gloss(), np.full(worn, 0.06, dtype=np.float32)))
    open_sky = np.concatenate((openness(), np.full(worn, 0.8, dtype=np.float32)))
    turned = turn_normals(np.concatenate(normals), turning, follow)
    light, highlight = shade(turned, open_sky, gloss, face.light)
    eyes = eye_centres(head, vertices[: len(bent)])
    view = _View.of(face, head, turning, eyes)
    return Scene(
        points=view.project(vertices),
        triangles=np.concatenate(triangles),
        texels=np.concatenate([head.texels, *(part.texels for part in parts)]),
        light=light,
        highlight=highlight,
        eyes=view.project(eyes),
        eye_size=0.143 * view.scale,
    )


@cache
def _gloss() -> FloatArray:
    head = load_head()
    gloss = np.zeros(len(head.vertices), dtype=np.float32)
    for region, value in _GLOSS.items():
        gloss[head.regions == region] = value
    return gloss + 0.15 * head.lips


@cache
def _chin() -> int:
    """Finds the lowest vertex of the chin's front, on the midline of the template."""
    head = load_head()
    x, y, z = head.vertices.T
    midline = (head.regions == Region.SKIN) & (np.abs(x) < 0.02) & (z > 1.33)
    return int(np.argmin(np.where(midline, y, np.inf)))


@dataclass(frozen=True)
class _View:
    """A perspective camera on the +z axis through the middle of the face."""

    middle: FloatArray  # [3] in the world, dm
    scale: float  # image sides per dm at the middle's depth
    tilt: float  # radians by which the picture is turned
    camera: Camera

    @staticmethod
    def of(face: Face, head: Head, turning: FloatArray, eyes: FloatArray) -> _View:
        rest = identity_vertices(face.identity)
        brow = eye_centres(head, rest).mean(axis=0)
        drop = brow[1] - rest[_chin(), 1]
        middle = np.array([[0.0, brow[1] - 0.2 * drop, brow[2] - 0.25]], dtype=np.float32)
        middle = turn(middle, turning, np.ones(1, dtype=np.float32))[0]
        across = eyes[0] - eyes[1]
        tilt = float(np.arctan2(across[1], across[0])) if face.camera.aligned else 0.0
        return _View(middle, face.camera.zoom / float(FRAME * drop), tilt, face.camera)

    def project(self, vertices: FloatArray) -> FloatArray:
        """Returns columns and rows ``[N, 0:2]`` in image sides, and nearness ``[N, 2]``."""
        arm = vertices - self.middle
        near = self.camera.distance / (self.camera.distance - arm[:, 2])
        cos, sin = np.float32(np.cos(self.tilt)), np.float32(np.sin(self.tilt))
        x = (cos * arm[:, 0] + sin * arm[:, 1]) * near * self.scale
        y = (cos * arm[:, 1] - sin * arm[:, 0]) * near * self.scale
        column = 0.5 + self.camera.shift_x + x
        row = 0.5 + self.camera.shift_y - y
        return np.stack((column, row, near), axis=1).astype(np.float32)
