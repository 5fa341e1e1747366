"""FER-2013: expression classification of 48 px grayscale faces.

Goodfellow et al., "Challenges in representation learning: a report on three machine learning
contests", ICONIP 2013. PCL section 4.1 says "28,709 training and 3,589 testing images", at
100 px, and does not say which of the two test sets of 3,589: the challenge ranked by PrivateTest
and showed PublicTest meanwhile, so PrivateTest is the test set here and PublicTest the
validation set, unless ``test=public`` exchanges them.

Three forms of the same images are read: ``fer2013.csv`` and ``icml_face_data.csv`` of the
challenge, and the folders of JPEG files of Kaggle's ``msambare/fer2013``. Labels always follow
the CSV: 0 angry, 1 disgust, 2 fear, 3 happy, 4 sad, 5 surprise, 6 neutral (not the alphabet).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from facebench.errors import DataError
from facebench.progress import Progress
from facebench.ranges import check_values
from facebench.runtime.images import IMAGE_SUFFIXES, Pixels
from facebench.synth import FaceSampler
from facebench.task import Metric, Task, TaskInfo

from ._emotions import class_folders
from ._fer_csv import UsageRow, csv_notes, read_pixels, read_rows
from ._finding import find, left_out
from ._places import look, test_folders
from ._reading import bad_layout, folders, names, shown
from ._synthetic import class_labels, write_expressions

Which = Literal["private", "public"]

_CLASSES = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")
# The names of the same classes in facebench.synth.
_RENDERED = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_CSV = ("fer2013.csv", "icml_face_data.csv")
_USAGES = ("Training", "PublicTest", "PrivateTest")
_NAME = re.compile(r"(training|publictest|privatetest)_[0-9]+\.[a-z]+", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class FER2013Options:
    """Options of the task.

    Args:
        test: The test set, one of the challenge's two; the other one is ``val``.
            PrivateTest decided the challenge (ICONIP 2013).
    """

    test: Which = "private"

    def __post_init__(self) -> None:
        check_values(self, "fer2013")


class FER2013(Task):
    """Seven expressions."""

    info = TaskInfo(
        name="fer2013",
        title="FER-2013",
        version=1,
        family="expression",
        dataset="Facial Expression Recognition 2013",
        licence="research, under the rules of the Kaggle challenge",
        obtain=(
            "download it with a Kaggle account: the challenge 'challenges-in-representation-"
            "learning-facial-expression-recognition-challenge' (fer2013.csv), or the data set "
            "'msambare/fer2013' (folders)."
        ),
        layout="""
    fer2013.csv or icml_face_data.csv
or, from Kaggle (msambare/fer2013),
    train/{angry,disgust,fear,happy,neutral,sad,surprise}/Training_3908.jpg ... (or happiness/ ...)
    test/{angry,...}/PublicTest_5543497.jpg, PrivateTest_902573.jpg ... (or validation/)
