"""The table at the end of a run: a line for each method, a mean over its seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from facebench.rendering.table import Cell, Column, Section, Table, cell, columns
from facebench.report import DASH
from facebench.report.configurations import entry_names
from facebench.report.entries import MethodEntry, Score, entries, main_metric, scores
from facebench.report.groups import Group, comparable, leak_free, task_title
from facebench.report.marks import warnings_of
from facebench.report.render import caption
from facebench.results.scores import SHOWN, shown_kind
from facebench.results.store import Result


def summary_tables(results: Sequence[Result]) -> list[Table]:
    """Return one table for each group of comparable results; 80 columns hold a usual line.

    Args:
        results: Those of a run, in its order.

    Raises:
        StageError: Predictions of several seeds cannot be brought together.
    """
    found = entries(results)
    order = {id(result): place for place, result in enumerate(results)}
    found.sort(key=lambda entry: min(order[id(result)] for result in entry.all_results))
    names = entry_names(found)
    return [
        _table(group, of_group, [e for e in found if group in e.results], names)
        for group, of_group in comparable(results).items()
    ]


def _table(
    group: Group, results: list[Result], found: Sequence[MethodEntry], names: dict[str, str]
) -> Table:
    task, metric = results[0].record.task, main_metric(results)
    kind = "SYNTHETIC faces" if task.synthetic else "real data"
    rows = [
        [cell(name, "dim"), cell(f"{metric.scale * values[metric.name]:.2f}"), *[cell(DASH)] * 3]
        for name, values in results[0].record.floors.items()
        if metric.name in values
    ]
    warned, marks = warnings_of({entry.key: entry.results[group] for entry in found})
    for entry in found:
        of_group = scores(entry, group)[metric.name]
        rows += [_row(names[entry.key], of_group, marks[entry.key]), *_without_leaks(of_group)]
    selected = shown_kind("paper", task.protocol[0]).replace("-", "-\n").replace(" ", "\n")
    headings = (SHOWN["honest"], "95 % interval", selected, "published")
    several = any(len(entry.results[group]) > 1 for entry in found)
    seeds = ["(n): a mean over n seeds, ± their standard deviation"] if several else []
    return Table(
        title=f"{task_title(results[0].record)} (version {task.version}), {kind}: {metric.title}",
        columns=(Column(heading="method"), *columns(*headings, numeric=True, wrap="never")),
        sections=(Section("", tuple(map(tuple, rows))),),
        dense=True,
        notes=(
            *[_origin(names[entry.key], entry) for entry in found],
            *seeds,
            *caption(results).splitlines(),
            *warned,
        ),
    )


def _origin(name: str, entry: MethodEntry) -> str:
    """Return what a row's features are computed by, and what that learned from."""
    said = [part for part in (entry.backbone, entry.pretraining) if part not in name]
    return f"{name}: {', '.join(said)}"


def _row(name: str, score: Score, marks: str) -> list[Cell]:
    seeds, record = len(score.results), score.results[0].record
    who = (f"{name} ({seeds})" if seeds > 1 else name) + marks
    printed = score.printed
    star = printed is not None and printed.reproduced
    low, high = map(score.shown, score.interval or (None, None))
    return [
        cell(f"{who}, SYNTHETIC" if record.task.synthetic else who),
        cell(_number(score.shown(score.honest), score.shown(score.std))),
        cell(DASH if low is None or high is None else f"{low:.2f} to {high:.2f}"),
        cell(_number(score.shown(score.paper), None)),
        cell(DASH) if printed is None else cell(f"{printed.value:.2f}", star=star),
    ]


def _without_leaks(score: Score) -> Iterator[list[Cell]]:
    """Yield a line for each set of leaking items that were left out, a mean over seeds."""
    metric = score.metric
    of_seeds = [dict(leak_free(result.record)) for result in score.results]
    for name in of_seeds[0]:
        levels = [levels[name] for levels in of_seeds if name in levels]
        honest, paper = (
            metric.scale * fmean(level.of(kind).value(metric.name) for level in levels)
            for kind in ("honest", "paper")
        )
        yield [
            cell(f"  {name}", "dim"), cell(f"{honest:.2f}"), cell(DASH), cell(f"{paper:.2f}"),
            cell(DASH),
        ]  # fmt: skip


def _number(value: float | None, std: float | None) -> str:
    if value is None:
        return DASH
    return f"{value:.2f}" if std is None else f"{value:.2f} ± {std:.2f}"
