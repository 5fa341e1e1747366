"""Light on the head: baked self-occlusion, soft key and fill light, highlights."""

from __future__ import annotations

from functools import cache

import numpy as np

from facebench.synth.assets import FloatArray
from facebench.synth.attributes import Light
from facebench.synth.head import Region, load_head
from facebench.synth.mesh import vertex_normals
from facebench.synth.raster import rasterise

_BAKE_SIDE = 96
_BAKE_DIRECTIONS = 40
# Bent ahead of the surface, red light travels further inside skin than green and blue.
_SCATTER = np.array([1.0, 0.72, 0.62], dtype=np.float32)


@cache
def openness() -> FloatArray:
    """Returns ``[V]`` how much of the sky each vertex of the template sees, in [0, 1].

    The template is rasterised from many directions; a vertex sees the sky in a direction if
    nothing occludes it there. Mouth, teeth and tongue get constants, since the mouth opens.
    """
    head = load_head()
    normals = vertex_normals(head.vertices, head.triangles)
    seen = np.zeros(len(head.vertices), dtype=np.float32)
    total = np.full(len(head.vertices), 1e-6, dtype=np.float32)
    scale = _BAKE_SIDE / 4.2
    for direction in _sphere(_BAKE_DIRECTIONS):
        frame = _frame(direction)
        view = np.einsum("ij,nj->ni", frame, head.vertices - np.array([0, 7.0, 0.6], np.float32))
        points = np.stack(
            (view[:, 0] * scale + _BAKE_SIDE / 2, _BAKE_SIDE / 2 - view[:, 1] * scale, view[:, 2]),
            axis=1,
        ).astype(np.float32)
        found = rasterise(points, head.triangles, _BAKE_SIDE, _BAKE_SIDE)
        depth = np.full(_BAKE_SIDE * _BAKE_SIDE, -np.inf, dtype=np.float32)
        depth[found.samples] = found.blend(points.T[2:], head.triangles)[0]
        cell = np.clip(points[:, :2], 0, _BAKE_SIDE - 1).astype(np.int64)
        nearest = depth[cell[:, 1] * _BAKE_SIDE + cell[:, 0]]
        cosine = np.maximum(np.einsum("nk,k->n", normals, direction), 0)
        seen += cosine * (view[:, 2] > nearest - 0.06)
        total += cosine
    result = np.clip(seen / total, 0.0, 1.0)
    for region, value in ((Region.MOUTH, 0.25), (Region.TEETH, 0.55), (Region.TONGUE, 0.4)):
        result[head.regions == region] = value
    result[head.regions == Region.EYE] = 0.8
    return np.asarray(result, dtype=np.float32)


def _sphere(count: int) -> FloatArray:
    """Returns ``[count, 3]`` directions spread evenly over the upper and front sphere."""
    index = np.arange(2 * count) + 0.5
    height = 1 - index / count
    turn = np.pi * (1 + 5**0.5) * index
    flat = np.sqrt(1 - height**2)
    spread = np.stack((flat * np.cos(turn), height, flat * np.sin(turn)), axis=1)
    return spread.astype(np.float32)


def _frame(direction: FloatArray) -> FloatArray:
    """Returns the rotation ``[3, 3]`` that looks along a direction (its third row)."""
    helper = np.array([0.0, 1.0, 0.0]) if abs(direction[1]) < 0.95 else np.array([1.0, 0.0, 0.0])
    right = np.cross(helper, direction)
    right /= np.linalg.norm(right)
    return np.stack((right, np.cross(direction, right), direction)).astype(np.float32)


def key_direction(light: Light) -> FloatArray:
    """Returns the unit vector ``[3]`` towards the key light."""
    azimuth, elevation = np.radians([light.azimuth, light.elevation])
    flat = np.cos(elevation)
    return np.array(
        [flat * np.sin(azimuth), np.sin(elevation), flat * np.cos(azimuth)], dtype=np.float32
    )


def shade(
    normals: FloatArray, open_sky: FloatArray, gloss: FloatArray, light: Light
) -> tuple[FloatArray, FloatArray]:
    """Lights vertices that face the viewer along +z.

    Args:
        normals: ``[V, 3]`` unit normals after the head was turned.
        open_sky: ``[V]`` as from `openness`.
        gloss: ``[V]`` strength of the highlight.
        light: The lights.

    Returns:
        ``[V, 3]`` light to multiply the texture with, and ``[V]`` the share of the key light that
        is mirrored, to add.
    """
    key = key_direction(light)
    wrap = (0.15 + 0.45 * light.softness) * _SCATTER
    facing = np.einsum("nk,k->n", normals, key)[:, None]
    diffuse = np.clip((facing + wrap) / (1 + wrap), 0.0, None)
    diffuse *= np.minimum(1.0, 0.25 + 1.1 * open_sky)[:, None]
    opposite = np.array([-key[0], 0.1, max(key[2], 0.2)], dtype=np.float32)
    opposite /= np.sqrt(np.sum(opposite * opposite))
    fill = np.clip(np.einsum("nk,k->n", normals, opposite), 0.0, None)[:, None]
    sky = (open_sky * (0.7 + 0.3 * normals[:, 1]))[:, None]
    lamps = (np.array(c, dtype=np.float32) for c in (light.key, light.fill, light.sky))
    total = sum(amount * lamp for amount, lamp in zip((diffuse, fill, sky), lamps, strict=True))
    half = key + np.array([0.0, 0.0, 1.0], dtype=np.float32)
    half /= np.sqrt(np.sum(half * half))
    sharp = 30 - 18 * light.softness
    shine = np.clip(np.einsum("nk,k->n", normals, half), 0.0, 1.0) ** np.float32(sharp)
    highlight = gloss * shine * open_sky
    return np.asarray(total, dtype=np.float32), np.asarray(highlight, dtype=np.float32)
