"""Pair lists of LFW's form: folds of matched, then mismatched pairs.

``pairs.txt`` begins with ``10<TAB>300``; then every fold has 300 matched lines
``Name 1 4`` and 300 mismatched lines ``Name 1 Other 2``. Kaggle's ``pairs.csv`` has the same
lines in the same order with commas, and a heading instead of the counts. Names may contain spaces
if tabs or commas separate the fields.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from facebench.errors import DataError

from ._reading import bad_line, integer, read_lines

_FOLDS = 10  # folds of View 2 and pairs of each, for files without counts

NumberedFields = tuple[int, list[str]]


def read_pairs(file: Path, image: Callable[[str, int], str]) -> pd.DataFrame:
    """Read a pair list.

    Args:
        file: ``pairs.txt``, or ``pairs.csv``.
        image: Function from a person's name and an image number to the path.

    Returns:
        ``first``, ``second`` (paths), ``same`` (bool), ``fold`` (from 0), in the file's order.

    Raises:
        DataError: A line does not parse, or the folds are not complete; names ``file:line``.
    """
    split = ((number, _fields(file, line)) for number, line in read_lines(file))
    lines = [(number, fields) for number, fields in split if fields]
    if not lines:
        raise DataError(f"{file}: found no pairs; expected the lines of LFW's View 2.")
    folds, each = _counts(file, lines[0], len(lines) - 1)
    if len(lines) - 1 != 2 * folds * each:
        raise DataError(
            f"{file}: found {len(lines) - 1:,} pairs; expected {folds} folds of {each} matched and "
            f"{each} mismatched, {2 * folds * each:,} in all. Take View 2 (pairs.txt), unchanged."
        )
    rows = [
        (*_pair(file, line, same=index // each % 2 == 0, image=image), index // (2 * each))
        for index, line in enumerate(lines[1:])
    ]
    return pd.DataFrame(rows, columns=["first", "second", "same", "fold"])


def _counts(file: Path, line: NumberedFields, pairs: int) -> tuple[int, int]:
    number, fields = line
    if fields[0].lower() == "name":
        return _FOLDS, pairs // (2 * _FOLDS)
    counts = [integer(field) for field in fields]
    if len(counts) != 2 or not counts[0] or not counts[1]:
        expected = "the number of folds and of pairs, such as '10 300'"
        raise bad_line(file, number, " ".join(fields), expected)
    return counts[0], counts[1]


def _pair(
    file: Path, line: NumberedFields, *, same: bool, image: Callable[[str, int], str]
) -> tuple[str, str, bool]:
    number, fields = line
    if same:
        expected, numbers = "a matched pair: a name and two image numbers", fields[1:]
        people = [fields[0], fields[0]]
    else:
        expected, numbers = "a mismatched pair: name, number, name, number", fields[1::2]
        people = fields[::2]
    counts = [integer(text) for text in numbers]
    if len(fields) != (3 if same else 4) or not counts[0] or not counts[1]:
        raise bad_line(file, number, " ".join(fields), expected)
    if same and counts[0] == counts[1]:
        raise bad_line(file, number, " ".join(fields), "two different images")
    if not same and people[0] == people[1]:
        raise bad_line(file, number, " ".join(fields), "two different people")
    return image(people[0], counts[0]), image(people[1], counts[1]), same


def _fields(file: Path, line: str) -> list[str]:
    """Split at commas or tabs where there are any, else at spaces."""
    mark = "," if file.suffix.lower() == ".csv" else "\t"
    parts = line.split(mark if mark in line else None)
    return [field for part in parts if (field := part.strip())]
