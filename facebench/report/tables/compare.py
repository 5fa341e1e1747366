"""Comparison of two results on the same test items, with intervals and significance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from facebench.errors import StageError
from facebench.protocol import ScoreKind
from facebench.report import signed
from facebench.report.entries import main_metric, metrics
from facebench.report.groups import alignment_of, alignment_words, comparable, compared_size
from facebench.report.tables.comparison import differences, heading, p_value, remarks, sides
from facebench.results.scores import SHOWN, shown_kind
from facebench.results.stats.common_items import aligned
from facebench.results.stats.contest import Difference
from facebench.results.stats.decisions import decided, right
from facebench.results.stats.significance import McNemar, mcnemar
from facebench.results.stats.statistics import contests
from facebench.results.store import Result
from facebench.task import Metric

KINDS: tuple[ScoreKind, ...] = ("honest", "paper")


@dataclass(frozen=True, kw_only=True)
class ComparedMetric:
    """One metric of two results; values as stored, not scaled.

    Args:
        kind: Kind of score, ``honest`` or ``paper``.
        metric: Name, title, direction and scale.
        first: Value of the first.
        second: Value of the second.
        difference: First less second.
    """

    kind: ScoreKind
    metric: Metric
    first: float
    second: float
    difference: Difference


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two results on the same test items.

    Args:
        first: The first result.
        second: The second result.
        items: Number of test items that both scored; values are over these.
        drawn: Unit of the bootstrap.
        metrics: Compared metrics, honest ones first, each starting with the main metric.
        decisions: Numbers of correct items of both, by kind of score; empty where items are not
            simply right or wrong.
        warnings: Sentences on what makes the difference one of more than the methods: unequal
            budgets of learning.
    """

    first: Result
    second: Result
    items: int
    drawn: str
    metrics: tuple[ComparedMetric, ...]
    decisions: dict[ScoreKind, McNemar]
    warnings: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return a row per metric, values as stored: accuracies in 0..1, errors in degrees.

        ``difference`` is first less second, with its 95 % interval from ``low`` to ``high``; ``p``
        is two-sided and comes from ``test``.
        """
        return pd.DataFrame([_row(one) for one in self.metrics])

    def __repr__(self) -> str:
        """Return a line for each result and each metric, values as tables show them."""
        protocol = self.first.record.task.protocol[0]
        lines = [
            f"Comparison on {self.items:,} test items; intervals over {self.drawn}",
            *(f"  {line}" for line in sides(self)),
        ]
        for one in self.metrics:
            scale, found = one.metric.scale, one.difference
            lines.append(
                f"  {shown_kind(one.kind, protocol)} {one.metric.title}: "
                f"{scale * one.first:.2f} and {scale * one.second:.2f}, A − B "
                f"{signed(scale * found.value)} [{signed(scale * found.low)}, "
                f"{signed(scale * found.high)}]"
                f", p {p_value(found.p)} ({found.test})"
            )
        return "\n".join([*lines, *(f"  note: {text}" for text in self.warnings)])

    def _repr_html_(self) -> str:
        """Return the comparison as ``facebench compare`` prints it, as a table for a notebook."""
        title = f"{heading(self)}: {self.items:,} test items"
        notes = (*sides(self), *remarks(self))
        return differences(self, title, notes)._repr_html_()


def compare(first: Result, second: Result) -> Comparison:
    """Compare two results of one group of comparable results.

    Raises:
        StageError: They have other tasks, versions or conditions, which the message names; or their
            predictions are missing or not of one test set.
    """
    if len(comparable([first, second])) > 1:
        reasons = "; ".join(_what_differs(first, second))
        raise StageError(
            f"{first.path.name} and {second.path.name} cannot be compared: {reasons}; expected the "
            "same task, version and conditions. Run both alike."
        )
    frames = aligned([first.stored_predictions, second.stored_predictions])
    compared = {m.name: m for m in (main_metric([first]), *metrics([first]))}
    found, drawn = [], ""
    for kind in KINDS:
        for name, contest in contests([[first], [second]], list(compared.values()), kind).items():
            drawn = contest.unit
            found.append(
                ComparedMetric(
                    kind=kind,
                    metric=compared[name],
                    first=float(contest.values[0]),
                    second=float(contest.values[1]),
                    difference=contest.difference(0, 1),
                )
            )
    decisions = {}
    if "accuracy" in compared and all(decided(frame) for frame in frames):
        decisions = {kind: mcnemar(*(right(frame, kind) for frame in frames)) for kind in KINDS}
    return Comparison(
        first=first,
        second=second,
        items=len(frames[0]),
        drawn=drawn,
        metrics=tuple(found),
        decisions=decisions,
        warnings=tuple(_unequal_budgets(first, second)),
    )


def _unequal_budgets(first: Result, second: Result) -> Iterator[str]:
    """Yield a warning where both learned, and not from the same number of the same images."""
    budgets = []
    for result in (first, second):
        pretrain, size = result.record.pretrain, result.spec.pretrain.image_size
        if pretrain.data is None:
            return
        budgets.append(f"{pretrain.images_seen:,} images of {pretrain.data.name} at {size} px")
    if budgets[0] != budgets[1]:
        yield (
            f"unequal budgets: A learned from {budgets[0]}, B from {budgets[1]}; the difference is "
            "not one of the methods alone"
        )


def _row(one: ComparedMetric) -> dict[str, object]:
    found = one.difference
    return {
        "kind": SHOWN[one.kind],
        "metric": one.metric.name,
        "first": one.first,
        "second": one.second,
        "difference": found.value,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "test": found.test,
    }


def _alignments(first: Result, second: Result) -> list[object]:
    """Return how the images of both were aligned; the same twice if it is the same."""
    found = [alignment_of(one.record) for one in (first, second)]
    words = [alignment_words(one.record) for one in (first, second)]
    if found[0] == found[1]:
        return [words[0]] * 2
    if words[0] == words[1]:  # landmarks of one name that are not the same
        words = [f"{w}, landmarks {f['identity']}" for w, f in zip(words, found, strict=True)]
    return list(words)


def _what_differs(first: Result, second: Result) -> Iterator[str]:
    """Yield the differences that make two results not comparable."""
    tasks = [result.record.task for result in (first, second)]
    specs = [result.spec for result in (first, second)]
    pairs: dict[str, list[object]] = {
        "task": [task.name for task in tasks],
        "version of the task": [task.version for task in tasks],
        "protocol": [" version ".join(map(str, task.protocol)) for task in tasks],
        "data": ["synthetic" if task.synthetic else "real" for task in tasks],
        "size of images": [compared_size(one.record) for one in (first, second)],
        "alignment": _alignments(first, second),
        "limit": [spec.limit for spec in specs],
        "verification": [spec.probe.verification for spec in specs],
        **{
            f"probe.{name}": [spec.probe.other().get(name) for spec in specs]
            for name in dict.fromkeys(name for spec in specs for name in spec.probe.other())
        },
    }
    if tasks[0].name == tasks[1].name:
        names = dict.fromkeys(name for spec in specs for name in spec.task_options)
        for name in names:
            pairs[f"option {name}"] = [spec.task_options.get(name) for spec in specs]
    for what, (a, b) in pairs.items():
        if a != b:
            yield f"{what} {a} and {b}"
