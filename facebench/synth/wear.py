"""Meshes of hair, cap and glasses, built around the deformed head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from facebench.synth import atlas
from facebench.synth.assets import FloatArray, IntArray
from facebench.synth.attributes import Face, Hair
from facebench.synth.head import Head, Region, following, load_head


@dataclass(frozen=True)
class Part:
    """A piece of mesh: see `Head` for the meaning of the arrays.

    A sheet is seen from both sides; its triangles are listed once, facing outwards.
    """

    vertices: FloatArray
    triangles: IntArray
    texels: FloatArray
    follow: FloatArray
    sheet: bool = False

    def visible_triangles(self) -> IntArray:
        """Returns the triangles to draw, ``[F, 3]`` or, of a sheet, ``[2 F, 3]``."""
        if not self.sheet:
            return self.triangles
        return np.concatenate((self.triangles, self.triangles[:, ::-1]))


# Height (dm, template) of the average hairline at an angle from straight ahead (radians): over
# the forehead, round the temple, down before the ear, over it, and down to the nape.
_LINE_ANGLES = (0.0, 0.45, 0.8, 1.05, 1.3, 1.5, 1.75, 2.1, 2.6, np.pi)
_LINE_HEIGHTS = (7.98, 7.97, 7.86, 7.62, 7.3, 7.18, 7.3, 6.75, 6.5, 6.45)


@dataclass(frozen=True)
class _Scalp:
    source: npt.NDArray[np.int64]
    triangles: IntArray
    angle: FloatArray
    height: FloatArray
    texels: FloatArray


@cache
def _scalp() -> _Scalp:
    """Finds the skin on which hair can grow, as a mesh of its own."""
    head = load_head()
    x, y, z = head.vertices.T
    angle = np.arctan2(x, z - atlas.AXIS_Z)
    ear = (np.abs(x) > 0.765) & (y > 6.8) & (y < 7.62) & (z > 0.05) & (z < 0.8)
    face = (np.abs(angle) < 1.1) & (y < 7.5)
    grows = (head.regions == Region.SKIN) & (y > 6.2) & ~ear & ~face
    kept = head.triangles[grows[head.triangles].all(axis=1)]
    source, triangles = np.unique(kept, return_inverse=True)
    return _Scalp(
        source,
        triangles.reshape(kept.shape).astype(np.int32),
        angle[source].astype(np.float32),
        y[source],
        atlas.hair_texels(head.vertices[source]),
    )


def hairline(hair: Hair, angle: FloatArray) -> FloatArray:
    """Returns the height (dm, template frame) of a person's hairline at angles ``[N]``."""
    average = np.interp(np.abs(angle), _LINE_ANGLES, _LINE_HEIGHTS)
    front = np.exp(-((angle / 0.75) ** 2))
    height = average + front * (hair.hairline + hair.parting * np.sin(2 * angle))
    return np.asarray(height, dtype=np.float32)


def parts_of(face: Face, vertices: FloatArray, normals: FloatArray) -> list[Part]:
    """Returns hair, cap and glasses of a face from its vertices ``[V, 3]`` before rotation."""
    head = load_head()
    hair = face.identity.hair
    parts: list[Part] = []
    if hair.volume > 0:
        parts.append(_hair_shell(face, vertices, normals))
        if hair.length > 0:
            parts.append(_curtain(hair, head, vertices))
    if face.wear.cap is not None:
        parts.extend(_cap(head, vertices, normals))
    if face.wear.glasses != "none":
        parts.append(_glasses(face.wear.glasses, head, vertices))
    return parts


def _shell(vertices: FloatArray, normals: FloatArray, offset: FloatArray) -> Part:
    """Lifts the scalp along its normals; where the offset is negative the skin hides it."""
    scalp = _scalp()
    lifted = vertices[scalp.source] + normals[scalp.source] * offset[:, None]
    return Part(lifted, scalp.triangles, scalp.texels, load_head().follow[scalp.source])


