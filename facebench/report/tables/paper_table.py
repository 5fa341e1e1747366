"""The paper's tables with our numbers beside the printed ones, as data; ``table_formats`` draws.

Printed numbers are of real data, so they stand in tables of real data alone. Everything follows
from the result files: no clock, no path, no width of a terminal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from facebench.errors import UnknownNameError
from facebench.report.budget import learned_as_published, of_equal_budget
from facebench.report.configurations import condition_notes
from facebench.report.entries import MethodEntry, Score, entries, scores
from facebench.report.groups import Group, as_in_papers, task_title
from facebench.report.marks import warnings_of
from facebench.report.reference import PrintedLayout, layouts
from facebench.report.tables.lines import ablation_lines, judged_on_most, method_lines
from facebench.report.tables.matched import Rows, matched
from facebench.report.tables.model import PaperTable, TableCell, TableColumn, TableLine, TableRow
from facebench.report.tables.notes import run_texts, table_notes
from facebench.results.stats.contest import Contest
from facebench.results.stats.statistics import contests
from facebench.results.store import Result

FLOORS = "Trivial baselines"


def paper_tables(
    number: int | str, results: Sequence[Result], synthetic: bool | None = None, rows: Rows = "all"
) -> list[PaperTable]:
    """Lay out one of the paper's tables.

    Args:
        number: 1 to 7, of which 5 to 7 are ablations, or ``modern``.
        results: Stored results, in any order; those of other tasks are left out.
        synthetic: Only the table on synthetic data, or only that on real data; None: one for each
            that there are results of, and the printed numbers alone if there is none.
        rows: ``matched`` is one run for each method, see :func:`matched`; an ablation has all rows.

    Raises:
        UnknownNameError: There is no such table.
        StageError: Predictions are missing, or results in one column are not of one test set.
    """
    known = {str(name): layout for name, layout in layouts().items()}
    if str(number) not in known:
        raise UnknownNameError("table", str(number), known)
    layout = known[str(number)]
    tasks = {column.task for column in layout.columns}
    of_kind: dict[bool, list[Result]] = {False: [], True: []}
    for result in results:
        task = result.record.task
        if task.name in tasks:
            of_kind[task.synthetic].append(result)
    if synthetic is None:
        kinds = [kind for kind in (False, True) if of_kind[kind]] or [False]
    else:
        kinds = [synthetic]
    return [_table(layout, kind, of_kind[kind], rows) for kind in kinds]


def _table(
    layout: PrintedLayout, synthetic: bool, results: Sequence[Result], wanted: Rows
) -> PaperTable:
    found = entries(results)
    lines = ablation_lines(layout.number, found, synthetic=synthetic)
    choice = None
    if lines is None:
        candidates = judged_on_most(found)
        if wanted == "matched":
            choice = matched(candidates)
            candidates = [*choice.entries]
        lines = method_lines(layout, candidates, synthetic=synthetic)
    shown = list({line.entry.key: line.entry for line in lines if line.entry}.values())
    columns = _columns(layout, shown, synthetic)
    competing, budget = of_equal_budget(shown)
    met = _contests(columns, competing)
    best = [_best(column, competing, met) for column in columns]
    columns = tuple(replace(column, best_p=p) for column, (_, p) in zip(columns, best, strict=True))
    warned, marks = warnings_of({entry.key: entry.all_results for entry in shown})
    runs, shared = run_texts(lines, sizes=choice is not None)
    judged = {
        (entry.key, group): scores(entry, group)
        for entry in shown
        for group in entry.results
        if any(column.group == group for column in columns)
    }
    rows = [
        TableRow(
            section=line.section,
            name=line.name,
            run=run,
            marks=marks[line.entry.key] if line.entry else "",
            entry=line.entry,
            cells=tuple(
                _cell(line, column, judged, winner, layout)
                for column, (winner, _) in zip(columns, best, strict=True)
            ),
        )
        for line, run in zip(lines, runs, strict=True)
    ]
    floors = tuple(_floors(columns, shown))
    return PaperTable(
        layout=layout,
        synthetic=synthetic,
        columns=columns,
        # Below a heading: rows without one of their own stand above it.
        rows=(*floors, *rows) if all(row.section for row in rows) else (*rows, *floors),
        notes=table_notes(
            layout, synthetic, shown, found, columns, shared, met, choice, budget, warned
        ),
    )


def _columns(
    layout: PrintedLayout, shown: Sequence[MethodEntry], synthetic: bool
) -> tuple[TableColumn, ...]:
    """Each printed column, once for every group of comparable results of its task.

    Where no group is evaluated as in the paper, what is printed has a column of its own.
    """
    first: dict[Group, Result] = {}
    for entry in shown:
        for known, of_group in entry.results.items():
            first.setdefault(known, of_group[0])
    notes = condition_notes(first)
    by_task: dict[str, list[Group]] = defaultdict(list)
    for known in sorted(first):
        by_task[known[0]].append(known)
    columns = []
    for column in layout.columns:
        groups: list[Group | None] = [*by_task.get(column.task, [])]
        beside_ours = synthetic or any(
            group and as_in_papers(first[group].record) for group in groups
        )
        for group in groups if groups and beside_ours else [None, *groups]:
            note, of_paper = "", True
            if group is not None:
                of_paper = as_in_papers(first[group].record)
                record = first[group].record
                other = task_title(record).removeprefix(record.task.title).strip(", ")
                note = ", ".join(filter(None, (other, notes[group])))
            columns.append(
                TableColumn(
                    task=column.task,
                    metric=column.metric,
                    heading=column.heading,
                    note=note,
                    group=group,
                    of_paper=of_paper,
                )
            )
    return tuple(columns)


def _contests(
    columns: Sequence[TableColumn], competing: Sequence[MethodEntry]
) -> dict[Group, dict[str, Contest]]:
    """Compute the contests of our rows of each group, by its columns."""
    names: dict[Group, list[str]] = defaultdict(list)
    for column in columns:
        if column.group is not None:
            names[column.group].append(column.metric)
    met = {}
    for group, metrics in names.items():
        members = [entry.results[group] for entry in competing if group in entry.results]
        if not members:
            continue
        declared = members[0][0].record.task.columns
        shared = [metric for metric in declared if metric.name in metrics]
        met[group] = contests(members, shared) if shared else {}
    return met


def _best(
    column: TableColumn,
    competing: Sequence[MethodEntry],
    met: Mapping[Group, Mapping[str, Contest]],
) -> tuple[str, float | None]:
    """Return the key of the significantly best entry, if one is, and the p value behind that."""
    if column.group is None:
        return "", None
    contest = met.get(column.group, {}).get(column.metric)
    if contest is None:  # a result may lack a printed column
        return "", None
    p = contest.against_best().tolist()
    if not p:
        return "", None
    members = [entry for entry in competing if column.group in entry.results]
    winner = members[contest.best].key if contest.significantly_best() else ""
    return winner, max(p)


def _cell(
    line: TableLine,
    column: TableColumn,
    judged: Mapping[tuple[str, Group], Mapping[str, Score]],
    winner: str,
    layout: PrintedLayout,
) -> TableCell:
    number = line.printed.get((column.task, column.metric)) if column.of_paper else None
    cell = TableCell(
        printed=None if number is None else number.value,
        reproduced=number is not None and number.reproduced,
    )
    if line.entry is None or column.group is None:
        return cell
    score = judged.get((line.entry.key, column.group), {}).get(column.metric)
    if score is None:
        return cell
    low, high = score.interval or (None, None)
    return replace(
        cell,
        paper=score.shown(score.paper),
        paper_std=score.shown(score.paper_std),
        honest=score.shown(score.honest),
        honest_std=score.shown(score.std),
        low=score.shown(low),
        high=score.shown(high),
        best=line.entry.key == winner,
        as_published=(
            learned_as_published(line.entry, layout)
            and not any(result.spec.limit for result in score.results)
        ),
        seeds=tuple(result.spec.seed for result in score.results),
        results=tuple(result.path.name for result in score.results),
    )


def _floors(columns: Sequence[TableColumn], shown: Sequence[MethodEntry]) -> Iterator[TableRow]:
    """Yield the rows of trivial baselines, scores without any representation, from the results."""
    values: dict[str, dict[tuple[Group, str], float]] = defaultdict(dict)
    for entry in shown:
        for group, of_group in entry.results.items():
            record = of_group[0].record
            for metric in record.task.columns:
                for name, floor in record.floors.items():
                    if metric.name in floor:
                        values[name][group, metric.name] = metric.scale * floor[metric.name]
    for name, of_name in values.items():
        cells = tuple(
            TableCell()
            if column.group is None
            else TableCell(honest=of_name.get((column.group, column.metric)))
            for column in columns
        )
        if any(cell.honest is not None for cell in cells):
            yield TableRow(section=FLOORS, name=name, run="", entry=None, cells=cells)
