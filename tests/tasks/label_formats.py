"""The kinds of label files: how valid rows look, how they are written, how a line is corrupted.

``test_label_files.py`` holds every parser to the same properties.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from facebench_tasks import bu3dfe
from facebench_tasks._disfa_labels import UNITS, read_frames_list, read_intensities
from facebench_tasks._fer_csv import read_pixels, read_rows
from facebench_tasks._reading import read_lines
from facebench_tasks.disfa import DISFA
from facebench_tasks.rafdb import read_csv_list, read_list

Corruption = Callable[[list[str]], list[str]]
NO_LABELS = ("", "x", "-1", "+1", "1.5", "1_0", "٣", "99999", "9" * 5000, "1 0")


@dataclass(frozen=True)
class Format:
    """One kind of label file.

    Args:
        file: Its name.
        rows: Valid contents, as ``parse`` returns them.
        write: From rows to the fields of every line; ``heading`` lines come first.
        parse: The parser.
        corruptions: Functions from the fields of a line to fields that every reader must refuse.
        mark: What separates fields.
        heading: Number of lines before the first row.
        blank_first: Whether blank lines may come before the heading.
        ordered: Whether the order of rows is content; of a set it is not, and ``parse`` sorts.
    """

    file: str
    rows: st.SearchStrategy[list[Any]]
    write: Callable[[list[Any]], list[list[str]]]
    parse: Callable[[Path], list[Any]]
    corruptions: Sequence[Corruption]
    mark: str = " "
    heading: int = 0
    blank_first: bool = True
    ordered: bool = True


def without(index: int) -> Corruption:
    return lambda fields: fields[:index] + fields[index:][1:]


def with_(index: int, text: str) -> Corruption:
    return lambda fields: [*fields[:index], text, *fields[index:][1:]]


def more(text: str) -> Corruption:
    return lambda fields: [*fields, text]


# FER-2013's CSV ---------------------------------------------------------------------------------

USAGES = ("Training", "PublicTest", "PrivateTest")
FACES = np.random.default_rng(0).integers(0, 256, (8, 48, 48), dtype=np.uint8)


def write_fer(rows: list[tuple[int, str, int]]) -> list[list[str]]:
    texts = [" ".join(map(str, face.ravel())) for face in FACES]
    return [["emotion", "pixels", "Usage"], *([str(e), texts[f], u] for e, u, f in rows)]


def parse_fer(file: Path) -> list[tuple[int, str, int]]:
    faces = {face.tobytes(): index for index, face in enumerate(FACES)}
    rows = list(read_rows(file, file.name))
    assert [path for path, _, _ in rows] == [f"{file.name}#{i}" for i in range(len(rows))]
    images = [read_pixels(file, row)[..., 0].tobytes() for row in range(len(rows))]
    return [
        (e, u, faces.get(image, -1)) for (_, u, e), image in zip(rows, images, strict=True)
    ]  # fmt: skip


FER = Format(
    "fer2013.csv",
    st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from(USAGES), st.integers(0, len(FACES) - 1)),
        min_size=1, max_size=6,
    ),
    write_fer,
    parse_fer,
    [
        *(with_(0, text) for text in (*NO_LABELS, "7")),
        *(with_(2, text) for text in ("", "Testing", "training", "Training Training")),
        *(with_(1, text) for text in ("", "1 2 3", "1 " * 2303 + "256", "1 " * 2303 + "1_0")),
        *(with_(1, text) for text in ("1 " * 2305, "1 " * 2303 + "+1", "1 " * 2303 + "1.0")),
        without(0), without(1), without(2), more("0"),
    ],
    mark=",", heading=1, blank_first=False,
)  # fmt: skip

# RAF-DB's lists ---------------------------------------------------------------------------------

RAF_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["train_{:05d}", "test_{:04d}"]), st.integers(0, 9999), st.integers(0, 6)
    ).map(lambda row: (row[0].format(row[1]), row[0].partition("_")[0], row[2])),
    min_size=1, max_size=12, unique_by=lambda row: row[0],
)  # fmt: skip
RAF_CORRUPTIONS = [
    *(with_(1, text) for text in (*NO_LABELS, "0", "8", "12")),
    *(with_(0, name) for name in (".jpg", "val_00001.jpg", "train_.jpg", "../train_00001.jpg")),
    *(with_(0, name) for name in ("train_00001.png", "traın_00001.jpg", "train_00001x.jpg")),
    without(1), more("1"),
]  # fmt: skip

RAF = Format(
    "list_patition_label.txt",
    RAF_ROWS,
    lambda rows: [[f"{stem}.jpg", str(label + 1)] for stem, _, label in rows],
    lambda file: [tuple(row) for row in read_list(file)],
    [*RAF_CORRUPTIONS, without(0)],
)
RAF_CSV = Format(
    "train_labels.csv",
    RAF_ROWS,
    lambda rows: [["image", "label"], *([f"{s}_aligned.jpg", str(n + 1)] for s, _, n in rows)],
    lambda file: [tuple(row) for row in read_csv_list(file)],
    RAF_CORRUPTIONS,
    mark=",", heading=1,
)  # fmt: skip
RAF_CSV_BARE = Format(
    "test_labels.csv", RAF_ROWS, lambda rows: RAF_CSV.write(rows)[1:], RAF_CSV.parse,
    [corrupt for corrupt in RAF_CORRUPTIONS if corrupt(["a", "1"])[0] == "a"], mark=",",
)  # fmt: skip

# BU-3DFE's lists --------------------------------------------------------------------------------

BU3DFE = Format(
    "train.csv",
    st.lists(
        st.tuples(st.text(st.sampled_from("aé日 ,'#"), min_size=1, max_size=6), st.integers(0, 99)),
        min_size=1, max_size=12, unique_by=lambda row: row[0].strip(),
    ).map(lambda rows: [(f"F 1/{path.strip()}.png", label) for path, label in rows]),
    lambda rows: [["path", "exp", "pose"], *([path, "3", str(n)] for path, n in rows)],
    lambda file: [tuple(row) for row in bu3dfe.read_list(file)],
    [
        *(with_(2, text) for text in NO_LABELS),
        *(with_(0, path) for path in ("", "../a.png", "/a.png", "a/../b.png")),
        more("x"), more(""), lambda fields: fields[2:],
    ],
    mark=",", heading=1,
)  # fmt: skip

# DISFA's labels, and lists of its frames --------------------------------------------------------


def parse_intensities(file: Path) -> list[int]:
    """Read a file of one action unit; the others of the subject have as many frames."""
    count = sum(1 for _ in read_lines(file))
    for unit in UNITS:
        other = file.with_name(f"SN001_au{unit}.txt")
        if other != file:
            other.write_text("1,0\n" * count)
    found = read_intensities(DISFA.info, file.parent, file.parent, "SN001")
    return [int(value) for value in found.values[:, 0]]


INTENSITIES = Format(
    "SN001_au1.txt",
    st.lists(st.integers(0, 5), min_size=1, max_size=12),
    lambda rows: [[str(number), str(value)] for number, value in enumerate(rows, start=1)],
    parse_intensities,
    [
        *(with_(1, text) for text in (*NO_LABELS, "6")),
        *(with_(0, text) for text in NO_LABELS if text != "99999"),
        without(0), without(1), more("0"), more(""),
    ],
    mark=",",
)  # fmt: skip

FRAMES = Format(
    "DISFA_part1_path.txt",
    st.lists(
        st.tuples(st.sampled_from(["SN001", "SN032"]), st.integers(0, 4844).map(lambda n: n * 11)),
        min_size=1, max_size=12, unique=True,
    ).map(sorted),
    lambda rows: [[f"DISFA/{subject}/{frame}.jpg"] for subject, frame in rows],
    lambda file: sorted(read_frames_list(file)),
    [
        *(with_(0, f"DISFA/{path}") for path in ("SN014/1.jpg", "SN1/1.jpg", "SN001/x.jpg")),
        *(with_(0, f"DISFA/{path}") for path in ("SN001/1", "SN001", "SN001/1.jpg 1", "1.jpg")),
        with_(0, f"DISFA/SN001/{'9' * 5000}.jpg"),
    ],
    ordered=False,
)  # fmt: skip

FORMATS = [FER, RAF, RAF_CSV, RAF_CSV_BARE, BU3DFE, INTENSITIES, FRAMES]
