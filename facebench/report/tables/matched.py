"""One run for each method: the one nearest to the budget that the most methods share.

A table of all runs shows a method once for every setting that was tried, which invites comparing
a long training of one method with a short one of another.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from facebench.report.entries import MethodEntry

Rows = Literal["all", "matched"]
ROWS: tuple[Rows, ...] = ("all", "matched")

_FLOAT = {"32": "float32"}


class Budget(NamedTuple):
    """What runs should have in common, the most important first.

    Args:
        feature: Which was judged.
        backbone: Its name.
        data: Name of the data that was learned from.
        images: How many images were seen, each counted as often as it was seen.
        image_size: Side in pixels of these.
        precision: ``32`` or ``bf16``.
    """

    feature: str
    backbone: str
    data: str
    images: int
    image_size: int
    precision: str

    def text(self) -> str:
        """Return it in words."""
        return (
            f"feature {self.feature}, {self.backbone}, {self.images:,} images of {self.data}, "
            f"{size_text(self.image_size, self.precision)}"
        )

    def distance(self, other: Budget) -> tuple[float, ...]:
        """Return how far another budget is from this one; numbers count by their ratio."""
        return (
            self.feature != other.feature,
            self.backbone != other.backbone,
            self.data != other.data,
            _ratio(self.images, other.images),
            _ratio(self.image_size, other.image_size),
            self.precision != other.precision,
        )


@dataclass(frozen=True)
class Choice:
    """Which runs a table shows.

    Args:
        entries: One for each method, in the order that they came in.
        budget: That the most methods share; None where nothing was learned.
    """

    entries: tuple[MethodEntry, ...]
    budget: Budget | None

    def note(self) -> str:
        """Return the rule, as a note below a table."""
        if self.budget is None:
            return "One row per method: of its newest version, the run with the most seeds."
        return (
            "One row per method: of its newest version, the run nearest to what the most methods "
            f"have in common, which is {self.budget.text()}; compared in this order, then by the "
            "number of seeds. All runs: facebench table --rows all."
        )


def matched(entries: Sequence[MethodEntry]) -> Choice:
    """Choose one run for each method.

    The budget to match is the one that runs of the most methods have; of several the one with the
    most seeds, then with the most images, then with the largest. A method's run is the one nearest
    to it, part by part in the order of :class:`Budget`; of equally near ones the one with the most
    seeds, then the first. Older versions of a method are left out. Where nothing is learned here,
    models with other weights are methods of their own.

    Args:
        entries: All runs, in the order of a table.
    """
    methods: dict[tuple[Any, ...], list[MethodEntry]] = defaultdict(list)
    for entry in entries:
        methods[_method(entry)].append(entry)
    for key, runs in methods.items():
        newest = max(map(_version, runs))
        methods[key] = [run for run in runs if _version(run) == newest]
    budget = _shared(methods)

    def place(entry: MethodEntry) -> tuple[tuple[float, ...], int]:
        far = () if budget is None else budget.distance(_budget(entry))
        return far, -len(entry.seeds)

    chosen = {min(runs, key=place).key for runs in methods.values()}
    return Choice(tuple(entry for entry in entries if entry.key in chosen), budget)


def size_text(image_size: int, precision: str) -> str:
    """Return how images entered learning."""
    return f"{image_size} px, {_FLOAT.get(precision, precision)}"


def learned_size(entry: MethodEntry) -> str:
    """Return how images entered learning; empty where nothing was learned."""
    budget = _budget(entry)
    return size_text(budget.image_size, budget.precision) if budget.data else ""


def _shared(methods: Mapping[tuple[Any, ...], Sequence[MethodEntry]]) -> Budget | None:
    having: dict[Budget, set[tuple[Any, ...]]] = defaultdict(set)
    seeds: dict[Budget, int] = defaultdict(int)
    for method, runs in methods.items():
        for run in runs:
            if run.pretrain_data:
                having[_budget(run)].add(method)
                seeds[_budget(run)] += len(run.seeds)
    return max(
        having,
        key=lambda b: (len(having[b]), seeds[b], b.images, b.image_size, b),
        default=None,
    )


def _method(entry: MethodEntry) -> tuple[Any, ...]:
    if entry.pretrain_data:
        return (entry.title,)
    return entry.title, entry.backbone, entry.configuration.get("imported", "")


def _version(entry: MethodEntry) -> int:
    return int(entry.configuration["method"][1])


def _budget(entry: MethodEntry) -> Budget:
    record = entry.all_results[0].record
    return Budget(
        feature=entry.feature,
        backbone=entry.backbone,
        data=entry.pretrain_data,
        images=record.pretrain.images_seen,
        image_size=record.spec.pretrain.image_size,
        precision=record.spec.precision,
    )


def _ratio(a: int, b: int) -> float:
    """Return by how many doublings two numbers differ; infinitely many from 0."""
    if a == b:
        return 0.0
    return abs(math.log2(a / b)) if a and b else math.inf
