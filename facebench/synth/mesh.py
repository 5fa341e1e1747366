"""From a `Face` to the vertices of its head: identity, facial actions, normals, pose."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from facebench.synth.assets import FloatArray, IntArray
from facebench.synth.attributes import Face, Identity, Pose
from facebench.synth.head import AGES, ANCESTRIES, GENDERS, LEVELS, load_head

PIVOT = np.array([0.0, 6.9, 0.5], dtype=np.float32)
"""Centre of rotation of the skull on the neck."""

_AGE_ANCHORS = (1 / 3, 2 / 3, 1.0)  # anny's child, young, old on its age axis


def head_vertices(face: Face) -> FloatArray:
    """Returns the vertices ``[V, 3]`` of a face before it is turned, in decimetres."""
    amounts = np.array(face.actions, dtype=np.float32)
    moved = np.asarray(load_head().actions @ amounts, dtype=np.float32)
    return _identity_vertices(face.identity) + moved.reshape(-1, 3)


def identity_vertices(identity: Identity) -> FloatArray:
    """Returns the vertices ``[V, 3]`` of a person without any facial action; read-only."""
    return _identity_vertices(identity)


@lru_cache(maxsize=256)
def _identity_vertices(identity: Identity) -> FloatArray:
    head = load_head()
    shape = np.array(identity.shape, dtype=np.float32)
    ends = np.concatenate((np.maximum(-shape, 0), np.maximum(shape, 0)))
    local = np.asarray(head.shapes @ ends, dtype=np.float32)
    vertices = head.vertices + local.reshape(-1, 3)
    for kind, weight in phenotype_weights(identity).items():
        vertices += np.float32(weight) * head.macro[kind]
    vertices.setflags(write=False)
    return vertices


def phenotype_weights(identity: Identity) -> dict[tuple[str, ...], float]:
    """Returns anny's weight for each corner of the phenotype axes that takes part.

    Each axis interpolates linearly between its anchors, and a corner's weight is the product
    over its axes (anny, ``phenotype_blendshape_weights``).
    """
    ancestry = np.array([identity.african, identity.asian, identity.caucasian])
    ancestry = ancestry / ancestry.sum()
    gender = _hat(identity.gender, (0.0, 1.0))
    age = _hat(identity.age, _AGE_ANCHORS)
    muscle = _hat(identity.muscle, (0.0, 0.5, 1.0))
    weight = _hat(identity.weight, (0.0, 0.5, 1.0))
    corners: dict[tuple[str, ...], float] = {}
    for g, a in np.ndindex(len(GENDERS), len(AGES)):
        share = float(gender[g] * age[a])
        for r, name in enumerate(ANCESTRIES):
            corners[name, GENDERS[g], AGES[a]] = share * float(ancestry[r])
        for m, w in np.ndindex(3, 3):
            corners[GENDERS[g], AGES[a], LEVELS[m], LEVELS[w]] = share * float(
                muscle[m] * weight[w]
            )
    return {kind: weight for kind, weight in corners.items() if weight > 0}


def _hat(value: float, anchors: tuple[float, ...]) -> FloatArray:
    """Returns the weights of linear interpolation between anchors at a value."""
    units = np.eye(len(anchors))
    return np.array([np.interp(value, anchors, unit) for unit in units], dtype=np.float32)


def rotation(pose: Pose) -> FloatArray:
    """Returns ``[3, 3]``: ``Rx(pitch) Ry(yaw) Rz(roll)`` in 300W-LP's signs."""
    pitch, yaw, roll = np.radians([pose.pitch, pose.yaw, pose.roll])
    about_x = [[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]]
    about_y = [[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]]
    about_z = [[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    turned = np.einsum("ij,jk,kl->il", np.array(about_x), np.array(about_y), np.array(about_z))
    return np.asarray(turned, dtype=np.float32)


def turn(points: FloatArray, turning: FloatArray, follow: FloatArray) -> FloatArray:
    """Rotates points ``[N, 3]`` about the neck, weighted by ``follow [N]``."""
    arm = points - PIVOT
    turned = np.einsum("ij,nj->ni", turning, arm)
    return np.asarray(points + follow[:, None] * (turned - arm), dtype=np.float32)


def vertex_normals(vertices: FloatArray, triangles: IntArray) -> FloatArray:
    """Returns unit normals ``[V, 3]``, each the area-weighted mean of its triangles'."""
    a, b, c = (np.take(vertices, triangles[:, i], axis=0).T for i in range(3))
    ab, ac = b - a, c - a
    across = (
        ab[1] * ac[2] - ab[2] * ac[1],
        ab[2] * ac[0] - ab[0] * ac[2],
        ab[0] * ac[1] - ab[1] * ac[0],
    )
    corner = triangles.T.ravel()
    total = np.stack([np.bincount(corner, np.tile(part, 3), len(vertices)) for part in across])
    length = np.sqrt(total[0] ** 2 + total[1] ** 2 + total[2] ** 2)
    return np.asarray((total / np.maximum(length, 1e-12)).T, dtype=np.float32)


def turn_normals(normals: FloatArray, turning: FloatArray, follow: FloatArray) -> FloatArray:
    """Turns unit normals ``[N, 3]`` as `turn` turns their points."""
    turned = np.einsum("ij,nj->ni", turning, normals)
    mixed = normals + follow[:, None] * (turned - normals)
    length = np.sqrt(np.einsum("nk,nk->n", mixed, mixed))
    return np.asarray(mixed / np.maximum(length, 1e-6)[:, None], dtype=np.float32)
