"""Data model of the leaderboard: boards, columns, rows and cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facebench.report.board.provenance import Run

FORMAT = 4

Rank = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A score by one protocol, on the printed scale.

    Args:
        value: Mean over seeds.
        low: Lower end of its 95 % interval over test items.
        high: Upper end.
        std: Standard deviation over seeds.
        rank: 95 % interval of the rank in its column among the runs of one image budget, to which
            all that learned nothing belong; None for other runs.
        best: Whether it is significantly the best in its column of the rows of one budget.
    """

    value: float | None
    low: float | None
    high: float | None
    std: float | None
    rank: Rank | None
    best: bool


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A score, and the places of the results that it comes from."""

    honest: Mark
    paper: Mark
    results: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One metric of one group of comparable results.

    Args:
        id: Identifier within its board.
        task: facebench's name of the task.
        title: Title of the task in tables.
        note: Difference from other groups of the same task; empty if it is the only one.
        family: Family of the task.
        metric: Heading of the metric.
        name: facebench's name of the metric.
        higher: Whether more is better.
        headline: Whether it is the task's main metric.
        partial: Whether only some test items were asked for (``--limit``).
        selected: What the score by the paper's protocol is, in words: ``test-selected``, or
            ``fixed recipe`` of a probe that selects nothing.
    """

    id: str
    task: str
    title: str
    note: str
    family: str
    metric: str
    name: str
    higher: bool
    headline: bool
    partial: bool
    selected: str


@dataclass(frozen=True, kw_only=True)
class BoardRow:
    """One configuration of a method, with all its seeds.

    Args:
        id: Identifier within its board.
        order: Position in the order by name.
        method: Title of the method.
        method_key: Equal for the rows of which one stands for all: those of a method that learns,
            or those of a fixed feature with the same weights and options.
        as_printed: Whether the published numbers of the method, if there are any, are of such
            options.
        feature: Which feature was judged.
        backbone: Name of the backbone.
        preset: Name of the preset.
        data: Pretraining data, used as a filter.
        pretraining: Pretraining data with the number of images.
        images: How many images were seen in learning, each as often as it was seen; 0 for none.
        budget: What was learned from, in words; empty where nothing was learned.
        detail: Difference from rows that are otherwise equal.
        seeds: Seeds of the results.
        cells: Cells by column.
    """

    id: str
    order: int
    method: str
    method_key: str
    as_printed: bool
    feature: str
    backbone: str
    preset: str
    data: str
    pretraining: str
    images: int
    budget: str
    detail: str
    seeds: tuple[int, ...]
    cells: Mapping[str, Cell]


@dataclass(frozen=True, kw_only=True)
class Floor:
    """Scores without learning, by column."""

    name: str
    cells: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Quote:
    """One printed number."""

    value: float
    reproduced: bool
    table: int | None
    page: int | None


@dataclass(frozen=True, kw_only=True)
class PrintedRow:
    """Numbers that one paper prints for one method, by column."""

    order: int
    method: str
    section: str
    paper: str
    short: str
    source: str
    cells: Mapping[str, Quote]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Differences between every two of the rows of one budget, in one column and kind of score.

    Args:
        rows: Identifiers of the rows, the best first; of many rows only the best.
        competing: How many rows there are at that budget.
        test: ``McNemar``, ``bootstrap``, or ``none`` if there are too few units to draw.
        units: What was drawn.
        differences: For each two rows, in the order of ``itertools.combinations``: the first less
            the second, lower and upper end of its 95 % interval, on the printed scale, and the p
            value, Holm-corrected for all of these; None where there is none.
    """

    rows: tuple[str, ...]
    competing: int
    test: str
    units: str
    differences: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, kw_only=True)
class MeanRanks:
    """Mean ranks over tasks of methods at one budget; empty if too few have tasks in common.

    Args:
        rows: Identifiers of the rows, one for each method, the best mean rank first.
        columns: Identifiers of the columns, one for each task.
        ranks: Ranks of each row by column; equals share their mean.
        means: Mean rank of each row.
        p: P value of Friedman's test.
        distance: Critical difference of two mean ranks (Nemenyi, 5 %).
        groups: First and last place of rows that do not differ.
        needed: Number of tasks from which on so many methods can differ at all.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    ranks: tuple[tuple[float, ...], ...]
    means: tuple[float, ...]
    p: float | None
    distance: float | None
    groups: tuple[tuple[int, int], ...]
    needed: int


@dataclass(frozen=True, kw_only=True)
class Board:
    """Everything on real data, or everything on synthetic data.

    Args:
        synthetic: Whether the data are synthetic.
        budget: Budget in words that the most methods share; empty if none learned.
        columns: One for each metric of each group of comparable results.
        rows: Configurations, by name.
        floors: Scores without a representation.
        printed: Numbers that papers print.
        pairs: Comparisons of every two rows of one budget, by kind of score and column.
        ranks: Mean ranks over tasks, by kind of score.
    """

    synthetic: bool
    budget: str
    columns: tuple[Column, ...]
    rows: tuple[BoardRow, ...]
    floors: tuple[Floor, ...]
    printed: tuple[PrintedRow, ...]
    pairs: Mapping[str, Mapping[str, Pairs]]
    ranks: Mapping[str, MeanRanks]


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """All boards, and what their cells refer to by place.

    Args:
        boards: Real data first.
        results: Runs behind the cells.
        origins: Where runs come from: the paper as the method names it, addresses of paper and
            code, what is another version here than where a result was written, and whether the
            method brings its backbone.
        datasets: That runs were judged on.
        environments: That runs were computed in.
        options: Groups of options of runs.
        layouts: What breakdowns of scores are of: title, names, and number of test items.
        base: Where the files of results are, seen from the page; empty if that is unknown.
        format: Version of this form.
    """

    boards: tuple[Board, ...]
    results: tuple[Run, ...]
    origins: tuple[Any, ...]
    datasets: tuple[Any, ...]
    environments: tuple[Any, ...]
    options: tuple[Any, ...]
    layouts: tuple[Any, ...]
    base: str = ""
    format: int = FORMAT
