"""The pair list of CPLFW, ``pairs_CPLFW.txt``: two lines to a pair, both with the pair's label.

``Ingrid_Betancourt_1.jpg 1`` and ``Ingrid_Betancourt_2.jpg 1`` make a matched pair, 0 marks a
mismatched one. The file has all 3,000 matched pairs first, and does not name its folds: fold k is
the k-th tenth of the matched and the k-th tenth of the mismatched pairs, as FaceX-Zoo's
``CPLFW_PairsParser`` assigns them. With this assignment no person is in two folds; splitting the
file into ten consecutive parts would give folds with one kind of pairs only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from facebench.errors import DataError
from facebench.runtime.listing import folded

from ._reading import bad_line, read_lines, shown

FOLDS = 10

_NAME = re.compile(r"((.+)_[0-9]+)\.(?:jpe?g|png|bmp)", re.IGNORECASE | re.ASCII)
_EXPECTED = "an image and a label, such as 'Ingrid_Betancourt_1.jpg 1'"

ListedImage = tuple[int, str, str]  # number in the file, image, label


def person(image: str) -> str | None:
    """Return the person in an image's name, ``Ann_Lee`` of ``Ann_Lee_1.jpg``, or ``None``."""
    match = _NAME.fullmatch(image)
    return match[2] if match else None


def stem(image: str) -> str | None:
    """Return an image's name without its format, ``Ann_Lee_1``, or ``None`` for other files."""
    match = _NAME.fullmatch(image)
    return match[1] if match else None


def read_pair_lines(file: Path) -> pd.DataFrame:
    """Read the list, with or without a heading.

    Args:
        file: ``pairs_CPLFW.txt``, unchanged.

    Returns:
        ``first``, ``second`` (names of images), ``same`` (bool), ``fold`` (0 to 9): fold after
        fold, matched pairs first.

    Raises:
        DataError: A line does not parse, the lines of a pair disagree (``file:line``), the pairs
            cannot be split into ten folds, or a person is in two folds.
    """
    lines = [_fields(file, number, line) for number, line in _without_heading(file)]
    if len(lines) % 2:
        raise DataError(
            f"{file}: found {len(lines):,} images; expected two lines for each pair. "
            "Take pairs_CPLFW.txt unchanged."
        )
    twos = zip(lines[::2], lines[1::2], strict=True)
    rows = [_pair(file, first, second) for first, second in twos]
    pairs = pd.DataFrame(rows, columns=["first", "second", "same"]).astype({"same": bool})
    matched = int(pairs["same"].sum())
    each = matched // FOLDS
    if not matched or 2 * matched != len(pairs) or matched % FOLDS:
        raise DataError(
            f"{file}: found {matched:,} matched and {len(pairs) - matched:,} mismatched pairs; "
            f"expected as many of each, in {FOLDS} folds. Take pairs_CPLFW.txt unchanged."
        )
    pairs = pairs.assign(fold=pairs.groupby("same").cumcount() // each)
    pairs = pairs.sort_values(["fold", "same"], ascending=[True, False], kind="stable")
    _check_people(file, pairs)
    return pairs.reset_index(drop=True)


def _without_heading(file: Path) -> list[tuple[int, str]]:
    lines = list(read_lines(file))
    if not lines:
        return lines
    fields = lines[0][1].lower().split()
    heading = fields[-1] not in {"0", "1"} and not any(".jp" in f or ".png" in f for f in fields)
    return lines[1:] if heading else lines


def _fields(file: Path, number: int, line: str) -> ListedImage:
    fields = line.rsplit(maxsplit=1)
    if len(fields) != 2 or fields[1] not in {"0", "1"} or person(fields[0]) is None:
        raise bad_line(file, number, line, _EXPECTED)
    return number, fields[0], fields[1]


def _pair(file: Path, first: ListedImage, second: ListedImage) -> tuple[str, str, bool]:
    number, image, label = second
    if label != first[2]:
        found = f"{first[1]} {first[2]} and {image} {label}"
        raise bad_line(file, number, found, "the label of the line before, as both make a pair")
    if image == first[1]:
        raise bad_line(file, number, image, "another image than in the line before")
    if (_key(image) == _key(first[1])) != (label == "1"):
        people = "one person" if label == "1" else "two people"
        raise bad_line(file, number, f"{first[1]} and {image}", f"images of {people}, by the label")
    return first[1], image, label == "1"


def _key(image: str) -> str:
    return folded(person(image) or image)


def _check_people(file: Path, pairs: pd.DataFrame) -> None:
    named = pd.concat([pairs["first"], pairs["second"]]).map(_key)
    fold_of = pd.concat([pairs["fold"], pairs["fold"]])
    homes = fold_of.groupby(named).nunique()
    if strays := _sorted(homes[homes > 1].index):
        raise DataError(
            f"{file}: found {len(strays):,} people in two folds: {shown(strays)}; expected none. "
            "Take pairs_CPLFW.txt in its own order."
        )


def _sorted(names: Iterable[object]) -> list[str]:
    return sorted(map(str, names))
