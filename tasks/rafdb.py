"""RAF-DB, basic emotions: expression classification of web photographs.

Li, Deng and Du, "Reliable crowdsourcing and deep locality-preserving learning for expression
recognition in the wild", CVPR 2017. PCL section 4.1 uses the basic subset, 12,271 training and
3,068 test images, at 100 px. The counts are those of the official list
``EmoLabel/list_patition_label.txt`` (the misspelling is the dataset's). The layout of the Kaggle
copy ``shuvoalok/raf-db-dataset`` is read as well and gives the same rows. So are copies whose
aligned images are PNG files or lack ``_aligned`` in their names, whose folders have the names of
the emotions, or whose ``test/`` is called ``validation/``; a warning then says what was taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pandas as pd

from facebench.errors import DataError
from facebench.progress import Progress
from facebench.synth import FaceSampler
from facebench.task import Metric, Task, TaskInfo

from ._finding import find, left_out, locate_images
from ._places import look
from ._rafdb_folders import SPLITS, class_homes
from ._reading import bad_layout, bad_line, folders, integer, names, read_lines
from ._stored_as import stored_as
from ._synthetic import class_labels, write_expressions

_LIST = "EmoLabel/list_patition_label.txt"
_ALIGNED = "Image/aligned"
_CLASSES = ("Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral")
_LISTED = re.compile(r"((train|test)_([0-9]+))(?:_aligned)?\.jpg", re.IGNORECASE | re.ASCII)
_NAME = re.compile(
    r"((train|test)_([0-9]+))(?:_aligned)?\.(?:jpe?g|png|bmp)", re.IGNORECASE | re.ASCII
)
_EXPECTED = "'train_00001.jpg' or 'test_0001.jpg' and a label from 1 to 7"


class LabelledImage(NamedTuple):
    """One labelled image: ``train_00001``, its split and its 0-based class."""

    stem: str
    split: str
    label: int


class RAFDB(Task):
    """Seven basic expressions."""

    info = TaskInfo(
        name="rafdb",
        title="RAF-DB",
        version=1,
        family="expression",
        dataset="Real-world Affective Faces Database, basic emotions",
        licence="non-commercial research only",
        obtain=(
            "request it by e-mail from an academic address, see "
            "http://www.whdeng.cn/RAF/model1.html, and unpack basic/."
        ),
        layout="""
    EmoLabel/list_patition_label.txt
    Image/aligned/train_00001_aligned.jpg ... test_3068_aligned.jpg
or, from Kaggle (shuvoalok/raf-db-dataset),
    train_labels.csv, test_labels.csv
    DATASET/{train,test}/{1,...,7}/train_00001_aligned.jpg ... (or surprise/, ...; validation/)
""",
        folders=("rafdb", "raf-db", "raf_db", "raf-basic", "RAF"),
        protocol="classification",
        image_size=100,
        main_metric=Metric(
            name="accuracy", title="Accuracy (%)", higher_is_better=True, scale=100.0
        ),
        counts={"train": 12271, "test": 3068},
        classes=_CLASSES,
        class_counts={
            "train": (1290, 281, 717, 4772, 1982, 705, 2524),
            "test": (329, 74, 160, 1185, 478, 162, 680),
        },
        image_side=100,
        source="PCL section 4.1; counts: the official list",
        stand_in_version=2,  # 1: 1,400 training and 600 test faces
    )

    def manifest(self, root: Path) -> pd.DataFrame:
        """Read the official or the Kaggle layout, in ``root`` or one level deeper.

        Raises:
            DataError: Neither layout is found, it is the compound subset, a label does not
                parse, or images are missing.
        """
        found = look(self.info, root, ("", "basic"), _form)
        if found is None:
            raise bad_layout(self.info, root, f"neither {_LIST} nor DATASET/ is there")
        return self._official(root, found) if found.is_file() else self._kaggle(root, found)

    def synthesise(
        self, root: Path, faces: FaceSampler, progress: Progress, scale: float = 1.0
    ) -> None:
        """Write about 500 training and 1,000 test faces at 100 px, in the official layout.

        Few to train a probe on show what a representation saves; many to test it on make its
        interval narrow (about 2.8 points either way).
        """
        rows = [
            LabelledImage(f"{split}_{number:0{digits}d}", split, label)
            for split, digits, total in (("train", 5, 500), ("test", 4, 1000))
            for number, label in enumerate(
                class_labels(len(_CLASSES), round(total * scale)), start=1
            )
        ]
        lines = (f"{row.stem}.jpg {row.label + 1}\n" for row in rows)
        (root / _LIST).parent.mkdir()
        (root / _LIST).write_text("".join(lines), encoding="utf-8")
        files = [(root / _image(row.stem), _CLASSES[row.label].lower()) for row in rows]
        write_expressions(files, faces, progress, size=100, aligned=True)

    def _official(self, root: Path, listed: Path) -> pd.DataFrame:
        basic = listed.parents[1].relative_to(root)
        rows = ((row, (basic / _image(row.stem)).as_posix()) for row in read_list(listed))
        return self._located(root, _table(rows), listed.relative_to(root).as_posix(), [])

    def _kaggle(self, root: Path, dataset: Path) -> pd.DataFrame:
        lists = {split: find(dataset.parent, f"{split}_labels.csv") for split in SPLITS}
        there = {split: path for split, path in lists.items() if path is not None}
        if len(there) == 1:
            (only,) = there.values()
            raise bad_layout(self.info, root, f"of the two label files only {only.name} is there")
        home = dataset.relative_to(root)
        homes = [home / name for name in folders(dataset)]
        homes += [part / name for part in homes for name in folders(root / part)]
        classes, notes = class_homes(self.info, root, dataset)
        if there:
            rows = [row for split, path in there.items() for row in read_csv_list(path, split)]
        else:
            rows = list(self._labelled_by_folder(root, classes))
        table = _table(
            (row, f"{classes[row.split, row.label].as_posix()}/{row.stem}_aligned.jpg")
            for row in rows
        )
        listed_in = "the label files" if there else home.as_posix()
        return self._located(root, table, listed_in, [home, *homes], notes)

    def _located(
        self,
        root: Path,
        table: pd.DataFrame,
        listed_in: str,
        homes: Iterable[Path],
        notes: Iterable[str] = (),
    ) -> pd.DataFrame:
        """Add the paths on disk, and warnings about files that are not read or have other names."""
        paths, renamed = stored_as(self.info, root, table["path"].tolist(), _stem)
        found = locate_images(self.info, root, paths, listed_in)
        table = table.assign(path=[found[path] for path in paths])
        parents = (str(PurePosixPath(path).parent) for path in table["path"])
        places = [*(home.as_posix() for home in homes), *parents]
        strays = left_out(self.info, root, places, table["path"])
        table.attrs["warnings"] = [*notes, *renamed, *strays]
        return table

    def _labelled_by_folder(
        self, root: Path, classes: Mapping[tuple[str, int], Path]
    ) -> Iterator[LabelledImage]:
        """Yield the images of the classes' folders; a warning reports files with other names."""
        home_of: dict[str, Path] = {}
        for (split, label), place in classes.items():
            folder = root / place
            for name in names(folder):
                match = _NAME.fullmatch(name)
                if match is None or match[2].lower() != split:
                    continue
                stem, other = match[1].lower(), home_of.get(match[1].lower())
                if other is not None and other.parent != folder:
                    raise bad_layout(self.info, root, f"{stem} is in {other} and {folder / name}")
                home_of[stem] = folder / name
                if other is None:  # two files of one image are told apart where they are located
                    yield LabelledImage(stem, split, label)


