"""Folders of images with a ``.mat`` beside each, and FSA-Net's packed form of the same.

300W-LP has four collections and a mirrored copy of each; a flipped folder uses the file names of
the original, so images are identified by path, not by stem. ``landmarks/`` and ``Code/`` hold
neither images nor poses and are not read.
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
from ._landmarks_inside import Outside, outside, refuse_outside
from ._mat import read_mat
from ._mat5 import FloatArray
from ._pose_npz import image_side, read_poses
from ._reading import folders, names, shown

COLLECTIONS = tuple(
    f"{name}{flip}" for flip in ("", "_Flip") for name in ("AFW", "HELEN", "IBUG", "LFPW")
)
SIDE = 450  # pixels, of every published image

_OTHERS = ("code", "landmarks")  # of 300W-LP; landmarks/ has folders named as collections are
_THREADS = 4  # parsing holds the interpreter lock, reading from disk does not
# FSA-Net's files keep the order of the images, but not their names. The copies of a photograph (up
# to 18) are consecutive, so groups of this many rows split few photographs.
_RUN = 100

Crop = Callable[[FloatArray, int, int], Box]
"""Function from landmarks ``[2, N]``, width and height of the image to the crop."""


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
        root: Folder to search.
        wanted: Possible names of the dataset's folder, matched case-insensitively.
        there: Function that returns whether a folder holds the dataset.

    Returns:
        ``root/NAME/NAME`` (archives that unpack into a folder of their own name) or
        ``root/NAME``; else ``root``, if it holds the dataset; else ``root/NAME/*``, such as
        ``root/NAME/archive``; else ``None``.

    Raises:
        DataError: Several folders hold it.
    """
    lower = [name.lower() for name in wanted]
    found = [place for place in _places(root, lower) if there(place)]
    if not found and there(root):
        return root
    found = found or [place for place in _deeper(root, lower) if there(place)]
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


def _deeper(root: Path, wanted: Sequence[str]) -> Iterator[Path]:
    """Yield ``root/NAME/archive``, under any name but those of 300W-LP's other folders."""
    for name in folders(root):
        if name.lower() in wanted:
            inside = (n for n in folders(root / name) if n.lower() not in _OTHERS)
            yield from (root / name / n for n in inside)


def collections(folder: Path) -> dict[str, Path]:
    """Return 300W-LP's collections in a folder by name; folders take precedence over ``.npz``.

    Raises:
        DataError: Two names differ only in case.
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
        subject: Function from the stem of an image to the photograph that it was made from.
        crop: Function from landmarks to the crop.

    Returns:
        In the order of the names; of a packed file, in its own order and uncropped.

    Raises:
        DataError: A file is missing or malformed, or landmarks lie outside their images.
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

    def read(names_: tuple[str, str]) -> tuple[Sample, Outside | None]:
        image, mat = names_
        pose = read_mat(place / mat)
        width, height = _size(place / image)
        box = crop(pose.points, width, height)
        if box[2] <= box[0] or box[3] <= box[1]:
            raise DataError(
                f"{place / mat}: pt2d: found no two landmarks apart that are visible; expected "
                "some, to crop the image. Unpack the dataset again."
            )
        path = PurePosixPath(prefix, image).as_posix()
        stem = PurePosixPath(image).stem
        sample = Sample(path, subject(stem), pose.yaw, pose.pitch, pose.roll, *box)
        return sample, outside(place / image, pose.points, width, height)

    with ThreadPoolExecutor(_THREADS) as pool:
        read_pairs = list(pool.map(read, _pairs(place)))
    refuse_outside(place, [beyond for _, beyond in read_pairs])
    return [sample for sample, _ in read_pairs]


def _pairs(folder: Path) -> list[tuple[str, str]]:
    """Return the names of image and ``.mat`` of every sample in a folder."""
    images = _by_stem(folder, IMAGE_SUFFIXES)
    mats = _by_stem(folder, frozenset({".mat"}))
    unmatched = sorted(images.keys() ^ mats.keys())
    if unmatched:
        raise DataError(
            f"{folder}: {len(unmatched):,} of {len(images.keys() | mats.keys()):,} images lack "
            f"their .mat, or the other way round: {shown(unmatched)}; expected both of each. "
            "Unpack the dataset again."
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
    """Return width and height from the header; damaged files raise an error when they are read."""
    try:
        with Image.open(image) as opened:
            return opened.size
    except Exception:  # parsers raise many types of errors for damaged files
        return SIDE, SIDE
