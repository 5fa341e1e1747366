"""Tables of a sweep: its plan, and its results with a row per setting and a column per task."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from facebench.pipeline.plan import Step
from facebench.rendering.table import Cell, Column, Section, Table, cell
from facebench.rendering.table import columns as same_columns
from facebench.report import DASH
from facebench.report.groups import Group, alignment_words, comparable, task_title
from facebench.report.marks import warnings_of
from facebench.report.render import caption
from facebench.results.store import Result
from facebench.sweep.entries import SweepEntry
from facebench.sweep.plan import PlannedRun, SweepPlan


@dataclass(frozen=True, kw_only=True)
class SettingRow:
    """One row of the table of results.

    Args:
        label: Description of the setting.
        floor: Whether it is a baseline without learning.
        printed: Task -> score printed in the paper.
        keys: Keys of its runs, for each task and seed.
    """

    label: str
    floor: bool
    printed: Mapping[str, float]
    keys: tuple[str, ...]


def rows(entries: Sequence[SweepEntry], plan: SweepPlan) -> list[SettingRow]:
    """Return the rows of a sweep, baselines first.

    Grid points that give a method the same runs are merged into one row, labelled by their common
    values: an untrained backbone has no temperature. Baselines of different settings are merged,
    too.
    """
    runs: dict[tuple[int, str], list[str]] = defaultdict(list)
    first: dict[tuple[int, str], SweepEntry] = {}
    for entry, key in zip(entries, plan.keys, strict=True):
        runs[entry.setting, entry.title].append(key)
        first.setdefault((entry.setting, entry.title), entry)
    equal: dict[tuple[str, str, tuple[str, ...]], list[SweepEntry]] = defaultdict(list)
    for place, entry in first.items():
        name = "" if entry.floor else entry.name
        equal[entry.title, name, tuple(runs[place])].append(entry)
    found = [_row(members, keys) for (_, _, keys), members in equal.items()]
    return sorted(found, key=lambda row: not row.floor)


def _row(entries: Sequence[SweepEntry], keys: tuple[str, ...]) -> SettingRow:
    entry = entries[0]
    name = entry.name if all(other.name == entry.name for other in entries) else ""
    agreed = [part for part in entry.point if all(part in other.point for other in entries)]
    parts = [*([] if entry.alone else [entry.title]), name, *agreed]
    label = ", ".join(part for part in parts if part)
    return SettingRow(label=label, floor=entry.floor, printed=entry.printed, keys=keys)


def run_labels(entries: Sequence[SweepEntry], plan: SweepPlan) -> dict[str, str]:
    """Return key of each run -> label of the first row that it belongs to."""
    labels: dict[str, str] = {}
    for row in rows(entries, plan):
        for key in row.keys:
            labels.setdefault(key, row.label)
    return labels


def plan_tables(entries: Sequence[SweepEntry], plan: SweepPlan) -> list[Table]:
    """Return the tables of ``--dry-run``: the stages of every run, and their counts."""
    return [_runs_table(plan.runs, run_labels(entries, plan)), _counts_table(plan)]


def _runs_table(runs: Sequence[PlannedRun], labels: Mapping[str, str]) -> Table:
    lines: list[tuple[Cell, ...]] = []
    seen: set[Step] = set()
    for run in runs:
        cells = [_state(run, stage, seen) for stage in run.stages] or [cell("cannot run", "bad")]
        words = (labels[run.key], run.spec.task, str(run.spec.seed))
        lines.append((*map(cell, words), *cells))
        seen |= set(run.missing())
    return Table(
        title=f"{len(runs)} runs",
        columns=same_columns("setting", "task", "seed", "checkpoint", "features", "result"),
        sections=(Section("", tuple(lines)),),
    )


def _state(run: PlannedRun, stage: Step, seen: set[Step]) -> Cell:
    if stage.done:
        return cell("on disk", "good")
    if not run.waits:
        return cell(DASH, "dim")  # not needed, since the result exists
    return cell("shared", "note") if stage in seen else cell("to do")


def _counts_table(plan: SweepPlan) -> Table:
    lines = []
    names = {"pretrain": "pretrainings", "extract": "extractions", "probe": "evaluations"}
    for count in plan.counts():
        numbers = (count.runs, count.distinct, count.on_disk, count.to_do, count.shared)
        lines.append((cell(names[count.name]), *(cell(str(number)) for number in numbers)))
    headings = ("runs", "different", "on disk", "to do", "shared")
    return Table(
        title="stages",
        columns=(Column(heading=""), *same_columns(*headings, numeric=True)),
        sections=(Section("", tuple(lines)),),
    )


def result_tables(
    title: str, found: Sequence[SettingRow], results: Mapping[str, Result]
) -> list[Table]:
    """Return the results by setting, with separate tables for real and synthetic data.

    Args:
        title: Title of the sweep.
        found: Rows of the tables.
        results: Key of a run -> its result; runs that failed have none.
    """
    groups = comparable(results.values())
    tables = []
    for synthetic in (False, True):
        columns = {g: m for g, m in groups.items() if m[0].record.task.synthetic is synthetic}
        if columns:
            tables.append(_results_table(title, synthetic, found, results, columns))
    return tables


def _results_table(
    title: str,
    synthetic: bool,
    found: Sequence[SettingRow],
    results: Mapping[str, Result],
    columns: Mapping[Group, Sequence[Result]],
) -> Table:
    kind = "SYNTHETIC faces" if synthetic else "real data"
    everything = [result for members in columns.values() for result in members]
    with_print = {group for group in columns if any(group[0] in row.printed for row in found)}
    headings = []
    for group, members in columns.items():
        headings.append(_heading(members[0], several=_repeated(group, columns)))
        if group in with_print:
            headings.append("published")
    lines = []
    kept = {result.path for result in everything}
    warned, marks = warnings_of({
        place: [results[key] for key in row.keys if key in results and results[key].path in kept]
        for place, row in enumerate(found)
    })  # fmt: skip
    for place, row in enumerate(found):
        cells = [cell(row.label + marks[place], "dim" if row.floor else "bold")]
        for group, members in columns.items():
            paths = {member.path for member in members}
            own = [results[key] for key in row.keys if key in results]
            cells.append(cell(_score([result for result in own if result.path in paths])))
            if group in with_print:
                value = row.printed.get(group[0])
                cells.append(cell(DASH if value is None else f"{value:.2f}", "dim"))
        lines.append(tuple(cells))
    seeds = {result.spec.seed for result in everything}
    note = "validated score" + (
        ", mean ± standard deviation over seeds" if len(seeds) > 1 else f", seed {min(seeds)}"
    )
    return Table(
        title=f"{title or 'Sweep'}, {kind}",
        columns=(Column(heading="setting"), *same_columns(*headings, numeric=True)),
        sections=(Section("", tuple(lines)),),
        notes=(note, *caption(everything, published=bool(with_print)).splitlines(), *warned),
    )


def _repeated(group: Group, columns: Iterable[Group]) -> bool:
    return sum(other[0] == group[0] for other in columns) > 1


def _heading(result: Result, *, several: bool) -> str:
    metric, spec = result.metric, result.spec
    arrow = "↑" if metric.higher_is_better else "↓"
    lines = [task_title(result.record), f"{metric.title}{arrow}"]
    if several:  # results that are not comparable have separate columns
        limit = f", {spec.limit} items" if spec.limit else ""
        lines.append(f"at {spec.extract.image_size} px{limit}")
        if result.record.task.alignment is not None:
            lines.append(alignment_words(result.record))
    return "\n".join(lines)


def _score(results: Sequence[Result]) -> str:
    """Return mean ± sample standard deviation and the count of seeds, or a dash."""
    if not results:
        return DASH
    metric = results[0].metric
    values = [metric.scale * result.scores.honest.value(metric.name) for result in results]
    if len(values) == 1:
        return f"{values[0]:.2f}"
    spread = statistics.stdev(values)
    return f"{statistics.fmean(values):.2f} ± {spread:.2f} ({len(values)})"