def _form(folder: Path) -> Path | None:
    """Return the official list of a folder, else its ``DATASET``, if any."""
    listed, dataset = find(folder, _LIST), find(folder, "DATASET")
    if listed is not None and listed.is_file():
        return listed
    return dataset if dataset is not None and dataset.is_dir() else None


def _stem(name: str) -> str | None:
    match = _NAME.fullmatch(name)
    return match[1].lower() if match else None


def read_list(path: Path) -> list[LabelledImage]:
    """Parse the official list: one ``train_00001.jpg 5`` per line, labels counted from 1.

    Raises:
        DataError: A line does not parse or names an image again (``file:line``), or this is the
            list of the *compound* subset, which has the same name.
    """
    return _rows(path, ((number, line.split()) for number, line in read_lines(path)))


def read_csv_list(path: Path, split: str = "") -> list[LabelledImage]:
    """Parse a label file of the Kaggle copy: a heading, then ``train_00001_aligned.jpg,5``.

    Args:
        path: The file; a first line without a digit is a heading.
        split: The only split whose images it may name; empty for any.

    Raises:
        DataError: A line does not parse or names an image again (``file:line``).
    """
    lines = [(number, line.split(",")) for number, line in read_lines(path)]
    if lines and not any(letter.isdigit() for field in lines[0][1] for letter in field):
        lines = lines[1:]
    return _rows(path, lines, split)


def _rows(
    path: Path, lines: Iterable[tuple[int, list[str]]], split: str = ""
) -> list[LabelledImage]:
    rows: dict[str, LabelledImage] = {}
    for number, raw in lines:
        fields = [field.strip() for field in raw]
        match = (_NAME if split else _LISTED).fullmatch(fields[0])
        label = integer(fields[1]) if len(fields) == 2 else None
        if match is None or label is None:
            raise bad_line(path, number, " ".join(fields), _EXPECTED)
        row = LabelledImage(match[1].lower(), match[2].lower(), label - 1)
        if 8 <= label <= 11 or (row.split == "train" and len(match[3]) == 4):
            raise _compound(path, number)
        if not 1 <= label <= 7:
            raise bad_line(path, number, " ".join(fields), _EXPECTED)
        if row.split != (split or row.split):
            raise bad_line(path, number, fields[0], f"images of the split {split} in this file")
        if row.stem in rows:
            raise bad_line(path, number, fields[0], "an image that no line before has named")
        rows[row.stem] = row
    if not rows:
        raise DataError(f"{path}: found no labels; expected {_EXPECTED} on every line.")
    return list(rows.values())


def _compound(path: Path, number: int) -> DataError:
    return DataError(
        f"{path}:{number}: found RAF-DB's compound subset (labels to 11, train_0001 with four "
        "digits); expected the basic subset (labels 1 to 7, train_00001 with five digits). "
        "Both lists have the same name: unpack basic/ instead of compound/."
    )


def _table(items: Iterable[tuple[LabelledImage, str]]) -> pd.DataFrame:
    """Return the table, training images first, then ordered by name."""
    ordered = sorted(items, key=lambda item: (item[0].split != "train", item[0].stem))
    return pd.DataFrame(
        [(path, row.split, row.label) for row, path in ordered], columns=["path", "split", "label"]
    )


def _image(stem: str) -> str:
    return f"{_ALIGNED}/{stem}_aligned.jpg"
