"""Which rows and scores figures of several results show: panels of comparable ones, with names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from facebench.errors import DataError
from facebench.report.configurations import condition_notes, entry_names
from facebench.report.entries import MethodEntry, Score, entries, main_metric, scores
from facebench.report.figures.title import group_title
from facebench.report.groups import Group, as_in_papers
from facebench.results.record import Record
from facebench.results.store import Result
from facebench.task import Metric


@dataclass(frozen=True)
class ScoredRow:
    """One configuration in a panel: a mean over its seeds."""

    name: str
    entry: MethodEntry
    score: Score

    @property
    def metric(self) -> Metric:
        """Return the metric of the score."""
        return self.score.metric

    @property
    def value(self) -> float:
        """Return the validated score on the printed scale; NaN if there is none."""
        shown = self.score.shown(self.score.honest)
        return float("nan") if shown is None else shown

    @property
    def ends(self) -> tuple[float, float]:
        """Return its 95 % interval over test items on the printed scale; NaN if there is none."""
        scale = self.metric.scale
        low, high = self.score.interval or (float("nan"), float("nan"))
        return scale * low, scale * high


@dataclass(frozen=True)
class Panel:
    """One group of comparable results by its main metric.

    Args:
        group: The group.
        record: One of its results.
        metric: Its main metric.
        note: What tells it from other groups of the task; empty if there is no other.
        rows: Everyone who has a score, the best first.
    """

    group: Group
    record: Record
    metric: Metric
    note: str
    rows: tuple[ScoredRow, ...]

    @property
    def title(self) -> str:
        """Return task, kind of data, and what tells it from other groups."""
        return f"{group_title(self.record)}{f' ({self.note})' if self.note else ''}"

    def floors(self) -> dict[str, float]:
        """Return the scores without a representation, on the printed scale."""
        name, scale = self.metric.name, self.metric.scale
        return {
            floor: scale * values[name]
            for row in self.rows
            for floor, values in row.score.results[0].record.floors.items()
            if name in values
        }

    def floor(self) -> tuple[str, float] | None:
        """Return the strongest of them."""
        best = max if self.metric.higher_is_better else min
        found = self.floors()
        return best(found.items(), key=lambda item: item[1]) if found else None


def panels(results: Iterable[Result], figure: str) -> list[Panel]:
    """Return the groups of comparable results that have some rows.

    Args:
        results: Stored results.
        figure: Name of the figure, for messages.

    Raises:
        DataError: No result has a validated score.
        StageError: Predictions are missing.
    """
    found = entries(results)
    names = entry_names(found)
    groups: dict[Group, list[Result]] = defaultdict(list)
    for entry in found:
        for group, of_entry in entry.results.items():
            groups[group] += of_entry
    notes = condition_notes({group: of_group[0] for group, of_group in groups.items()})
    shown = []
    for group, of_group in groups.items():
        metric = main_metric(of_group)
        rows = [
            ScoredRow(names[entry.key], entry, scores(entry, group)[metric.name])
            for entry in found
            if group in entry.results
        ]
        rows = [row for row in rows if row.score.honest is not None]
        rows.sort(key=lambda row: row.value, reverse=metric.higher_is_better)
        if rows:
            panel = Panel(group, of_group[0].record, metric, notes[group], tuple(rows))
            shown.append(panel)
    if not shown:
        raise DataError(
            f"figure {figure}: found no result with a validated score; expected one or more."
        )
    return sorted(shown, key=lambda panel: (panel.record.task.synthetic, panel.group))


def usual(panel: Panel) -> bool:
    """Return whether a panel is of a task as papers evaluate it: whole, by the usual probe."""
    learned = panel.record.of_pairs and panel.record.spec.probe.verification != "cosine"
    return as_in_papers(panel.record) and not learned


def one_for_each_task(found: Sequence[Panel]) -> list[Panel]:
    """Return of each task and kind of data the panel with the most rows, the usual one if equal."""
    best: dict[tuple[str, bool], Panel] = {}
    for panel in found:
        key = (panel.record.task.name, panel.record.task.synthetic)
        other = best.get(key)
        if other is None or _weight(panel) > _weight(other):
            best[key] = panel
    return list(best.values())


def _weight(panel: Panel) -> tuple[int, bool]:
    return len(panel.rows), usual(panel)
