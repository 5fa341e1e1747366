"""The columns of a leaderboard: metrics of groups of comparable results, in the papers' order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from facebench.report.board.model import Column
from facebench.report.board.printed_rows import task_places
from facebench.report.configurations import condition_notes
from facebench.report.entries import MethodEntry, main_metric, metrics
from facebench.report.groups import Group, task_title
from facebench.results.scores import shown_kind
from facebench.results.store import Result
from facebench.task import Metric


def groups_of(synthetic: bool, found: Sequence[MethodEntry]) -> dict[Group, Result]:
    """Return the groups of a board in the order of the paper's tables, each with one result."""
    groups = {
        group: results[0]
        for entry in found
        for group, results in entry.results.items()
        if results[0].record.task.synthetic is synthetic
    }
    known = task_places()
    last = len(known)
    families: dict[str, int] = {}
    for group, result in groups.items():
        family = result.record.task.family
        families[family] = min(families.get(family, last), known.get(group[0], last))

    def order(item: tuple[Group, Result]) -> tuple[Any, ...]:
        group, family = item[0], item[1].record.task.family
        return families[family], family, known.get(group[0], last), group

    return dict(sorted(groups.items(), key=order))


def columns_of(groups: Mapping[Group, Result]) -> dict[Group, tuple[Column, ...]]:
    """Return the columns of each group, numbered over all of them."""
    heads: dict[Group, tuple[Column, ...]] = {}
    notes = condition_notes(groups)
    number = 0
    for group, result in groups.items():
        task, headline = result.record.task, main_metric([result])
        columns = []
        for metric in shown_metrics(result):
            column = Column(
                id=f"c{number}",
                task=task.name,
                title=task_title(result.record),
                note=notes[group],
                family=task.family,
                metric=metric.title,
                name=metric.name,
                higher=metric.higher_is_better,
                headline=metric.name == headline.name,
                partial=bool(result.spec.limit),
                selected=shown_kind("paper", task.protocol[0]),
            )
            columns.append(column)
            number += 1
        heads[group] = tuple(columns)
    return heads


def shown_metrics(result: Result) -> tuple[Metric, ...]:
    """Return the metrics that have a column: those that a paper prints, and the main one."""
    found = {metric.name: metric for metric in (*metrics([result]), main_metric([result]))}
    return tuple(found.values())
