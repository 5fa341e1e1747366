"""The CSV form of FER-2013: 35,887 rows of emotion, usage and 2,304 pixel values.

``fer2013.csv`` has the heading ``emotion,pixels,Usage``; ``icml_face_data.csv`` has
``emotion, Usage, pixels``, with spaces. Either is 300 MB of text, so one pass finds the
offset of each row, from which an image is read. Copies written by other programs are read as well:
UTF-16 instead of ASCII, and a column that only numbers the rows (``Unnamed: 0``, ``index``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facebench.errors import DataError
from facebench.runtime.images import Pixels

from ._reading import bad_line, integer

SIDE = 48  # pixels
CLASSES = 7
USAGES = ("Training", "PublicTest", "PrivateTest")

UsageRow = tuple[str, str, int]  # path, usage, label

_VALUES = re.compile(r"[0-9\s]*")  # int() would also take +1 and 1_0


_NUMBERING = frozenset({"", "unnamed: 0", "index", "id"})  # names of a column of row numbers
_BOMS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "ascii"))


class _Heading(NamedTuple):
    """Positions of the columns and their number, the column that is not read, and the encoding."""

    emotion: int
    usage: int
    pixels: int
    columns: int
    ignored: str | None
    encoding: str


class _Index(NamedTuple):
    """Positions of the columns, and byte offset and line number of each row."""

    heading: _Heading
    offsets: NDArray[np.int64]
    lines: NDArray[np.int64]


def read_rows(file: Path, path: str) -> Iterator[UsageRow]:
    """Yield ``(path#row, usage, label)`` of every row; rows count from 0.

    Args:
        file: The CSV.
        path: Path of the file in the manifest.

    Raises:
        DataError: The heading or a row does not parse; the message names ``file:line``.
    """
    row = 0
    with file.open("rb") as stream:
        heading = _heading(file, stream.readline())
        for number, line in enumerate(stream, start=2):
            if not line.strip(b" \t\r\n\0"):
                continue
            yield f"{path}#{row}", *_labels(file, number, line, heading)
            row += 1
    if row == 0:
        raise DataError(f"{file}: found a heading and no rows; expected 35,887 rows.")


def csv_notes(file: Path) -> list[str]:
    """Return what is unusual about the form of the CSV, as sentences.

    Raises:
        DataError: The heading does not parse.
    """
    with file.open("rb") as stream:
        heading = _heading(file, stream.readline())
    notes = []
    if heading.encoding != "ascii":
        notes.append(f"FER-2013: {file.name} is read as {heading.encoding.upper()}.")
    if heading.ignored is not None:
        column = f"'{heading.ignored}'" if heading.ignored else "without a name"
        notes.append(f"FER-2013: {file.name}: the column {column} is taken for row numbers.")
    return notes


def read_pixels(file: Path, row: int) -> Pixels:
    """Read the image of one row.

    Args:
        file: The CSV.
        row: Counted from 0, without the heading and blank lines.

    Returns:
        uint8 RGB, ``[48, 48, 3]``, three equal channels.

    Raises:
        DataError: There is no such row, or it does not hold 2,304 values from 0 to 255.
    """
    index = _index(file)
    if row >= len(index.offsets):
        raise DataError(f"{file}: found {len(index.offsets):,} rows; expected a row {row:,}.")
    with file.open("rb") as stream:
        stream.seek(int(index.offsets[row]))
        fields = _fields(stream.readline(), index.heading.encoding)
    text = fields[index.heading.pixels] if len(fields) == index.heading.columns else ""
    values = text.split() if _VALUES.fullmatch(text) else []
    try:
        gray = np.array([int(value) for value in values], dtype=np.uint8)
    except (ValueError, OverflowError):
        gray = np.empty(0, dtype=np.uint8)
    if gray.size != SIDE * SIDE:
        raise DataError(
            f"{file}:{index.lines[row]}: found no {SIDE * SIDE:,} pixel values in row {row:,}; "
            "expected as many integers from 0 to 255. Unpack the dataset again, or leave the image "
            "out with --skip-broken."
        )
    return np.repeat(gray.reshape(SIDE, SIDE, 1), 3, axis=2)


def _labels(file: Path, number: int, line: bytes, heading: _Heading) -> tuple[str, int]:
    fields = _fields(line, heading.encoding)
    if len(fields) != heading.columns:
        expected = "emotion, pixels and Usage"
        expected += "" if heading.ignored is None else f", and '{heading.ignored}'"
        raise bad_line(file, number, f"{len(fields)} fields", expected)
    usage, label = fields[heading.usage], integer(fields[heading.emotion])
    if label is None or label >= CLASSES:
        raise bad_line(file, number, fields[heading.emotion], "an emotion from 0 to 6")
    if usage not in USAGES:
        raise bad_line(file, number, usage, f"a usage of {', '.join(USAGES)}")
    return usage, label


def _index(file: Path) -> _Index:
    status = file.stat()
    return _read_index(file, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=2)
def _read_index(file: Path, size: int, modified: int) -> _Index:
    """Find the rows; size and time are part of the cache key, so a changed file is read again."""
    offsets, lines = [], []
    with file.open("rb") as stream:
        heading = _heading(file, stream.readline())
        position = stream.tell()
        for number, line in enumerate(stream, start=2):
            if line.strip(b" \t\r\n\0"):
                offsets.append(position)
                lines.append(number)
            position += len(line)
    return _Index(heading, np.array(offsets, dtype=np.int64), np.array(lines, dtype=np.int64))


def _heading(file: Path, line: bytes) -> _Heading:
    encoding = "ascii"
    for mark, kind in _BOMS:
        if line.startswith(mark):
            line, encoding = line.removeprefix(mark), kind
            break
    else:  # UTF-16 without a mark: every other byte of ASCII characters is zero
        if b"\0" in line[:2]:
            encoding = "utf-16-be" if line[:1] == b"\0" else "utf-16-le"
    found = _fields(line, encoding)
    names = [name.lower() for name in found]
    extra = [name for name in names if name not in ("emotion", "pixels", "usage")]
    if len(names) - len(extra) != 3 or len(set(names)) != len(names) or len(extra) > 1:
        raise bad_line(file, 1, ",".join(found), "the heading emotion,pixels,Usage")
    if extra and extra[0] not in _NUMBERING:
        raise bad_line(file, 1, found[names.index(extra[0])], "emotion, pixels and Usage alone")
    return _Heading(
        names.index("emotion"), names.index("usage"), names.index("pixels"), len(names),
        found[names.index(extra[0])] if extra else None, encoding,
    )  # fmt: skip


def _fields(line: bytes, encoding: str) -> list[str]:
    """Return the fields of a line that ends after a byte 0x0A, as binary files are read."""
    if encoding == "utf-16-le":  # the line begins with the second byte of the newline before
        line = line.removeprefix(b"\0").removesuffix(b"\n")
    text = line.decode(encoding, "replace")
    return [field.strip(' \t\r\n"') for field in text.split(",")]
