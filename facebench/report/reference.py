"""Printed numbers of the papers, as data (``results/reference``).

Files that have an ``order`` are papers on faces, of which the first one's tables are laid out. The
table ``modern`` has a file of its own: the later methods, and what each of their papers prints.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

FORMAT = 1
MODERN = "modern"  # the table of later methods
LATER_METHODS = "later-methods.json"


@dataclass(frozen=True, kw_only=True)
class Printed:
    """One printed number of a paper.

    Args:
        method: Name of the method, as printed (``SimCLR``).
        task: facebench's name of the task.
        metric: facebench's name of the metric.
        value: Value, as printed (``71.06``).
        section: ``supervised`` or ``self-supervised``.
        reproduced: Whether the paper marks it with a star: reproduced by its authors.
        paper: Full reference of the paper.
        short: Short reference of the paper (``PCL, CVPR 2023``).
        source: Location of the number.
        variant: Setting of the method, in an ablation (``L_dis, L_orth``); empty elsewhere.
        table: Number of the table; None where the source has none.
        page: Page of the paper; None where the source has none.
    """

    method: str
    task: str
    metric: str
    value: float
    section: str
    reproduced: bool
    paper: str
    short: str
    source: str
    variant: str = ""
    table: int | None = None
    page: int | None = None


@dataclass(frozen=True, kw_only=True)
class PrintedColumn:
    """One column of a printed table: a task, and one of its metrics.

    Args:
        task: facebench's name of the task.
        metric: facebench's name of the metric.
        heading: Upper and lower heading, as printed.
    """

    task: str
    metric: str
    heading: tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class PublishedTraining:
    """What the printed numbers were learned from.

    Args:
        data: facebench's name of the data.
        epochs: Number of epochs.
        source: Place in the paper.
    """

    data: str
    epochs: int
    source: str


@dataclass(frozen=True, kw_only=True)
class PrintedLayout:
    """Layout of a table in the first paper, or of the table of later methods.

    Args:
        number: Number of the table in the first paper; ``modern`` for that of later methods.
        title: Title of the table.
        rows: Heading of the rows.
        digits: Number of decimals.
        columns: Left to right.
        sections: Headings of its sections, by the name that numbers give them, and that of
            baselines; top down.
        baselines: Printed methods that learn nothing, each with the options of ours that the
            printed numbers are of. The paper lists them among the self-supervised ones; facebench
            shows them apart.
        pretraining: What the printed numbers were learned from.
        short: Short reference of the paper; empty if each number is of a paper of its own.
        others: Heading of the section of our runs whose methods are not printed.
        unprinted: Methods that have a row although nothing is printed for them.
        note: What the printed numbers are, where they are of several papers.
    """

    number: int | str
    title: str
    rows: str
    digits: int
    columns: tuple[PrintedColumn, ...]
    sections: Mapping[str, str]
    baselines: Mapping[str, Mapping[str, Any]]
    pretraining: PublishedTraining
    short: str
    others: str = "Not in the paper's table"
    unprinted: tuple[str, ...] = ()
    note: str = ""

    @property
    def title_number(self) -> str:
        """Return how the first paper calls the table, such as ``Table 1``; empty if it has none."""
        return f"Table {self.number}" if isinstance(self.number, int) else ""


@cache
def printed_numbers() -> tuple[Printed, ...]:
    """Return every printed number that facebench includes, by paper and table.

    The first paper is the one whose tables facebench lays out.
    """
    return tuple(
        Printed(**row, **{name: paper[name] for name in ("paper", "short", "source")})
        for paper in _papers()
        for row in paper["rows"]
    )


@cache
def printed_layouts() -> dict[int, PrintedLayout]:
    """Return the layouts of the first paper's tables, by their numbers."""
    paper = _papers()[0]
    return {
        table["number"]: PrintedLayout(
            **{name: table[name] for name in ("number", "title", "rows", "digits")},
            columns=_columns(table),
            sections=paper["sections"],
            baselines=paper["baselines"],
            pretraining=PublishedTraining(**paper["pretraining"]),
            short=paper["short"],
        )
        for table in paper["tables"]
    }


@cache
def layouts() -> dict[int | str, PrintedLayout]:
    """Return the layouts of all tables: those of the first paper, then that of later methods."""
    later = _later_methods()
    table, paper = later["table"], _papers()[0]
    modern = PrintedLayout(
        **{name: table[name] for name in ("number", "title", "rows", "digits")},
        columns=_columns(table),
        sections={k: v for k, v in table["sections"].items() if k != "others"},
        baselines=paper["baselines"],
        pretraining=PublishedTraining(**table["pretraining"]),
        short="",
        others=table["sections"]["others"],
        unprinted=tuple(table["unprinted"]),
        note=table["note"],
    )
    found: dict[int | str, PrintedLayout] = dict(printed_layouts().items())
    return found | {MODERN: modern}


@cache
def later_numbers() -> tuple[Printed, ...]:
    """Return what the papers of later methods print, each with its own source."""
    return tuple(
        Printed(**row, **{name: paper[name] for name in ("paper", "short", "source")})
        for paper in _later_methods()["papers"]
        for row in paper["rows"]
    )


def numbers_of(layout: PrintedLayout) -> tuple[Printed, ...]:
    """Return the printed numbers of a table, in reading order."""
    return later_numbers() if layout.number == MODERN else printed_table(int(layout.number))


def _columns(table: Mapping[str, Any]) -> tuple[PrintedColumn, ...]:
    return tuple(
        PrintedColumn(
            task=column["task"], metric=column["metric"], heading=tuple(column["heading"])
        )
        for column in table["columns"]
    )


def _later_methods() -> dict[str, Any]:
    text = (files("facebench_reference") / LATER_METHODS).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@cache
def _papers() -> list[dict[str, Any]]:
    papers = [
        json.loads(entry.read_text(encoding="utf-8"))
        for entry in files("facebench_reference").iterdir()
        if entry.name.endswith(".json") and entry.name != LATER_METHODS
    ]
    return sorted(papers, key=lambda paper: int(paper["order"]))


def is_as_printed(title: str, options: Mapping[str, Any]) -> bool:
    """Whether the first paper's numbers of a method, by its title, are of such options.

    Only of baselines are there others: what a method learns with other options is another run of
    it, while other patterns are another feature.
    """
    wanted = _papers()[0]["baselines"].get(title, {})
    return all(options.get(name, value) == value for name, value in wanted.items())


def printed(title: str, task: str, metric: str, options: Mapping[str, Any]) -> Printed | None:
    """Return what the first paper prints for a method on a task, if anything.

    Settings of ablations do not count. Where a table has a method twice (TCAE on DISFA), it is the
    first: as its authors published it.

    Args:
        title: Title of the method.
        task: Name of the task.
        metric: Name of the metric.
        options: Options of our run, see :func:`is_as_printed`.
    """
    if not is_as_printed(title, options):
        return None
    for number in printed_table():
        if (number.method, number.task, number.metric) == (title, task, metric):
            return number
    return None


@cache
def printed_table(table: int | None = None) -> tuple[Printed, ...]:
    """Return the numbers of one table of the first paper, in reading order.

    Args:
        table: Number of the table; None for all tables that are not ablations.
    """
    paper = printed_numbers()[0].paper
    return tuple(
        number
        for number in printed_numbers()
        if number.paper == paper
        and (not number.variant if table is None else number.table == table)
    )
