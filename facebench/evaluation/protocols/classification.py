"""The classification protocol: a linear probe on frozen features.

honest
    Learning rate and weight decay are chosen by accuracy on held-out training items (the task's
    own ``val`` split, else a stratified share of ``train``, which splits no subject); the probe is
    then trained on the whole training split, its last epoch is used, and the test split is used
    once.
paper
    The printed recipe (PCL's released code): Adam 1e-2, cosine, 300 epochs, batch 256. Its
    ``accuracy`` is that of the best *test* epoch, as published numbers are; ``accuracy_last_epoch``
    is reported, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.data.table_checks import check_labels
from facebench.evaluation.holdout import hold_out, split_rows
from facebench.evaluation.metrics.confusion import (
    accuracy,
    balanced_accuracy,
    class_recalls,
    confusion_matrix,
    macro_f1,
)
from facebench.evaluation.metrics.intervals import as_json
from facebench.evaluation.protocol import Bools, CurveForm, Ints, Probed, Protocol
from facebench.evaluation.protocols.confusion_measures import (
    accuracy_of,
    of_confusions,
    values_of_confusions,
)
from facebench.evaluation.resampling import Measured, interval_ends, scores_with_intervals
from facebench.evaluation.store import Features
from facebench.evaluation.units import Units, units
from facebench.progress import Progress
from facebench.protocol import ScoreKind
from facebench.task import TaskInfo

_METRICS = {
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    "balanced_accuracy": balanced_accuracy,
    "class_recalls": class_recalls,
}
_SINGLE = ("accuracy", "macro_f1", "balanced_accuracy")  # one number each; then one of each class


class Classification(Protocol):
    """One of C classes for each image; see the module's docstring."""

    name = "classification"
    version = 2  # 1: products by oneDNN or a compiled kernel, which round in another way
    curve: ClassVar[CurveForm | None] = CurveForm("test_accuracy_by_epoch", "accuracy")
    target_kind = "classes"
    monitored = frozenset({"best_epoch", "test_accuracy_by_epoch"})

    def table_columns(self, info: TaskInfo) -> tuple[str, ...]:
        """Return ``label``."""
        return ("label",)

    def check_table(self, info: TaskInfo, table: pd.DataFrame) -> None:
        """Check that labels are indices of the task's classes."""
        check_labels(info, table["label"])

    def metrics(self, info: TaskInfo) -> tuple[str, ...]:
        """Return accuracy, mean F1, mean recall, and the recall of each class."""
        return tuple(_METRICS)

    def probe(
        self, dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int,
        progress: Progress,
    ) -> Probed:  # fmt: skip
        """Train linear heads.

        Raises:
            DataError: A split is empty, or a class has too few items to hold some out.
        """
        from facebench.evaluation.protocols.class_probe import probe_classes  # with torch

        return probe_classes(dataset, features, spec, seed=seed, progress=progress)

    def check_items(self, dataset: Dataset, spec: ProbeSpec, *, seed: int) -> None:
        """Check that both splits have items, and that some of each class can be held out."""
        labels = dataset.table["label"].to_numpy(np.int64)
        rows = split_rows(dataset, np.ones(len(dataset), dtype=bool))
        hold_out(dataset.table, rows, spec.holdout, seed, kinds=labels)

    def score(
        self, predictions: pd.DataFrame, choices: Mapping[str, Any], *, resamples: int, seed: int
    ) -> dict[str, Any]:
        """Score classes, as ``label``, ``honest``, ``paper`` and ``paper_last`` give them.

        ``choices["classes"]`` is C.
        """
        drawn, of_draws = units(predictions), {"resamples": resamples, "seed": seed}
        honest, paper = (
            class_scores(predictions, kind, choices["classes"], drawn, **of_draws)
            for kind in ("honest", "paper")
        )
        right = (predictions["label"] == predictions["paper_last"]).to_numpy(bool)
        last = accuracy_of(right, drawn.of_item, "accuracy_last_epoch")
        found = scores_with_intervals(drawn, last, **of_draws)
        paper["intervals"] |= found.pop("intervals")
        return {"honest": honest, "paper": paper | found}

    def choices(self, scores: Mapping[str, Any]) -> dict[str, Any]:
        """Return the number of classes."""
        return {"classes": len(scores["honest"]["confusion"])}

    def floors(self, dataset: Dataset, readable: Bools) -> dict[str, dict[str, float]]:
        """Return the accuracy of always predicting the most frequent training class."""
        labels = dataset.table["label"].to_numpy(np.int64)
        rows = split_rows(dataset, readable)
        commonest = np.bincount(labels[rows["train"]]).argmax()
        return {"majority class": {"accuracy": float((labels[rows["test"]] == commonest).mean())}}

    def measures(self, predictions: pd.DataFrame, kind: ScoreKind, of_item: Ints) -> list[Measured]:
        """Return accuracy, mean F1 and mean recall; they follow from confusions of units."""
        labels = predictions["label"].to_numpy(np.int64)
        guesses = predictions[kind].to_numpy(np.int64)
        classes = 1 + int(max(labels.max(), guesses.max()))
        means = {name: _METRICS[name] for name in _SINGLE if name != "accuracy"}
        return [
            accuracy_of(labels == guesses, of_item),
            of_confusions(means, labels, guesses, of_item, classes),
        ]


def class_scores(
    predictions: pd.DataFrame, kind: str, num_classes: int, drawn: Units, *, resamples: int,
    seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Return every metric of one kind of decision with its 95 % interval, as JSON."""
    labels, guesses = (predictions[name].to_numpy(np.int64) for name in ("label", kind))
    every = values_of_confusions([*_METRICS.values()], labels, guesses, drawn.of_item, num_classes)
    confusion = confusion_matrix(labels, guesses, num_classes)
    ends = interval_ends(drawn, every, resamples=resamples, seed=seed)
    split = len(_SINGLE)
    intervals = {
        **dict(zip(_SINGLE, as_json(ends[:, :split].T), strict=True)),
        "class_recalls": as_json(ends[:, split:]),
    }
    values = {name: as_json(metric(confusion)) for name, metric in _METRICS.items()}
    return {"confusion": confusion.tolist(), **values, "intervals": intervals}
