"""The kinds of pair lists; see ``label_formats.py``."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from hypothesis import strategies as st
from label_formats import NO_LABELS, Format, more, with_, without

from facebench_tasks._cplfw_pairs import read_pair_lines
from facebench_tasks._pairs import read_pairs

# LFW's pairs ------------------------------------------------------------------------------------

PERSON = st.text(st.sampled_from("AbéÑß日-_. '9"), min_size=1, max_size=8).map(str.strip)
PEOPLE = st.lists(PERSON.filter(bool), min_size=2, max_size=8, unique=True)
DICE = st.integers(0, 2**32).map(Random)  # a draw of Hypothesis's own for every pair is slow


@st.composite
def pair_rows(draw: st.DrawFn, folds: int | None = None) -> list[Any]:
    """Return ``(first, second, same, fold)``, an image being ``(name, number)``."""
    people, dice = draw(PEOPLE), draw(DICE)
    each = draw(st.integers(1, 2))
    rows: list[Any] = []
    for fold in range(folds or draw(st.integers(1, 3))):
        for same in [True] * each + [False] * each:
            names, numbers = dice.sample(people, 2), dice.sample(range(1, 5), 2)
            names = [names[0]] * 2 if same else names
            rows.append((*zip(names, numbers, strict=True), same, fold))
    return rows


def write_pair(row: Any) -> list[str]:
    (name, number), (other, another), same, _ = row
    texts = [name, str(number), other, str(another)]
    return without(2)(texts) if same else texts


def write_pairs(rows: list[Any]) -> list[list[str]]:
    folds = rows[-1][3] + 1
    counts = [str(folds), str(len(rows) // folds // 2)]
    return [counts, *map(write_pair, rows)]


def parse_pairs(file: Path) -> list[Any]:
    def image(name: str, number: int) -> str:
        return f"{name}|{number}"

    def back(path: str) -> tuple[str, int]:
        name, _, number = path.rpartition("|")
        return name, int(number)

    table = read_pairs(file, image)
    return [
        (back(first), back(second), same, fold)
        for first, second, same, fold in table.itertuples(index=False, name=None)
    ]


def no_pair(fields: list[str]) -> list[str]:
    """Make one image of a matched pair, one person of a mismatched one."""
    return [fields[0], "1", "1"] if len(fields) == 3 else [*fields[:2], fields[0], "9"]


PAIR_CORRUPTIONS = [
    *(with_(1, text) for text in (*NO_LABELS, "0") if text != "99999"),  # a number like any other
    with_(0, ""), without(0), without(1), more("Bo"), more("2"), no_pair,
]  # fmt: skip

PAIRS = Format(
    "pairs.txt", pair_rows(), write_pairs, parse_pairs, PAIR_CORRUPTIONS, mark="\t", heading=1
)
PAIRS_CSV = Format(
    "pairs.csv",
    pair_rows(folds=10),
    lambda rows: [["name", "imagenum1", "imagenum2", ""], *map(write_pair, rows)],
    parse_pairs,
    PAIR_CORRUPTIONS,
    mark=",", heading=1,
)  # fmt: skip

# CPLFW's pairs ----------------------------------------------------------------------------------

LETTERS = "abcdefghijklmnopqrstuvwxyz"  # doubled, so that one wrong letter names no one else


@st.composite
def cross_pose_rows(draw: st.DrawFn) -> list[Any]:
    """Return ``(first, second, same, fold)``, fold after fold, matched pairs first."""
    each, dice = draw(st.integers(1, 2)), draw(DICE)
    rows: list[Any] = []
    for fold in range(10):
        one, other = (f"{letter * 2} É-{letter}" for letter in LETTERS[2 * fold :][:2])
        for same in [True] * each + [False] * each:
            first, second = dice.sample(range(1, 4), 2)
            people = (one, one) if same else (one, other)
            images = [f"{people[0]}_{first}.jpg", f"{people[1]}_{second}.jpg"]
            rows.append((*images, same, fold))
    return rows


def write_cross_pose(rows: list[Any]) -> list[list[str]]:
    ordered = sorted(rows, key=lambda row: not row[2])  # all matched pairs first
    lines = [[image, str(int(row[2]))] for row in ordered for image in row[:2]]
    return [["name", "same_person"], *lines]


CPLFW = Format(
    "pairs_CPLFW.txt",
    cross_pose_rows(),
    write_cross_pose,
    lambda file: list(read_pair_lines(file).itertuples(index=False, name=None)),
    [
        *(with_(1, text) for text in (*NO_LABELS, "2")),
        *(with_(0, name) for name in ("", ".jpg", "aa.jpg", "aa_1.gif", "aa_x.jpg")),
        without(0), without(1), more("x"), more("2"),
    ],
    heading=1,
)  # fmt: skip

FORMATS = [PAIRS, PAIRS_CSV, CPLFW]
