"""BU-3DFE: classification of the pose of rendered heads.

Yin et al., "A 3D Facial Expression Database For Facial Behavior Research", FG 2006: 100 people
(F0001 to F0056, M0001 to M0044), 25 scans each. It has no views and no pose labels: users
render its scans and write a list. PCL section 4.1 has 14,112 training and 6,264 test images
(which it calls validation), at 256 px, after Liu et al. (DMCMnet, Information Sciences 578, 2021);
neither which views nor how many classes is published, and the list is not released. The released
PCL code scales the images to 100 px.

So the loader is general: it reads the lists of PCL's code (``lineardb.py``), ``path,exp,pose`` on
every line, with or without a heading, poses counted from 0; ``exp`` is not used. ``views`` says how
many poses there are; its default, nine, is the project's choice (yaw -90 to 90 degrees in the
stand-in).

Renders of one scan differ in the pose only, so persons in both lists make the task easier. PCL's
own list may have such persons, so this is a warning, stored in every result, and not an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, NamedTuple

import pandas as pd
from annotated_types import Interval

from facebench.errors import DataError
from facebench.progress import Progress
from facebench.ranges import check_values
from facebench.synth import FaceSampler
from facebench.task import Metric, Task, TaskInfo

from ._finding import find, locate_images
from ._reading import bad_layout, bad_line, integer, read_lines, shown
from ._synthetic_pose import VIEWS, write_views

_MOST_VIEWS = 1000
_SUFFIXES = (".csv", ".txt")
_HEADINGS = frozenset({"pose", "pose_label", "label", "view"})
_SUBJECT = re.compile(r"(?<![A-Z0-9])[FM][0-9]{4}(?![0-9])", re.IGNORECASE)
_EXPECTED = "'path,exp,pose' with a path below the list's folder and a pose counted from 0"


class PoseRow(NamedTuple):
    """One line of a list."""

    path: str
    label: int


@dataclass(frozen=True)
class BU3DFEOptions:
    """Options of the task.

    Args:
        views: Number of poses in the lists. Neither the paper nor its code says; nine yaw views
            are the project's choice, 5 and 35 (7 yaw by 5 pitch) are common renders.
    """

    views: Annotated[int, Interval(ge=2, le=_MOST_VIEWS)] = len(VIEWS)

    def __post_init__(self) -> None:
        check_values(self, "bu3dfe")


class BU3DFE(Task):
    """Classification of the pose."""

    info = TaskInfo(
        name="bu3dfe",
        title="BU-3DFE",
        version=1,
        family="head pose",
        dataset="BU-3DFE, views rendered by the user",
        licence="agreement with Binghamton University; research only",
        names_may_be_published=False,
        obtain=(
            "sign the agreement, see http://www.cs.binghamton.edu/~lijun/Research/3DFE/"
            "3DFE_Analysis.html, render the scans from several sides and list the images."
        ),
        layout="""
    train.csv, test.csv (or .txt; or val for test), with lines
        F0001/F0001_AN01WH_view0.png,0,0          (path,exp,pose; poses counted from 0)
    F0001/F0001_AN01WH_view0.png ...              (wherever the lists say)
