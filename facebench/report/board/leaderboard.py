"""The leaderboard as data, computed from stored results alone.

Real and synthetic data have separate boards. A column is one metric of one group of comparable
results. There is no average over columns, since tasks have no common unit. The output does not
depend on the time or on the location of the files, so the same results give the same bytes.
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from facebench.report.board.cells import KEPT, cells_of
from facebench.report.board.columns import shown_metrics
from facebench.report.board.comparisons import pairs
from facebench.report.board.draft import Draft, Rows, compare_rows, draft
from facebench.report.board.mean_ranks import mean_ranks
from facebench.report.board.model import (
    Board,
    BoardRow,
    Cell,
    Column,
    Floor,
    Leaderboard,
    Pairs,
)
from facebench.report.board.printed_rows import printed_rows
from facebench.report.board.provenance import runs_of
from facebench.report.budget import learning_of, method_key, shared_budget
from facebench.report.configurations import differences
from facebench.report.entries import (
    MethodEntry,
    entries,
    main_metric,
)
from facebench.report.groups import Group, as_in_papers
from facebench.report.reference import is_as_printed
from facebench.results.scores import KINDS
from facebench.results.stats.comparison import keep_draws_of
from facebench.results.store import Result
from facebench.runtime.garbage import collected_seldom
from facebench.runtime.pool import let_end, worth_starting


@collected_seldom()
def leaderboard(
    results: Iterable[Result], root: Path, *, beside: Path | None = None, processes: int = 1
) -> Leaderboard:
    """Build the leaderboard.

    Args:
        results: Stored results, in any order.
        root: Folder of the results; paths of files are relative to it.
        beside: Folder of the page, which links to results that are near it.
        processes: How many draw the test items of many results again.

    Raises:
        StageError: A result or its predictions cannot be used.
    """
    ordered = sorted(
        results,
        key=lambda result: result.path.relative_to(root).as_posix(),
    )
    runs, pools = runs_of(ordered, root)
    places = {result.path: place for place, result in enumerate(ordered)}
    found = entries(ordered)
    both = [Rows.of(synthetic, found) for synthetic in (False, True)]
    computed_anew = keep_draws_of((r for rows in both for r in rows.drawn_again()), processes)
    drafts = [draft(rows) for rows in both]
    computing = worth_starting(computed_anew, processes)
    compare_rows(drafts, computing)
    let_end(computing)  # which takes 0.2 s, as long as what follows
    boards = [_board(made, places) for made in drafts]
    return Leaderboard(
        boards=tuple(board for board in boards if board.rows),
        results=runs,
        origins=tuple(pools.origins.values),
        datasets=tuple(pools.datasets.values),
        environments=tuple(pools.environments.values),
        options=tuple(pools.options.values),
        layouts=tuple(pools.layouts.values),
        base="" if beside is None else _seen_from(beside, root),
    )


def _seen_from(folder: Path, root: Path) -> str:
    """Return where results are, seen from a folder; empty if more than two folders up.

    Results that are elsewhere on a machine are not moved together with the page.
    """
    try:
        base = Path(os.path.relpath(root.absolute(), folder.absolute())).as_posix()
    except ValueError:  # on another drive
        return ""
    return "" if base.startswith("../../..") else base


def _board(made: Draft, places: Mapping[Path, int]) -> Board:
    groups, members = made.rows.groups, made.rows.members
    cells: dict[str, dict[str, Cell]] = defaultdict(dict)
    for group, columns in made.columns.items():
        found = cells_of(group, columns, members, made.scored[group], made.met[group], places)
        for key, of_entry in found.items():
            cells[key] |= of_entry
    details = differences(members)
    rows = [
        _row(made.ids[entry.key], place, entry, details[entry.key], cells[entry.key])
        for place, entry in enumerate(members)
    ]
    shared = shared_budget(((entry.title, entry) for entry in members), learning_of)
    of_papers = [
        column
        for group, columns in made.columns.items()
        for column in columns
        if as_in_papers(groups[group].record)
    ]
    return Board(
        synthetic=made.rows.synthetic,
        budget="" if shared is None else shared.learning(),
        columns=made.all_columns,
        rows=tuple(rows),
        floors=_floors(groups, made.columns),
        printed=() if made.rows.synthetic else printed_rows(of_papers),
        pairs=_pairs(made),
        ranks={kind: mean_ranks(of_kind) for kind, of_kind in made.ranked.items()},
    )


def _pairs(made: Draft) -> dict[str, dict[str, Pairs]]:
    """Compare every two rows of one budget by the main metric of each group."""
    found: dict[str, dict[str, Pairs]] = {kind: {} for kind in KINDS}
    for group, result in made.rows.groups.items():
        (column,) = (column for column in made.columns[group] if column.headline)
        for kind in KINDS:
            compared = pairs(made.met[group][kind], main_metric([result]), made.ids)
            if compared is not None:
                found[kind][column.id] = compared
    return found


def _row(
    row: str, place: int, entry: MethodEntry, detail: str, cells: Mapping[str, Cell]
) -> BoardRow:
    data = entry.all_results[0].record.pretrain.data
    learning = learning_of(entry)
    kind = " (synthetic)" if data and data.synthetic else ""
    return BoardRow(
        id=row,
        order=place,
        method=entry.title,
        method_key=" ".join(part for part in method_key(entry) if part),
        as_printed=is_as_printed(entry.title, entry.configuration["options"]),
        feature=entry.feature,
        backbone=entry.backbone,
        preset=entry.preset,
        data=f"{entry.pretrain_data}{kind}" if entry.pretrain_data else entry.pretraining,
        pretraining=entry.pretraining,
        images=learning.images if learning.data else 0,
        budget=learning.learning() if learning.data else "",
        detail=detail,
        seeds=entry.seeds,
        cells=cells,
    )


def _floors(
    groups: Mapping[Group, Result], heads: Mapping[Group, Sequence[Column]]
) -> tuple[Floor, ...]:
    lines: dict[str, dict[str, float]] = defaultdict(dict)
    for group, result in groups.items():
        scales = {metric.name: metric.scale for metric in shown_metrics(result)}
        for name, values in result.record.floors.items():
            for column in heads[group]:
                if math.isfinite(values.get(column.name, math.nan)):
                    shown = scales[column.name] * values[column.name]
                    lines[name][column.id] = round(shown, KEPT)
    return tuple(Floor(name=name, cells=cells) for name, cells in lines.items() if cells)