def _hair_shell(face: Face, vertices: FloatArray, normals: FloatArray) -> Part:
    scalp, hair = _scalp(), face.identity.hair
    above = np.clip((scalp.height - hairline(hair, scalp.angle)) / 0.3, -0.5, 1.0)
    lock = np.random.default_rng(face.identity.texture).normal(size=len(above))
    volume = 0.3 if face.wear.cap is not None else 1.0
    offset = np.where(above > 0, np.sqrt(np.abs(above)), above) * hair.volume * volume
    offset = offset * (1 + 0.35 * hair.curl * lock * (above > 0.2))
    return _shell(vertices, normals, offset.astype(np.float32))


def _skull_frame(head: Head, vertices: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns the scale and shift ``[3]`` that map the template's skull to this one's."""
    skull = (head.regions == Region.SKIN) & (head.vertices[:, 1] > 7.0)
    old, new = head.vertices[skull], vertices[skull]
    scale = np.ptp(new, axis=0) / np.ptp(old, axis=0)
    return scale, new.max(axis=0) - scale * old.max(axis=0)


def _grid_triangles(rows: int, columns: int) -> IntArray:
    """Returns the triangles of a grid whose normals point along (down the rows) x (along them)."""
    corner = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b = corner[:-1, :-1].ravel(), corner[:-1, 1:].ravel()
    c, d = corner[1:, 1:].ravel(), corner[1:, :-1].ravel()
    return np.concatenate((np.stack((a, d, c), 1), np.stack((a, c, b), 1)))


def _curtain(hair: Hair, head: Head, vertices: FloatArray) -> Part:
    """Builds long hair: a sheet from above the ears, round the back, down to its length."""
    rows, columns = 12, 40
    opening = 1.25 + 0.15 * hair.parting
    angle = np.linspace(opening, 2 * np.pi - opening, columns)[None]
    down = np.linspace(0.0, 1.0, rows)[:, None]
    height = 7.95 - down * (0.75 + hair.length) + 0 * angle
    wave = 0.03 * (1 + 2 * hair.curl) * np.sin(9 * angle + 7 * down * (1 + hair.curl))
    bulge = 0.10 + 0.6 * hair.volume * np.sin(np.pi * np.minimum(1.0, 0.25 + down))
    wide = (0.80 + bulge + wave) * (0.84 + 0.16 * np.minimum(1.0, 3 * down))
    x = wide * np.sin(angle)
    z = 0.42 + wide * np.cos(angle)
    points = np.stack((x, height, z), axis=-1).reshape(-1, 3).astype(np.float32)
    texels = np.stack(
        (
            atlas.HAIR_LEFT + (atlas.HAIR_WIDTH - 1) * np.abs(np.sin(2.5 * angle)) + 0 * down,
            atlas.HAIR_TOP + (atlas.HAIR_HEIGHT - 1) * (0.3 + 0.69 * down) + 0 * angle,
        ),
        axis=-1,
    )
    scale, shift = _skull_frame(head, vertices)
    hanging = np.clip(1.15 - 0.5 * down + 0 * angle, 0, 1).reshape(-1)
    return Part(
        points * scale + shift,
        _grid_triangles(rows, columns),
        texels.reshape(-1, 2).astype(np.float32),
        hanging.astype(np.float32),
        sheet=True,
    )


def _flat(name: str) -> FloatArray:
    return np.array(atlas.flat_texel(name), dtype=np.float32)


def _cap(head: Head, vertices: FloatArray, normals: FloatArray) -> list[Part]:
    scalp = _scalp()
    line = 7.83 - 0.1 * np.abs(scalp.angle)
    offset = 0.13 * np.clip((scalp.height - line) / 0.08, -1.0, 1.0)
    crown = _shell(vertices, normals, offset.astype(np.float32))
    flat = _flat("cap")
    crown = Part(crown.vertices, crown.triangles, np.tile(flat, (len(offset), 1)), crown.follow)
    angle = np.linspace(-1.15, 1.15, 17)[None]
    out = np.linspace(0.0, 1.0, 5)[:, None]
    reach = 0.62 * out * np.cos(angle * 1.2).clip(0.0)
    points = np.stack(
        (
            (0.78 + 0.02 * out) * np.sin(angle),
            7.86 - 0.16 * out - 0.1 * np.abs(np.sin(angle)) ** 2 + 0 * angle,
            0.62 + 0.88 * np.cos(angle) + reach,
        ),
        axis=-1,
    )
    scale, shift = _skull_frame(head, vertices)
    brim = points.reshape(-1, 3).astype(np.float32) * scale + shift
    brow = np.argmin(np.abs(scalp.angle) + np.abs(scalp.height - 7.86))
    brim[:, 1:] += (crown.vertices[brow] - (brim[8] + [0, 0, 0.06]))[1:]
    sheet = Part(
        brim,
        _grid_triangles(5, 17),
        np.tile(flat, (len(brim), 1)),
        np.ones(len(brim), dtype=np.float32),
        sheet=True,
    )
    return [crown, sheet]


def eye_centres(head: Head, vertices: FloatArray) -> FloatArray:
    """Returns the centres ``[2, 3]`` of the eyeballs, the subject's left (image right) first."""
    eye = head.regions == Region.EYE
    left = vertices[eye & (head.vertices[:, 0] > 0)].mean(axis=0)
    right = vertices[eye & (head.vertices[:, 0] < 0)].mean(axis=0)
    return np.stack((left, right))


_RIMS = {"round": (0.235, 0.225, 2.0), "square": (0.26, 0.185, 4.0), "dark": (0.265, 0.21, 3.0)}


def _glasses(style: str, head: Head, vertices: FloatArray) -> Part:
    """Builds two rims, a bridge and the temples; ``dark`` fills the rims."""
    wide, tall, power = _RIMS[style]
    turn = np.linspace(0, 2 * np.pi, 33)
    cos, sin = np.cos(turn), np.sin(turn)
    curve = (np.abs(cos) ** power + np.abs(sin) ** power) ** (-1 / power)
    outline = np.stack((wide * cos * curve, tall * sin * curve), axis=1)
    left, right = eye_centres(head, vertices)
    front = max(left[2], right[2]) + 0.39
    points: list[FloatArray] = []
    faces: list[IntArray] = []
    texels: list[FloatArray] = []

    def add(grid: FloatArray, colour: str) -> None:
        start = sum(len(p) for p in points)
        rows, columns = grid.shape[:2]
        points.append(grid.reshape(-1, 3).astype(np.float32))
        faces.append(_grid_triangles(rows, columns) + start)
        texels.append(np.tile(_flat(colour), (rows * columns, 1)))

    for centre in (left, right):
        # The rim wraps back a little towards the temple, as faces do.
        middle = np.array([centre[0], centre[1] - 0.03, front])
        rings = [np.concatenate((outline * k, np.zeros((33, 1))), axis=1) for k in (1.1, 0.95)]
        for ring in rings:
            ring[:, 2] = -0.18 * np.maximum(0.0, ring[:, 0] * np.sign(centre[0])) / wide
        add(np.stack([middle + ring for ring in rings]), "frame")
        if style == "dark":
            add(np.stack([middle + rings[1], np.tile(middle, (33, 1))]), "lens")
        side = np.sign(centre[0])
        hinge = np.array([centre[0] + side * wide, centre[1] + 0.05, front - 0.17])
        ear = np.array([side * 0.83, centre[1] + 0.06, 0.5])
        bar = np.array([0.0, 0.035, 0.0])
        add(np.stack(([hinge + bar, ear + bar], [hinge - bar, ear - bar])), "frame")
    aside = np.array([wide, 0.0, 0.0])
    inner = np.stack((left - aside, right + aside))
    inner[:, 2] = front
    thick = np.array([0.0, 0.03, 0.0])
    add(np.stack((inner + thick, inner - thick)), "frame")
    vertices = np.concatenate(points)
    return Part(
        vertices,
        np.concatenate(faces).astype(np.int32),
        np.concatenate(texels),
        following(vertices),
        sheet=True,
    )