""",
        folders=("fer2013", "fer-2013", "fer_2013"),
        protocol="classification",
        image_size=100,
        main_metric=Metric(
            name="accuracy", title="Accuracy (%)", higher_is_better=True, scale=100.0
        ),
        counts={"train": 28709, "val": 3589, "test": 3589},
        classes=_CLASSES,
        class_counts={
            "train": (3995, 436, 4097, 7215, 4830, 3171, 4965),
            "val": (467, 56, 496, 895, 653, 415, 607),  # PublicTest
            "test": (491, 55, 528, 879, 594, 416, 626),  # PrivateTest
        },
        image_side=48,
        source="PCL section 4.1; counts: ICONIP 2013",
    )
    Options = FER2013Options

    def manifest(self, root: Path) -> pd.DataFrame:
        """Read the CSV if there is one, else the folders; in ``root`` or one level deeper.

        Raises:
            DataError: No form is there, or a label or a name does not parse.
        """
        found = look(self.info, root, ("", "fer2013"), _form)
        if found is None:
            raise bad_layout(self.info, root, _lacking(root))
        if found[0].is_dir():
            return self._folders(root, found)
        (csv,) = found
        table = self._table(read_rows(csv, csv.relative_to(root).as_posix()))
        table.attrs["warnings"] = csv_notes(csv)
        return table

    def read_image(self, root: Path, path: str) -> Pixels:
        """Read a JPEG file, or row 123 of the CSV for ``fer2013.csv#123``, as RGB.

        Raises:
            DataError: The image or row cannot be read; the message names it.
        """
        file, _, row = path.partition("#")
        if file.lower().endswith(_CSV):
            return read_pixels(root / file, int(row))
        return super().read_image(root, path)

    def synthesise(
        self, root: Path, faces: FaceSampler, progress: Progress, scale: float = 1.0
    ) -> None:
        """Write about 1,400 + 350 + 350 grayscale faces at 48 px, in the layout of folders."""
        files = []
        for usage, total in zip(_USAGES, (1400, 350, 350), strict=True):
            part = root / ("train" if usage == "Training" else "test")
            files += [
                (part / _CLASSES[label].lower() / f"{usage}_{number:07d}.jpg", _RENDERED[label])
                for number, label in enumerate(class_labels(len(_CLASSES), round(total * scale)))
            ]
        write_expressions(files, faces, progress, size=48, grayscale=True)

    def _table(self, rows: Iterable[UsageRow]) -> pd.DataFrame:
        tested = "PrivateTest" if self.options.test == "private" else "PublicTest"
        split_of = {usage: "test" if usage == tested else "val" for usage in _USAGES}
        split_of["Training"] = "train"
        return pd.DataFrame(
            [(path, split_of[usage], label) for path, usage, label in rows],
            columns=["path", "split", "label"],
        )

    def _folders(self, root: Path, parts: list[Path]) -> pd.DataFrame:
        """Read ``train`` and ``test``, with names matched case-insensitively."""
        rows: list[UsageRow] = []
        nameless: list[str] = []
        homes = [part.relative_to(root).as_posix() for part in parts]
        for part, folder, label in self._classes(root, parts):
            home = folder.relative_to(root).as_posix()
            homes.append(home)
            for name in _image_names(folder):
                usage = _usage(name)
                rows.append((f"{home}/{name}", usage, label))
                if not usage or (usage == "Training") != (part == parts[0]):
                    nameless.append(f"{home}/{name}")
        if nameless:
            raise DataError(
                f"{self.info.title}: found no usage that fits the folder in the names of "
                f"{len(nameless):,} of {len(rows):,} images below {root}: {shown(nameless)}; "
                "expected Training_<number> in train, PublicTest_<number> and "
                "PrivateTest_<number> in test, without which the two test sets cannot be told "
                "apart. Take the copy msambare/fer2013, or the CSV."
            )
        table = self._table(rows)
        notes = [self._taken(part) for part in parts[1:] if part.name.lower() != "test"]
        table.attrs["warnings"] = [*notes, *left_out(self.info, root, homes, table["path"])]
        return table

    def _taken(self, part: Path) -> str:
        return (
            f"{self.info.title}: {part.name}/ is read as test/ is; its images are of "
            "PublicTest or PrivateTest by their names."
        )

    def _classes(self, root: Path, parts: list[Path]) -> Iterator[tuple[Path, Path, int]]:
        """Yield part, folder and label of every class folder."""
        for part in parts:
            found, there = class_folders(self.info, part, {}, _CLASSES), folders(part)
            if len(found) < len(_CLASSES) or len(there) > len(found):
                raise bad_layout(
                    self.info,
                    root,
                    f"{part} holds the folders {', '.join(there) or 'none'} instead of "
                    f"{', '.join(sorted(name.lower() for name in _CLASSES))}",
                )
            for label, name in sorted(found.items(), key=lambda item: item[1]):
                yield part, part / name, label


def _form(folder: Path) -> list[Path] | None:
    """Return the CSV in a folder, else its folders of training and test images, if any."""
    for name in _CSV:
        csv = find(folder, name)
        if csv is not None and csv.is_file():
            return [csv]
    train, tests = find(folder, "train"), test_folders(folder)
    return [train, *tests] if train is not None and train.is_dir() and tests else None


def _image_names(folder: Path) -> list[str]:
    return [name for name in names(folder) if Path(name).suffix.lower() in IMAGE_SUFFIXES]


def _usage(name: str) -> str:
    """Return the usage in a file name, in the CSV's spelling; empty if there is none."""
    match = _NAME.fullmatch(name)
    by_name = {usage.lower(): usage for usage in _USAGES}
    return by_name[match[1].lower()] if match else ""


def _lacking(root: Path) -> str:
    if find(root, "train.csv") is not None:
        return "train.csv and test.csv of the challenge are there, whose test rows have no labels"
    return f"neither {' nor '.join(_CSV)} nor the folders train and test are there"
