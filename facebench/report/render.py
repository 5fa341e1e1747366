"""Tables of stored results beside the published numbers, one for each group of comparable ones.

A missing cell is a dash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from facebench.rendering.markdown import readable
from facebench.rendering.table import Cell, Column, Section, Table, cell, columns, spans
from facebench.report import DASH, signed
from facebench.report.groups import (
    Group,
    alignment_words,
    as_in_papers,
    comparable,
    leak_free,
    learned_from,
    printed_beside,
    task_title,
)
from facebench.report.marks import warnings_of
from facebench.results.record import Record
from facebench.results.scores import KINDS, SHOWN, Level, Scores, shown_kind
from facebench.results.stats.statistics import Interval, interval_of
from facebench.results.store import Result
from facebench.task import Metric


def tables(results: Sequence[Result]) -> list[Table]:
    """Return one table per group of comparable results."""
    return [_table(group, members) for group, members in comparable(results).items()]


def _table(group: Group, results: list[Result]) -> Table:
    task = results[0].record.task
    kind = "SYNTHETIC faces" if task.synthetic else "real data"
    metric = task.main_metric
    rows: list[Sequence[Cell]] = []
    for name, values in results[0].record.floors.items():
        if metric.name in values:
            value = f"{metric.scale * values[metric.name]:.2f}"
            rows.append([cell(name, "dim"), cell(value), *[cell(DASH)] * 4])
    warned, marks = warnings_of({result.path: [result] for result in results})
    for result in results:
        rows += [row(result, marks[result.path]), *_leak_free_rows(result.record)]
    how = shown_kind("paper", task.protocol[0])
    # Two short lines, for a terminal's width.
    selected = how.replace("-", "-\n").replace(" ", "\n")
    headings = (SHOWN["honest"], "95 % interval", selected, "gap", "published")
    return Table(
        title=f"{task_title(results[0].record)} (version {task.version}), {kind}: {metric.title}",
        columns=(Column(heading="method"), *columns(*headings, numeric=True, wrap="never")),
        sections=(Section("", tuple(map(tuple, rows))),),
        notes=(*caption(results).splitlines(), *warned, f"gap: {how} less {SHOWN['honest']}"),
    )


def row(result: Result, marks: str = "") -> list[Cell]:
    """Return the cells of one result; the first describes the run in two short lines.

    Args:
        result: The result.
        marks: Letters of the notes that are about it, `` [a,b]``, or an empty text.
    """
    record, spec, metric = result.record, result.spec, result.metric
    mark = "\nsynthetic" if record.task.synthetic else ""
    who = spans(
        (record.method.title, "bold"),
        (f" {spec.extract.feature}, seed {spec.seed}{marks}", ""),
        (f"\n{spec.backbone}{learned_from(record)}", "dim"),
    )
    numbers = _numbers(record.scores, metric, mark, interval_of(result, metric))
    return [who, *numbers, cell(_printed(record, metric.name))]


def _leak_free_rows(record: Record) -> Iterator[list[Cell]]:
    metric = record.task.main_metric
    for name, level in leak_free(record):
        # Up to format 3 intervals of pairs are over pairs, and look narrower than the one above.
        alike = record.drawn_alike or not record.of_pairs
        ends = level.honest.ends(metric.name) if alike else None
        cells = _numbers(level, metric, "", ends)
        yield [cell(f"  {name}", "dim"), *cells, cell(DASH)]


def _numbers(
    scores: Scores | Level, metric: Metric, mark: str, ends: Interval | None
) -> list[Cell]:
    """Return honest, its interval, paper, and the gap."""
    honest, paper = (block.value(metric.name) for block in (scores.honest, scores.paper))
    scale = metric.scale
    return [
        cell(f"{scale * honest:.2f}{mark}"),
        cell(DASH if ends is None else f"{scale * ends[0]:.2f} to {scale * ends[1]:.2f}"),
        cell(f"{scale * paper:.2f}{mark}"),
        cell(signed(scale * (paper - honest))),
    ]


def _printed(record: Record, metric: str) -> str:
    number = printed_beside(record, metric)
    if number is None:
        return DASH
    star = "*" if number.reproduced else ""
    return f"{number.value:.2f}{star}"


def caption(results: Sequence[Result], *, published: bool = True) -> str:
    """Return the caption of a table: preset, source of printed numbers, alignment.

    Args:
        results: Results of the table.
        published: Whether it has a column of published numbers.
    """
    notes = []
    presets = f"preset {', '.join(sorted({result.spec.preset for result in results}))}"
    real = [result.record for result in results if not result.record.task.synthetic]
    if published and any(map(as_in_papers, real)):
        presets += "; published: PCL, CVPR 2023 (* reproduced by its authors)"
    notes.append(presets)
    if any(result.record.task.synthetic for result in results):
        notes.append("synthetic stand-in: published numbers are of real data, and are not shown")
    if any(record.spec.limit for record in real):
        notes.append("part of a test set: published numbers are of all of it, and are not shown")
    for result in results:
        if result.record.task.alignment is not None:
            notes.append(f"images aligned: {alignment_words(result.record)}")
    return "\n".join(dict.fromkeys(notes))


UNSEALED = "none: an earlier version wrote it; facebench results validate computes its scores again"


def detail_rows(record: Record, classes: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return what ``facebench show`` lists of one result, as name and value.

    Args:
        record: Its record.
        classes: Names of the task's classes, where they are known.
    """
    environment, leaks = record.environment, record.task.leaks
    rows = [
        ("scored", f"{record.n_scored:,} of {record.n_test:,} test items"),
        (
            "dataset",
            f"fingerprint {record.task.fingerprint[:16]}, {_counts(record)}",
        ),
        ("alignment", _alignment(record)),
        (
            "leaks",
            f"{leaks.exact:,} exact and {leaks.near:,} near duplicates between {leaks.between}, "
            f"of {leaks.tested:,} {leaks.unit}s",
        ),
        ("stages", ", ".join(f"{name} {key[:16]}" for name, key in record.stages.plain().items())),
        ("seconds", ", ".join(f"{n} {value:,.1f}" for n, value in record.seconds.plain().items())),
        ("device", f"{environment.device}, commit {environment.git_commit or DASH}"),
        ("written", record.created),
        ("seal", record.seal.record if record.seal else UNSEALED),
    ]
    for kind in KINDS:
        block = record.scores.of(kind)
        for name, interval in block.intervals.items():
            names = classes if name == "class_recalls" else ()
            value = _value(block.value(name), interval, _scale(record, name), names)
            rows.append((f"{shown_kind(kind, record.task.protocol[0])} {name}", value))
    return rows


def _alignment(record: Record) -> str:
    found = record.task.alignment
    words = alignment_words(record)
    if found is None or found.faces is None:
        return words
    return f"{words}, {found.faces:,} faces, {found.not_found:,} not found"


def _counts(record: Record) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in record.task.counts.items())


def _scale(record: Record, name: str) -> float:
    """Return the factor to the printed value; that of the main metric where none is declared."""
    task = record.task
    return {metric.name: metric.scale for metric in task.columns}.get(name, task.main_metric.scale)


def _value(value: Any, interval: Any, scale: float, names: Sequence[str] = ()) -> str:
    """Return a value with its interval; of several, one a line where each has a name."""
    if isinstance(value, tuple | list):  # a list of a protocol whose scores have no model here
        cells = zip(value, *interval, strict=True)
        texts = [_value(one, [low, high], scale) for one, low, high in cells]
        if len(names) != len(texts):
            return ", ".join(texts)
        named = zip(names, texts, strict=True)
        return "\n".join(f"{readable(name)} {text}" for name, text in named)
    if value is None:
        return DASH
    if None in interval:
        return f"{scale * value:.2f}"
    return f"{scale * value:.2f} [{scale * interval[0]:.2f}, {scale * interval[1]:.2f}]"
