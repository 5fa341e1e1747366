"""CPLFW: face verification across poses.

Zheng and Deng, "Cross-Pose LFW: A Database for Studying Cross-Pose Face Recognition in
Unconstrained Environments", Beijing University of Posts and Telecommunications, Technical Report
18-01, 2018. Other photographs of LFW's people, chosen so that matched pairs differ in pose: 3,000
matched and 3,000 mismatched pairs in 10 folds, no person in two of them. PCL section 4.1 averages
the accuracy over the folds, at 128 px. 11,652 images of 3,930 people.

The paper does not say which images it used or how they were cropped. By default the aligned
images (112 px, the whole image) are used if present, else the original ones, cropped to the square
around the five published landmarks, or to the largest centred square without landmarks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from annotated_types import Interval

from facebench.errors import DataError
from facebench.progress import Progress
from facebench.ranges import check_values
from facebench.runtime.listing import folded
from facebench.synth import FaceSampler
from facebench.task import Metric, Task, TaskInfo

from ._cplfw_pairs import FOLDS, person, read_pair_lines, stem
from ._finding import find, left_out, locate_images
from ._five_points import read_points, square
from ._places import look
from ._reading import bad_layout, names, shown
from ._stored_as import stored_as
from ._synthetic_cplfw import write_cross_pose

Variant = Literal["auto", "aligned", "raw"]
Crop = Literal["auto", "landmarks", "centre"]

_LIST = "pairs_CPLFW.txt"
_SIDES = ("first", "second")
_LANDMARKS = "CP_landmarks"
_FOLDERS: dict[str, tuple[str, ...]] = {
    "aligned": ("aligned images", "aligned_images", "aligned"),
    "raw": ("images",),
}


@dataclass(frozen=True)
class CPLFWOptions:
    """Options of the task; the defaults are the project's choice, since the paper does not say.

    Args:
        variant: ``aligned`` or ``raw`` (original) images; ``auto`` prefers aligned ones.
        crop: Crop of raw images: the square around the five ``landmarks``, or the largest
            ``centre``d one; ``auto`` uses landmarks if the dataset has any. Aligned images are not
            cropped.
        margin: Margin around the landmarks on every side, as a fraction of the longer side of
            their box; 1 includes forehead and chin.
    """

    variant: Variant = "auto"
    crop: Crop = "auto"
    margin: Annotated[float, Interval(ge=0, le=4)] = 1.0

    def __post_init__(self) -> None:
        check_values(self, "cplfw")


class CPLFW(Task):
    """Verification of 6,000 pairs across poses."""

    info = TaskInfo(
        name="cplfw",
        title="CPLFW",
        version=1,
        family="identity",
        dataset="Cross-Pose Labeled Faces in the Wild",
        licence="photographs from the web, published for research",
        obtain=(
            "download images, pairs_CPLFW.txt and landmarks by the links at "
            "http://www.whdeng.cn/CPLFW/index.html?reload=true#download"
        ),
        layout="""
    pairs_CPLFW.txt
    aligned images/Aaron_Sorkin_1.jpg ... (112 px), or images/Aaron_Sorkin_1.jpg ...
    CP_landmarks/Aaron_Sorkin_1_5loc_attri.txt ... (optional, for images/)