""",
        folders=("bu3dfe", "bu-3dfe", "bu_3dfe", "bu3d"),
        protocol="classification",
        image_size=256,
        quick_image_size=128,  # a quarter of the time, see docs/fidelity.md
        main_metric=Metric(
            name="accuracy", title="Accuracy (%)", higher_is_better=True, scale=100.0
        ),
        counts={"train": 14112, "test": 6264},
        classes=tuple(f"view {view}" for view in range(len(VIEWS))),
        source="PCL section 4.1; form of the lists: PCL's lineardb.py",
    )
    Options = BU3DFEOptions

    def __init__(self, options: BU3DFEOptions | None = None) -> None:
        super().__init__(options)
        views = range(self.options.views)
        classes = tuple(f"view {view}" for view in views)
        # The number of classes depends on the list, so it is declared per instance.
        vars(self)["info"] = replace(type(self).info, classes=classes)

    def manifest(self, root: Path) -> pd.DataFrame:
        """Read the lists; subjects are taken from the paths, where they name one.

        ``val`` is the test split where there is no list called ``test``, as in PCL.

        Raises:
            DataError: A list is missing or malformed (``file:line``), names an image twice, has
                another number of poses than ``views``, or images are missing.
        """
        rows: list[tuple[str, str, int]] = []
        named: set[str] = set()
        lists = self._lists(root)
        for split, file in lists.items():
            rows += [(row.path, split, row.label) for row in read_list(file, named)]
        table = pd.DataFrame(rows, columns=["path", "split", "label"])
        self._check_views(root, table)
        listed_in = " and ".join(file.name for file in lists.values())
        found = locate_images(self.info, root, table["path"].tolist(), listed_in)
        return _with_subjects(table.assign(path=table["path"].map(found)))

    def synthesise(
        self, root: Path, faces: FaceSampler, progress: Progress, scale: float = 1.0
    ) -> None:
        """Write nine views of four scans of 28 training and 11 test people, at 128 px."""
        train, test = max(2, round(28 * scale)), max(1, round(11 * scale))
        write_views(root, faces, progress, train=train, test=test)

    def _lists(self, root: Path) -> dict[str, Path]:
        there: dict[str, Path] = {}
        for name in ("train", "val", "test"):
            files = [found for s in _SUFFIXES if (found := find(root, f"{name}{s}")) is not None]
            if len(files) == 2:
                raise bad_layout(self.info, root, f"{files[0].name} and {files[1].name} are there")
            if files:
                there[name] = files[0]
        if "test" not in there and "val" in there:
            there["test"] = there.pop("val")
        for name in ("train", "test"):
            if name not in there:
                raise bad_layout(self.info, root, f"no list {name}.csv")
        return there

    def _check_views(self, root: Path, table: pd.DataFrame) -> None:
        views = self.options.views
        train = table.loc[table["split"] == "train", "label"]
        most = int(table["label"].max()) + 1
        unseen = sorted(set(range(most)) - set(train))
        if unseen:
            raise DataError(
                f"{self.info.title}: the training list in {root} has no image of the poses "
                f"{shown([str(view) for view in unseen])}; expected images of each from 0 to "
                f"{most - 1}. Number the poses from 0 without gaps."
            )
        if most != views:
            raise DataError(
                f"{self.info.title}: the lists in {root} have the poses 0 to {most - 1}; expected "
                f"0 to {views - 1}. Say how many there are: --set bu3dfe.views={most}."
            )


def read_list(file: Path, named: set[str] | None = None) -> list[PoseRow]:
    r"""Read a list of PCL's form.

    Args:
        file: Lines ``path,exp,pose``; ``\`` in a path is replaced by ``/``.
        named: Paths of other lists; those of this list are added.

    Returns:
        Path with ``/`` as separator, and 0-based pose.

    Raises:
        DataError: A line does not parse or names an image again (``file:line``), or there is none.
    """
    named = set() if named is None else named
    rows: list[PoseRow] = []
    for index, (number, line) in enumerate(read_lines(file)):
        fields = [field.strip() for field in line.rsplit(",", 2)]
        if index == 0 and fields[-1].lower() in _HEADINGS:
            continue
        label = integer(fields[2]) if len(fields) == 3 else None
        path = PurePosixPath(fields[0].replace("\\", "/"))
        inside = fields[0] and not path.is_absolute() and ".." not in path.parts and path.name
        if label is None or label >= _MOST_VIEWS or not inside:
            raise bad_line(file, number, line, _EXPECTED)
        if str(path) in named:
            raise bad_line(file, number, str(path), "an image that no line before has named")
        named.add(str(path))
        rows.append(PoseRow(str(path), label))
    if not rows:
        raise DataError(f"{file}: found no images; expected {_EXPECTED} on every line.")
    return rows


def subject(path: str) -> str | None:
    """Return the person named in a path (``F0001`` to ``M0044``), or ``None``.

    Args:
        path: Path of an image; the last name in it is used.
    """
    found = _SUBJECT.findall(path)
    return found[-1].upper() if found else None


def _with_subjects(table: pd.DataFrame) -> pd.DataFrame:
    """Add ``subject`` if every path names one, and warn about persons in several lists."""
    subjects = table["path"].map(subject)
    unknown = subjects.isna()
    if unknown.any():
        text = (
            f"BU-3DFE: {int(unknown.sum()):,} of {len(table):,} paths name no subject (F0001 ... "
            "M0044); what is held out of training, and the lists themselves, may share people."
        )
        table.attrs["warnings"] = [text]
        return table
    table = table.assign(subject=subjects)
    homes = table.groupby("subject")["split"].nunique()
    shared = homes[homes > 1].index.tolist()
    if shared:
        table.attrs["warnings"] = [
            f"BU-3DFE: {len(shared)} of {len(homes)} subjects are in more than one list: "
            f"{shown(shared)}; the accuracy is not one on new people."
        ]
    return table
