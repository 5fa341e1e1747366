"""How much a row learned from: a comparison of methods is fair within one budget only."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple

from facebench.report.entries import MethodEntry
from facebench.report.reference import PrintedLayout

_FLOAT = {"32": "float32"}


class Budget(NamedTuple):
    """What runs should have in common, the most important first.

    Args:
        feature: Which was evaluated.
        backbone: Its name.
        data: Name of the data that was learned from; empty where nothing was learned.
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

    def learning(self) -> str:
        """Return how much was learned from, in words."""
        return f"{self.images:,} images of {self.data} at {self.image_size} px"

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


def budget_of(entry: MethodEntry) -> Budget:
    """Return the budget of a row."""
    record = entry.all_results[0].record
    return Budget(
        feature=entry.feature,
        backbone=entry.backbone,
        data=entry.pretrain_data,
        images=record.pretrain.images_seen,
        image_size=record.spec.pretrain.image_size,
        precision=record.spec.precision,
    )


def learning_of(entry: MethodEntry) -> Budget:
    """Return only how much a row learned from: data, number of images, and their size."""
    return budget_of(entry)._replace(feature="", backbone="", precision="")


def method_key(entry: MethodEntry) -> tuple[str, ...]:
    """Return what rows of one method have in common, its title first.

    A method that learns has one row for all that it was tried with. Where nothing is learned here,
    a feature is fixed by its weights and options: LBP with other patterns is another feature.
    """
    if entry.pretrain_data:
        return (entry.title,)
    options = entry.configuration.get("options", {})
    settings = json.dumps(options, sort_keys=True) if options else ""
    return entry.title, entry.backbone, entry.configuration.get("imported", ""), settings


def shared_budget(
    entries: Iterable[tuple[Hashable, MethodEntry]],
    of: Callable[[MethodEntry], Budget] = budget_of,
) -> Budget | None:
    """Return the budget of the most methods; None where nothing was learned.

    Of several it is the one with the most images, then with the largest, then with the most seeds.

    Args:
        entries: Rows, each with what identifies its method.
        of: Returns what counts as the budget of a row.
    """
    having: dict[Budget, set[Hashable]] = defaultdict(set)
    seeds: dict[Budget, int] = defaultdict(int)
    for method, entry in entries:
        if entry.pretrain_data:
            having[of(entry)].add(method)
            seeds[of(entry)] += len(entry.seeds)
    return max(
        having,
        key=lambda b: (len(having[b]), b.images, b.image_size, seeds[b], b),
        default=None,
    )


def of_equal_budget(entries: Iterable[MethodEntry]) -> tuple[list[MethodEntry], str]:
    """Return the rows among which a best one is named, and their budget in words.

    These are the rows of the budget (data, number of images, their size) that the most methods
    share, and those where nothing is learned here, which cost nothing. The words are empty where
    all rows compete.
    """
    rows = [*entries]
    shared = shared_budget(((entry.title, entry) for entry in rows), learning_of)
    if shared is None:
        return rows, ""
    kept = [e for e in rows if not e.pretrain_data or learning_of(e) == shared]
    return kept, "" if len(kept) == len(rows) else shared.learning()


def learned_as_published(entry: MethodEntry, layout: PrintedLayout) -> bool:
    """Whether a row's data and budget are those of the printed number, so that both compare.

    So it is where nothing is learned here (a hand-crafted feature, published weights), and where
    the method learned from the paper's data for at least as many epochs.
    """
    if not entry.pretrain_data:
        return True
    record, paper = entry.all_results[0].record, layout.pretraining
    data, learning = record.pretrain.data, record.spec.pretrain
    real = data is not None and not data.synthetic
    whole = learning.limit == 0 and learning.epochs >= paper.epochs
    return real and whole and entry.pretrain_data == paper.data


def size_text(image_size: int, precision: str) -> str:
    """Return how images entered learning."""
    return f"{image_size} px, {_FLOAT.get(precision, precision)}"


def learned_size(entry: MethodEntry) -> str:
    """Return how images entered learning; empty where nothing was learned."""
    budget = budget_of(entry)
    return size_text(budget.image_size, budget.precision) if budget.data else ""


def _ratio(a: int, b: int) -> float:
    """Return by how many doublings two numbers differ; infinitely many from 0."""
    if a == b:
        return 0.0
    return abs(math.log2(a / b)) if a and b else math.inf
