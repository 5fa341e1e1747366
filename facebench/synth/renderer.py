"""Renders faces to images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from facebench.errors import SpecError
from facebench.synth import atlas
from facebench.synth.assets import FloatArray
from facebench.synth.attributes import Face
from facebench.synth.backdrop import paint_background
from facebench.synth.lens import develop
from facebench.synth.raster import Fragments, rasterise
from facebench.synth.scene import Scene, build_scene
from facebench.synth.shading import key_direction
from facebench.synth.texture import dress, paint

OVERSAMPLING = 2
"""Samples per pixel along each side."""


def render(faces: Sequence[Face], size: int) -> npt.NDArray[np.uint8]:
    """Renders faces as square colour images.

    Each face is computed on its own, in float32 and without multi-threaded sums, so equal faces
    give equal pixels, independent of the other faces of the call.

    Args:
        faces: The faces to render.
        size: Side of the images in pixels, at least 16.

    Returns:
        ``[N, size, size, 3]`` uint8 RGB, before JPEG compression.

    Raises:
        FacebenchError: anny is not installed, or the size is too small.
    """
    if size < 16:
        raise SpecError(f"image size is too small: {size} was given; 16 or more was expected.")
    images = np.empty((len(faces), size, size, 3), dtype=np.uint8)
    for index, face in enumerate(faces):
        images[index] = _render_one(face, size)
    return images


def _render_one(face: Face, size: int) -> npt.NDArray[np.uint8]:
    scene = build_scene(face)
    side = size * OVERSAMPLING
    points = scene.points * np.array([side, side, 1.0], dtype=np.float32)
    seen = rasterise(points, scene.triangles, side, side)
    # Colours and coverage as planes: NumPy is slow where the last axis has three numbers.
    canvas = np.zeros((4, side * side), dtype=np.float32)
    canvas[:3, seen.samples] = _colours(face, scene, seen, side)
    canvas[3, seen.samples] = 1.0
    canvas = _average(canvas.reshape(4, side, side))
    behind = paint_background(face.background, size)
    return develop(canvas[:3] + (1 - canvas[3]) * behind, face.degradation)


def _average(canvas: FloatArray) -> FloatArray:
    """Averages ``[C, side, side]`` samples into pixels."""
    steps = range(OVERSAMPLING)
    total = sum(
        canvas[:, down::OVERSAMPLING, right::OVERSAMPLING] for down in steps for right in steps
    )
    return np.asarray(total, dtype=np.float32) / np.float32(OVERSAMPLING**2)


def _colours(face: Face, scene: Scene, seen: Fragments, side: int) -> FloatArray:
    """Returns the linear light ``[3, S]`` of the visible samples."""
    attributes = np.concatenate((scene.texels.T, scene.light.T, scene.highlight[None]))
    blended = seen.blend(attributes, scene.triangles)
    column, row = blended[:2].astype(np.int32)
    key = np.array(face.light.key, dtype=np.float32)[:, None]
    texture = paint(face.identity).copy()
    dress(texture, face.wear)
    paints = np.take(texture.reshape(-1, 3), row * atlas.WIDTH + column, axis=0)
    colours: FloatArray = paints.T * blended[2:5] + blended[5] * key
    eye = np.flatnonzero((column >= atlas.EYE_LEFT) & (row < atlas.EYE_TOP + atlas.EYE_SIZE))
    colours[:, eye] += _catch_lights(scene, face, seen.samples[eye], side) * key
    return colours


def _catch_lights(
    scene: Scene, face: Face, samples: npt.NDArray[np.int64], side: int
) -> FloatArray:
    """Returns ``[S]`` the specular reflection of the key light on the corneas."""
    place = np.stack(((samples % side + 0.5) / side, (samples // side + 0.5) / side), axis=1)
    half = key_direction(face.light) + np.array([0.0, 0.0, 1.0], dtype=np.float32)
    half /= np.sqrt(np.sum(half * half))
    glow = np.zeros(len(samples), dtype=np.float32)
    for eye in scene.eyes:
        dot = eye[:2] + 0.75 * scene.eye_size * half[:2] * np.array([1.0, -1.0])
        distance = np.sum((place - dot) ** 2, axis=1) / (0.16 * scene.eye_size) ** 2
        glow += np.exp(-distance).astype(np.float32)
    return glow
