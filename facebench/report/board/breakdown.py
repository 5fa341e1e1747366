"""Scores within a result: by class, by action unit, by yaw, by fold, and further metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from facebench.results.record import Record
from facebench.results.scores import KINDS

# Metrics that protocols store beside those of a paper's columns; all are shares.
_FURTHER = {
    "macro_f1": "Macro F1 (%)",
    "balanced_accuracy": "Balanced accuracy (%)",
    "f1_pooled": "F1 of all folds together (%)",
    "roc_auc": "Area under the ROC curve (%)",
}
_TAR = "tar_at_far_"  # followed by the rate of false acceptances
_DIGITS = 4

Values = Sequence[float | None]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One breakdown of a result's scores.

    Args:
        title: What it is, with the unit.
        names: Names of classes, ranges, folds or metrics.
        counts: Number of test items of each; None where it is not stored.
        honest: Score of each, validated; None where it has no value.
        paper: Likewise, test-selected.
    """

    title: str
    names: tuple[str, ...]
    counts: tuple[int, ...] | None
    honest: tuple[float | None, ...]
    paper: tuple[float | None, ...]


def breakdowns(record: Record, classes: Sequence[str] = ()) -> list[Part]:
    """Return what a result stores of its scores beside those of its columns.

    Args:
        record: The result.
        classes: Names of its task's classes in label order; numbers stand for them where they are
            unknown, or not as many as the result has.
    """
    return [
        *_columns(record),
        *_further(record),
        *_classes(record, classes),
        *_yaw(record),
        *_folds(record),
    ]


def _part(
    title: str,
    names: Sequence[str],
    values: Sequence[Values],
    *,
    counts: Sequence[int] | None = None,
    scale: float = 1.0,
) -> Iterator[Part]:
    """Yield a part, if it has names and a value of each for both kinds of scores."""
    if not names or any(len(of_kind) != len(names) for of_kind in values):
        return
    honest, paper = (
        tuple(None if v is None else round(scale * v, _DIGITS) for v in of_kind)
        for of_kind in values
    )
    yield Part(
        title=title,
        names=tuple(names),
        counts=None if counts is None else tuple(counts),
        honest=honest,
        paper=paper,
    )


def _of_both(record: Record, key: str) -> list[Any]:
    return [record.scores.of(kind).value(key) for kind in KINDS]


def _columns(record: Record) -> Iterator[Part]:
    """Yield the metrics of all columns, where there are several."""
    columns = record.task.columns
    if len(columns) > 1:
        values = [
            [None if (v := record.scores.of(kind).value(c.name)) is None else c.scale * v
             for c in columns]
            for kind in KINDS
        ]  # fmt: skip
        yield from _part("All columns", [column.title for column in columns], values)


def _further(record: Record) -> Iterator[Part]:
    blocks = [record.scores.of(kind) for kind in KINDS]
    shown = {column.name for column in (*record.task.columns, record.task.main_metric)}
    stored = [name for name in blocks[0].plain() if name not in shown]
    titles = {name: _FURTHER[name] for name in _FURTHER if name in stored}
    rates = sorted(
        (name for name in stored if name.startswith(_TAR)),
        key=lambda name: float(name.removeprefix(_TAR)),
    )
    titles |= {name: f"True acceptances at FAR {name.removeprefix(_TAR)} (%)" for name in rates}
    values = [[block.value(name) for name in titles] for block in blocks]
    yield from _part("Further metrics", list(titles.values()), values, scale=100)


def _classes(record: Record, classes: Sequence[str]) -> Iterator[Part]:
    values, tables = _of_both(record, "class_recalls"), _of_both(record, "confusion")
    if any(of_kind is None for of_kind in (*values, *tables)):
        return
    counts = [sum(row) for row in tables[0]]
    numbers = [f"class {number}" for number in range(len(counts))]
    names = classes if len(classes) == len(counts) else numbers
    yield from _part("Recall by class (%)", names, values, counts=counts, scale=100)


def _yaw(record: Record) -> Iterator[Part]:
    found, metric = record.details.errors_by_yaw, record.task.main_metric
    if not found or not all(found.get(kind) for kind in KINDS):
        return
    ranges = found["honest"]
    values = [[one.value(metric.name) for one in found[kind]] for kind in KINDS]
    yield from _part(
        f"{metric.title} by yaw",
        [f"{one.start:g}° to {one.to:g}°" for one in ranges],
        values,
        counts=[one.n for one in ranges],
        scale=metric.scale,
    )


def _folds(record: Record) -> Iterator[Part]:
    for key, title in (
        ("accuracy_by_fold", "Accuracy by fold (%)"),
        ("f1_by_fold", "F1 by fold (%)"),
    ):
        values = _of_both(record, key)
        if all(of_kind is not None for of_kind in values):
            names = [f"fold {number + 1}" for number in range(len(values[0]))]
            yield from _part(title, names, values, scale=100)