""",
        folders=("cplfw", "cp-lfw", "cp_lfw"),
        protocol="verification",
        image_size=128,
        main_metric=Metric(
            name="accuracy", title="Accuracy (%)", higher_is_better=True, scale=100.0
        ),
        counts={"test": 11652, "pairs": 6000},
        source="PCL section 4.1; pairs and folds: pairs_CPLFW.txt and FaceX-Zoo's parser of it",
    )
    Options = CPLFWOptions

    def manifest(self, root: Path) -> pd.DataFrame:
        """List every image with its person, and with the crop if it is defined by landmarks.

        Raises:
            DataError: There is no folder of images, or landmarks of some of them are missing.
        """
        home, variant = self._home(root)
        found = [(name, who) for name in names(home) if (who := person(name)) is not None]
        prefix = home.relative_to(root)
        table = pd.DataFrame(
            [((prefix / name).as_posix(), "test", who) for name, who in found],
            columns=["path", "split", "subject"],
        )
        if variant == "raw" and self.options.crop != "centre":
            table = self._cropped(root, home, [name for name, _ in found], table)
        table.attrs["warnings"] = left_out(self.info, root, [prefix.as_posix()], table["path"])
        return table

    def pairs(self, root: Path) -> pd.DataFrame:
        """Read ``pairs_CPLFW.txt``, beside or inside the folder of images.

        Raises:
            DataError: It is missing or malformed (``file:line``), or images of it are missing.
        """
        home, _ = self._home(root)
        listed = self._pairs_file(root, home)
        prefix = home.relative_to(root)
        pairs = read_pair_lines(listed)
        sides = {side: pairs[side].map(lambda n: (prefix / n).as_posix()) for side in _SIDES}
        named = pd.unique(pd.concat(sides.values())).tolist()
        stored, notes = stored_as(self.info, root, named, stem)
        found = locate_images(self.info, root, stored, str(listed))
        there = dict(zip(named, (found[path] for path in stored), strict=True))
        pairs = pairs.assign(**{side: paths.map(there) for side, paths in sides.items()})
        pairs.attrs["warnings"] = notes
        return pairs

    def landmarks(self, root: Path, paths: Sequence[str]) -> np.ndarray | None:
        """Return the published landmarks of the original images, ``[N, 5, 2]``.

        Raises:
            DataError: A file of landmarks is malformed (``file:line``).
        """
        home, variant = self._home(root)
        files = self._landmark_files(root, home) if variant == "raw" else {}
        if not files:
            return None
        points = np.full((len(paths), 5, 2), np.nan)
        for row, path in enumerate(paths):
            file = files.get(folded(f"{Path(path).stem}_5loc_attri.txt"))
            if file is not None:
                points[row] = read_points(file)
        return points

    def synthesise(
        self, root: Path, faces: FaceSampler, progress: Progress, scale: float = 1.0
    ) -> None:
        """Write 10 folds of 30 + 30 pairs of 128 px faces as original images, without landmarks."""
        per_fold = max(2, round(30 * scale))
        write_cross_pose(root, faces, progress, folds=FOLDS, per_fold=per_fold, size=128)

    def _home(self, root: Path) -> tuple[Path, str]:
        """Find the folder of images, at most one level deeper, and which variant it holds."""
        variant = self.options.variant
        wanted = tuple(_FOLDERS) if variant == "auto" else (variant,)
        places = [
            (find(root, inside, name), kind)
            for kind in wanted
            for inside in ("", "CPLFW")
            for name in _FOLDERS[kind]
        ]
        if "raw" in wanted:
            places.append((root, "raw"))
        for place, kind in places:
            if place is not None and any(person(name) for name in names(place)):
                return place, kind
        if deeper := look(self.info, root, (), lambda folder: _images_in(folder, wanted)):
            return deeper
        where = ", ".join(f"{name}/" for kind in wanted for name in _FOLDERS[kind])
        raise bad_layout(self.info, root, f"no Name_1.jpg in its {where}")

    def _pairs_file(self, root: Path, home: Path) -> Path:
        for folder in dict.fromkeys((root, home.parent, home, root.parent)):
            file = find(folder, _LIST)
            if file is not None and file.is_file():
                return file
        raise bad_layout(self.info, root, f"the images are there, but no {_LIST} beside them")

    def _cropped(
        self, root: Path, home: Path, images: list[str], table: pd.DataFrame
    ) -> pd.DataFrame:
        """Add the square around each image's landmarks, if the dataset has landmarks."""
        files = self._landmark_files(root, home)
        if not files and self.options.crop == "auto":
            return table
        wanted = [folded(f"{Path(name).stem}_5loc_attri.txt") for name in images]
        lacking = [name for name in wanted if name not in files]
        if lacking:
            raise DataError(
                f"{self.info.title}: the landmarks of {len(lacking):,} of {len(wanted):,} images "
                f"are missing below {root}: {shown(lacking)}; expected those of all, in "
                f"{_LANDMARKS}/ or beside the images. Complete them, or choose cplfw.crop=centre."
            )
        boxes = [square(read_points(files[name]), self.options.margin) for name in wanted]
        crop = pd.DataFrame(boxes, columns=["left", "top", "right", "bottom"])
        return pd.concat([table, crop], axis=1)

    def _landmark_files(self, root: Path, home: Path) -> dict[str, Path]:
        """Return the files of landmarks by normalised name of the image."""
        apart = [find(folder, _LANDMARKS) for folder in dict.fromkeys((home.parent, root))]
        return {
            folded(name): folder / name
            for folder in (home, *(place for place in apart if place is not None))
            for name in names(folder)
            if name.lower().endswith("_5loc_attri.txt")
        }


def _images_in(folder: Path, kinds: Iterable[str]) -> tuple[Path, str] | None:
    for kind in kinds:
        for name in _FOLDERS[kind]:
            place = find(folder, name)
            if place is not None and any(person(image) for image in names(place)):
                return place, kind
    return None
