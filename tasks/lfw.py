"""LFW: face verification.

Huang, Ramesh, Berg and Learned-Miller, "Labeled Faces in the Wild", University of Massachusetts
Technical Report 07-49, 2007. View 2 of ``pairs.txt``: 10 folds of 300 matched and 300 mismatched
pairs, no person in two folds; the accuracy is averaged over the folds (PCL section 4.1), at
128 px. 13,233 images of 5,749 people, 250 x 250 px.

The paper does not say how LFW was cropped. A face takes about 150 px of an aligned image, and its
middle is 10 px below that of the image, so that is the default crop; ``crop=250`` keeps all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from annotated_types import Interval

from facebench.errors import DataError
from facebench.progress import Progress
from facebench.ranges import check_values
from facebench.runtime.images import read_image
from facebench.runtime.listing import folded
from facebench.synth import FaceSampler
from facebench.task import Metric, Task, TaskInfo

from ._finding import find, left_out, locate_images
from ._lfw_download import download
from ._pairs import read_pairs
from ._places import look
from ._reading import bad_layout, folders, names
from ._synthetic import write_people

Variant = Literal["auto", "deepfunneled", "funneled", "raw"]

SIDE = 250  # pixels, of every image
BELOW = 10  # pixels from the middle of an image down to that of a face (docs/protocols.md)

# Folder names in the archives; Kaggle's copy has a nested folder of the same name.
_FOLDERS: dict[str, tuple[str, ...]] = {
    "deepfunneled": ("lfw-deepfunneled", "lfw_deepfunneled"),
    "funneled": ("lfw_funneled", "lfw-funneled"),
    "raw": ("lfw", "raw"),
}
_NUMBERED = re.compile(r"(.+)_[0-9]{4}\.jpg", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class LFWOptions:
    """Options of the task.

    Args:
        crop: Side in pixels of the square that is used, 1 to 250; centred on the middle of the
            faces as far as the image reaches. Project's choice; the paper does not say.
        variant: Alignment of the images. ``auto`` uses the first folder that exists:
            deep-funneled, funneled, raw; the names of the images are the same in all.
    """

    crop: Annotated[int, Interval(ge=1, le=SIDE)] = 150
    variant: Variant = "auto"

    def __post_init__(self) -> None:
        check_values(self, "lfw")


class LFW(Task):
    """Verification of 6,000 pairs."""

    info = TaskInfo(
        name="lfw",
        title="LFW",
        version=2,  # 2: the default crop is centred on the faces
        family="identity",
        dataset="Labeled Faces in the Wild",
        licence="photographs from the web, published for research",
        obtain=(
            "download jessicali9530/lfw-dataset from Kaggle (deep-funneled), or call 'facebench "
            "data get lfw' (funneled), or sklearn.datasets.fetch_lfw_pairs(), which leaves funneled"
            " images and pairs.txt in ~/scikit_learn_data/lfw_home; pairs.txt belongs beside the "
            "image folder."
        ),
        layout="""
    pairs.txt (or Kaggle's pairs.csv)
    lfw-deepfunneled/ (or lfw_funneled/, lfw/) Abel_Pacheco/Abel_Pacheco_0001.jpg ...
""",
        folders=("lfw", "lfw_home", "lfw-dataset", "lfw-deepfunneled", "lfw_funneled"),
        protocol="verification",
        image_size=128,
        main_metric=Metric(
            name="accuracy", title="Accuracy (%)", higher_is_better=True, scale=100.0
        ),
        counts={"test": 13233, "pairs": 6000},
        image_side=SIDE,
        source="PCL section 4.1; counts and folds: the LFW report and pairs.txt",
    )
    Options = LFWOptions

    def manifest(self, root: Path) -> pd.DataFrame:
        """List every image of every person, with the crop of its face.

        Raises:
            DataError: There is no folder of people, or its images are not 250 px.
        """
        home = self._home(root)
        prefix = home.relative_to(root).as_posix()
        prefix = "" if prefix == "." else f"{prefix}/"
        rows = [(f"{prefix}{person}/{name}", person) for person, name in _images(home)]
        _check_side(root / path for path, _ in rows)
        table = pd.DataFrame(rows, columns=["path", "subject"])
        crop = self.options.crop
        left = (SIDE - crop) // 2
        top = min(left + BELOW, SIDE - crop)
        table = table.assign(split="test", left=left, top=top, right=left + crop, bottom=top + crop)
        homes = [prefix or ".", *(f"{prefix}{person}" for person in folders(home))]
        table.attrs["warnings"] = left_out(self.info, root, homes, table["path"])
        return table

    def pairs(self, root: Path) -> pd.DataFrame:
        """Read View 2 of ``pairs.txt``, beside or inside the image folder.

        Raises:
            DataError: It is missing or malformed (``file:line``), or images of it are missing.
        """
        home = self._home(root)
        listed = self._pairs_file(root, home)
        prefix = home.relative_to(root)
        pairs = read_pairs(
            listed, lambda name, i: (prefix / name / f"{name}_{i:04d}.jpg").as_posix()
        )
        named = pd.unique(pd.concat([pairs["first"], pairs["second"]])).tolist()
        found = locate_images(self.info, root, named, str(listed))
        return pairs.assign(first=pairs["first"].map(found), second=pairs["second"].map(found))

    def fetch(self, folder: Path) -> Path:
        """Download funneled images and ``pairs.txt`` through scikit-learn, into ``lfw_home``.

        Raises:
            DataError: The download failed.
        """
        return download(self.info, folder)

    def synthesise(
        self, root: Path, faces: FaceSampler, progress: Progress, scale: float = 1.0
    ) -> None:
        """Write 10 folds of 30 + 30 pairs of 250 px faces, in the deep-funneled layout."""
        per_fold = max(2, round(30 * scale))
        write_people(root, faces, progress, folds=10, per_fold=per_fold, size=SIDE)

    def _home(self, root: Path) -> Path:
        """Find the folder that has a subfolder for each person."""
        variant = self.options.variant
        wanted = tuple(_FOLDERS) if variant == "auto" else (variant,)
        known = [name for kind in wanted for name in _FOLDERS[kind]]
        places = [find(root, name, name) for name in known] + [find(root, name) for name in known]
        there = [place for place in places if place is not None]
        there = there or look(self.info, root, (), lambda folder: _people_in(folder, known)) or []
        there.sort(key=lambda place: known.index(place.name.lower()))
        if variant == "auto" or root.resolve().name.lower() in known:
            there.append(root)
        for place in there:
            if next(_images(place), None) is not None:
                return place
        where = ", ".join(f"{name}/" for name in known)
        raise bad_layout(self.info, root, f"no Name/Name_0001.jpg below it or in its {where}")

    def _pairs_file(self, root: Path, home: Path) -> Path:
        folders_ = dict.fromkeys((root, *home.parents[: len(home.parts) - len(root.parts)], home))
        for folder in (*folders_, root.parent):
            for name in ("pairs.txt", "pairs.csv"):
                file = find(folder, name)
                if file is not None and file.is_file():
                    return file
        raise bad_layout(self.info, root, "the image folder is there, but no pairs.txt beside it")


def _people_in(folder: Path, known: Sequence[str]) -> list[Path] | None:
    """Return the folders of people that a folder holds by name, or ``None``."""
    found = [find(folder, *parts) for name in known for parts in ((name, name), (name,))]
    return [place for place in found if place is not None] or None


def _images(home: Path) -> Iterator[tuple[str, str]]:
    for person in folders(home):
        for name in names(home / person):
            match = _NUMBERED.fullmatch(name)
            if match and folded(match[1]) == folded(person):
                yield person, name


def _check_side(images: Iterable[Path]) -> None:
    """Check the first image that can be read; others raise an error when features are extracted."""
    for path in images:
        try:
            height, width = read_image(path).shape[:2]
        except DataError:
            continue
        if (height, width) != (SIDE, SIDE):
            raise DataError(
                f"{path}: found {width} x {height} px; expected {SIDE} x {SIDE}, as LFW is "
                "published. Copies that are cropped or aligned otherwise give numbers that do not "
                "compare."
            )
        return
