"""RAF-DB, basic emotions: expression classification of web photographs.

Li, Deng and Du, "Reliable crowdsourcing and deep locality-preserving learning for expression
recognition in the wild", CVPR 2017. PCL section 4.1 uses the basic subset, 12,271 training and
3,068 test images, at 100 px. The counts are those of the official list
``EmoLabel/list_patition_label.txt`` (the misspelling is the dataset's). The layout of the Kaggle
copy ``shuvoalok/raf-db-dataset`` is read as well and gives the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from facebench.errors import DataError
from facebench.progress import Progress
from facebench.synth import FaceSampler
from facebench.task import Metric, Task, TaskInfo

from ._reading import bad_layout, bad_line, check_images, integer, names, read_lines
from ._synthetic import class_labels, write_expressions

_LIST = "EmoLabel/list_patition_label.txt"
_ALIGNED = "Image/aligned"
_CLASSES = ("Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral")
_NAME = re.compile(r"((train|test)_([0-9]+))(?:_aligned)?\.jpg")
_EXPECTED = "'train_00001.jpg' or 'test_0001.jpg' and a label from 1 to 7"


class Row(NamedTuple):
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
    DATASET/{train,test}/{1,...,7}/train_00001_aligned.jpg ...
""",
        folders=("rafdb", "raf-db", "raf_db", "raf-basic", "RAF"),
        protocol="classification",
        image_size=100,
        main_metric=Metric(
            name="accuracy", title="Accuracy (%)", higher_is_better=True, scale=100.0
        ),
        counts={"train": 12271, "test": 3068},
        classes=_CLASSES,
        source="PCL section 4.1; counts: the official list",
    )

    def manifest(self, root: Path) -> pd.DataFrame:
        """Read the official or the Kaggle layout, in ``root`` or in ``root/basic``.

        Raises:
            DataError: Neither layout is there, it is the compound subset, a label does not
                parse, or images are missing.
        """
        for inside in ("", "basic/"):
            if (root / inside / _LIST).is_file():
                return self._official(root, inside)
            if (root / inside / "DATASET").is_dir():
                return self._kaggle(root, inside)
        raise bad_layout(self.info, root, f"neither {_LIST} nor DATASET/ is there")

    def synthesise(
        self, root: Path, faces: FaceSampler, progress: Progress, scale: float = 1.0
    ) -> None:
        """Write about 1,400 training and 600 test faces at 100 px, in the official layout."""
        rows = [
            Row(f"{split}_{number:0{digits}d}", split, label)
            for split, digits, total in (("train", 5, 1400), ("test", 4, 600))
            for number, label in enumerate(
                class_labels(len(_CLASSES), round(total * scale)), start=1
            )
        ]
        lines = (f"{row.stem}.jpg {row.label + 1}\n" for row in rows)
        (root / _LIST).parent.mkdir()
        (root / _LIST).write_text("".join(lines), encoding="utf-8")
        files = [(root / _image(row.stem), _CLASSES[row.label].lower()) for row in rows]
        write_expressions(files, faces, progress, size=100, aligned=True)

    def _official(self, root: Path, inside: str) -> pd.DataFrame:
        rows = read_list(root / inside / _LIST)
        table = _table((row, f"{inside}{_image(row.stem)}") for row in rows)
        check_images(self.info, root, table["path"], f"{inside}{_LIST}")
        return table

    def _kaggle(self, root: Path, inside: str) -> pd.DataFrame:
        lists = [root / inside / f"{split}_labels.csv" for split in ("train", "test")]
        there = [path for path in lists if path.is_file()]
        if len(there) == 1:
            raise bad_layout(
                self.info, root, f"of the two label files only {there[0].name} is there"
            )
        if there:
            rows = [row for path in lists for row in read_csv_list(path)]
        else:
            rows = list(self._numbered_folders(root / inside / "DATASET"))
        folder = f"{inside}DATASET"
        table = _table(
            (row, f"{folder}/{row.split}/{row.label + 1}/{row.stem}_aligned.jpg") for row in rows
        )
        check_images(self.info, root, table["path"], "the label files" if there else folder)
        return table

    def _numbered_folders(self, dataset: Path) -> Iterator[Row]:
        for split in ("train", "test"):
            for label in range(len(_CLASSES)):
                folder = dataset / split / str(label + 1)
                if not folder.is_dir():
                    raise bad_layout(self.info, dataset.parent, f"{folder} is missing")
                for name in names(folder):
                    match = _NAME.fullmatch(name)
                    if match and match[2] == split:
                        yield Row(match[1], split, label)


def read_list(path: Path) -> list[Row]:
    """Parse the official list: one ``train_00001.jpg 5`` per line, labels counted from 1.

    Raises:
        DataError: A line does not parse or names an image again (``file:line``), or this is the
            list of the *compound* subset, which has the same name.
    """
    return _rows(path, ((number, line.split()) for number, line in read_lines(path)))


def read_csv_list(path: Path) -> list[Row]:
    """Parse a label file of the Kaggle copy: a heading, then ``train_00001_aligned.jpg,5``.

    Raises:
        DataError: A line does not parse or names an image again (``file:line``).
    """
    lines = [(number, line.split(",")) for number, line in read_lines(path)]
    if lines and not lines[0][1][-1].strip().isdigit():
        lines = lines[1:]  # the heading, image,label
    return _rows(path, lines)


def _rows(path: Path, lines: Iterable[tuple[int, list[str]]]) -> list[Row]:
    rows: dict[str, Row] = {}
    for number, raw in lines:
        fields = [field.strip() for field in raw]
        match = _NAME.fullmatch(fields[0])
        label = integer(fields[1]) if len(fields) == 2 else None
        if match is None or label is None:
            raise bad_line(path, number, " ".join(fields), _EXPECTED)
        if 8 <= label <= 11 or (match[2] == "train" and len(match[3]) == 4):
            raise _compound(path, number)
        if not 1 <= label <= 7:
            raise bad_line(path, number, " ".join(fields), _EXPECTED)
        if match[1] in rows:
            raise bad_line(path, number, fields[0], "an image that no line before has named")
        rows[match[1]] = Row(match[1], match[2], label - 1)
    if not rows:
        raise DataError(f"{path}: found no labels; expected {_EXPECTED} on every line.")
    return list(rows.values())


def _compound(path: Path, number: int) -> DataError:
    return DataError(
        f"{path}:{number}: found RAF-DB's compound subset (labels to 11, train_0001 with four "
        "digits); expected the basic subset (labels 1 to 7, train_00001 with five digits). "
        "Both lists have the same name: unpack basic/ instead of compound/."
    )


def _table(items: Iterable[tuple[Row, str]]) -> pd.DataFrame:
    """Training images first, then by name, whatever the order of the list was."""
    ordered = sorted(items, key=lambda item: (item[0].split != "train", item[0].stem))
    return pd.DataFrame(
        [(path, row.split, row.label) for row, path in ordered], columns=["path", "split", "label"]
    )


def _image(stem: str) -> str:
    return f"{_ALIGNED}/{stem}_aligned.jpg"
