"""Folders of images with a ``.mat`` beside each, and FSA-Net's packed form of the same.

300W-LP has four collections and a mirrored copy of each; a flipped folder re-uses the file names
of the original, so a path is the key, never a stem. ``landmarks/`` and ``Code/`` hold neither
images nor poses and are not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from PIL import Image

from facebench.errors import DataError
from facebench.runtime.images import IMAGE_SUFFIXES, Box

from ._finding import find
from ._mat import read_mat
from ._mat5 import FloatArray
from ._pose_npz import image_side, read_poses
from ._reading import folders, names, shown

COLLECTIONS = tuple(
    f"{name}{flip}" for flip in ("", "_Flip") for name in ("AFW", "HELEN", "IBUG", "LFPW")
)
SIDE = 450  # pixels, of every published image

_THREADS = 4  # parsing holds the interpreter lock, waiting for the disk does not
# FSA-Net's files keep the order of the names and not the names. The copies of a photograph (up
# to 18) lie beside each other, so a run of this many rows splits few photographs.
_RUN = 100

Crop = Callable[[FloatArray, int, int], Box]
"""From landmarks ``[2, N]``, width and height of the image to the box that is used."""


class Sample(NamedTuple):
    """One image: its path below the root, its photograph, angles in degrees, and its crop."""

    path: str
    subject: str
    yaw: float
    pitch: float
    roll: float
    left: int
    top: int
    right: int
    bottom: int


def find_home(root: Path, wanted: Sequence[str], there: Callable[[Path], object]) -> Path | None:
    """Find the folder of a dataset.

    Args:
        root: Folder to look in.
        wanted: What the dataset's folder may be called, in any case.
        there: Says whether a folder holds the dataset.

    Returns:
        ``root/NAME/NAME`` (archives that unpack into a folder of their own name) or
        ``root/NAME``; if none holds it, ``root``; if that does not either, nothing.

    Raises:
        DataError: Several of these names hold it.
    """
    lower = [name.lower() for name in wanted]
    found = [place for place in _places(root, lower) if there(place)]
    if not found and there(root):
        return root
    if len(found) > 1:
        raise DataError(
            f"{root}: found {wanted[0]} in {found[0]} and in {found[1]}; expected one of them. "
            "Remove the other."
        )
    return found[0] if found else None


def _places(root: Path, wanted: Sequence[str]) -> Iterator[Path]:
    for name in folders(root):
        if name.lower() in wanted:
            yield root / name
            yield from (root / name / n for n in folders(root / name) if n.lower() in wanted)


def collections(folder: Path) -> dict[str, Path]:
    """Return 300W-LP's collections in a folder, by their names; folders go before ``.npz``.

    Raises:
        DataError: Two have the same name but for its case.
    """
    for suffix in ("", ".npz"):
        found = {name: find(folder, f"{name}{suffix}") for name in COLLECTIONS}
        there = {name: place for name, place in found.items() if place is not None}
        if there:
            return there
    return {}


def read_samples(
    root: Path, place: Path, subject: Callable[[str], str], crop: Crop
) -> list[Sample]:
    """Read all images of one collection.

    Args:
        root: Folder that the paths are to be relative to.
        place: A folder of images and ``.mat`` files, or a file of FSA-Net's.
        subject: From the stem of an image to the photograph that it was made from.
        crop: Makes the box from the landmarks.

    Returns:
        In the order of the names; of a packed file, in its own order and uncropped.

    Raises:
        DataError: A file is missing or malformed.
    """
    prefix = place.relative_to(root).as_posix()
    if place.suffix.lower() == ".npz":
        width, height = image_side(place)
        return [
            Sample(
                f"{prefix}#{item}", subject(f"{item // _RUN:06d}_0"), yaw, pitch, roll,
                0, 0, width, height,
            )
            for item, (yaw, pitch, roll) in enumerate(read_poses(place).tolist())
        ]  # fmt: skip

    def read(names_: tuple[str, str]) -> Sample:
        image, mat = names_
        pose = read_mat(place / mat)
        box = crop(pose.points, *_size(place / image))
        if box[2] <= box[0] or box[3] <= box[1]:
            raise DataError(
                f"{place / mat}: pt2d: found no two landmarks apart that are visible; expected "
                "some, to crop the image. Unpack the dataset again."
            )
        path = PurePosixPath(prefix, image).as_posix()
        stem = PurePosixPath(image).stem
        return Sample(path, subject(stem), pose.yaw, pose.pitch, pose.roll, *box)

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(read, _pairs(place)))


def _pairs(folder: Path) -> list[tuple[str, str]]:
    """Return name of image and ``.mat`` of everything in a folder."""
    images = _by_stem(folder, IMAGE_SUFFIXES)
    mats = _by_stem(folder, frozenset({".mat"}))
    lonely = sorted(images.keys() ^ mats.keys())
    if lonely:
        raise DataError(
            f"{folder}: {len(lonely):,} of {len(images.keys() | mats.keys()):,} images lack their "
            f".mat, or the other way round: {shown(lonely)}; expected both of each. Unpack the "
            "dataset again."
        )
    return [(image, mats[stem]) for stem, image in images.items()]


def _by_stem(folder: Path, suffixes: Set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names(folder):
        path = PurePosixPath(name)
        if path.suffix.lower() in suffixes:
            other = found.setdefault(path.stem, name)
            if other != name:
                raise DataError(
                    f"{folder}: found {other} and {name}; expected one file of that stem. Remove "
                    "the other."
                )
    return found


def _size(image: Path) -> tuple[int, int]:
    """Return width and height by the header; what is wrong with a file is said when it is read."""
    try:
        with Image.open(image) as opened:
            return opened.size
    except Exception:  # broken bytes raise whatever the format's parser runs into
        return SIDE, SIDE
