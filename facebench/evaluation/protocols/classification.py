"""The classification protocol: a linear probe on frozen features.

honest
    Learning rate and weight decay are chosen by accuracy on held-out training items (the task's
    own ``val`` split, else a stratified share of ``train``, which splits no subject); the probe is
    then trained on the whole training split, its last epoch is taken, and the test split is touched
    once.
paper
    The printed recipe (PCL's released code): Adam 1e-2, cosine, 300 epochs, batch 256. Its
    ``accuracy`` is that of the best *test* epoch, as published numbers are; ``accuracy_last_epoch``
    stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.evaluation.holdout import Rows, hold_out, split_rows
from facebench.evaluation.judgement import Judgement
from facebench.evaluation.metrics.confusion import (
    accuracy,
    balanced_accuracy,
    class_recalls,
    confusion_matrix,
    macro_f1,
)
from facebench.evaluation.metrics.intervals import bootstrap_confusion
from facebench.evaluation.metrics.scores import as_json
from facebench.evaluation.probe.best_epoch import BestEpoch
from facebench.evaluation.probe.feature_matrix import FeatureMatrix
from facebench.evaluation.probe.grid import Head
from facebench.evaluation.probe.heads import Heads
from facebench.evaluation.probe.losses import CrossEntropy
from facebench.evaluation.probe.training import ProbeSettings, train_heads
from facebench.evaluation.store import Features
from facebench.progress import Progress

_METRICS = {
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    "balanced_accuracy": balanced_accuracy,
    "class_recalls": class_recalls,
}


def classify(
    dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int, progress: Progress
) -> Judgement:
    """Judge features of a classification task; see the module's docstring.

    Raises:
        DataError: A split is empty, or a class has too few items to hold some out.
    """
    labels = dataset.table["label"].to_numpy(np.int64)
    rows = split_rows(dataset, features)
    probe = _Probe(
        FeatureMatrix(features.values), labels, len(dataset.task.info.classes), spec, seed
    )
    parts = hold_out(dataset.table, rows, spec.holdout, seed, kinds=labels)
    with progress.bar("probe", 2 * spec.epochs, "epoch") as advance:
        grid = [Head(lr, wd, seed) for lr in spec.lrs for wd in spec.weight_decays]
        tried = probe.train(grid, parts.fit, on_epoch=lambda epoch, _: advance(epoch))
        held_out = tried.accuracy(probe.matrix(parts.held), labels[parts.held]).numpy()
        chosen = grid[int(held_out.argmax())]  # the first of equals: the smallest rates
        paper = Head(spec.paper_lr, 0.0, seed)
        watch = probe.watch(rows["test"], head=1)

        def after(epoch: int, heads: Heads) -> None:
            watch(epoch, heads)
            advance(spec.epochs + epoch)

        # Both in one pass; a head is trained as if it were alone.
        final = probe.train([chosen, paper], rows["train"], on_epoch=after)
    honest, last = final.predict(probe.matrix(rows["test"])).numpy()
    predictions = _predictions(dataset, rows["test"], honest, watch.predictions, last)

    def rescore(kept: npt.NDArray[np.bool_]) -> dict[str, Any]:
        return scores_of(predictions[kept], probe.classes, resamples=spec.resamples, seed=seed)

    scores = rescore(np.ones(len(predictions), dtype=bool))
    scores["paper"] |= {"best_epoch": watch.best_epoch, "test_accuracy_by_epoch": watch.curve}
    details = {
        "chosen": {"lr": chosen.lr, "weight_decay": chosen.weight_decay},
        "chosen_on": parts.origin,
        "held_out_items": len(parts.held),
        "held_out_accuracy": [
            {"lr": head.lr, "weight_decay": head.weight_decay, "accuracy": float(value)}
            for head, value in zip(grid, held_out, strict=True)
        ],
    }
    floors = {"majority class": {"accuracy": _majority(labels, rows)}}
    n_test = int((dataset.table["split"] == "test").sum())
    return Judgement(scores, predictions, n_test, len(predictions), details, floors, rescore)


def scores_of(
    predictions: pd.DataFrame, num_classes: int, *, resamples: int, seed: int
) -> dict[str, Any]:
    """Return the scores of predictions, with their intervals, as JSON.

    Args:
        predictions: ``label``, ``honest``, ``paper`` and ``paper_last``, one row per test item.
        num_classes: C.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    honest, paper, last = (
        score(predictions["label"], predictions[kind], num_classes, resamples, rng)
        for kind in ("honest", "paper", "paper_last")
    )
    paper["accuracy_last_epoch"] = last["accuracy"]
    paper["intervals"]["accuracy_last_epoch"] = last["intervals"]["accuracy"]
    return {"honest": honest, "paper": paper}


def score(
    labels: Any, predictions: Any, num_classes: int, resamples: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Return every metric of some predictions with its 95 % bootstrap interval, as JSON."""
    confusion = confusion_matrix(labels, predictions, num_classes)
    values: dict[str, Any] = {"confusion": confusion.tolist()}
    intervals: dict[str, Any] = {}
    for name, metric in _METRICS.items():
        interval = bootstrap_confusion(confusion, metric, rng=rng, resamples=resamples)
        values[name] = as_json(interval.estimate)
        intervals[name] = [as_json(interval.low), as_json(interval.high)]
    return {**values, "intervals": intervals}


@dataclass(frozen=True)
class _Probe:
    """What every head of a judgement shares."""

    features: FeatureMatrix  # of all rows; parts of it share its memory
    labels: Rows
    classes: int
    spec: ProbeSpec
    seed: int

    def matrix(self, rows: Rows) -> FeatureMatrix:
        return FeatureMatrix(self.features, rows=rows)

    def train(self, heads: list[Head], rows: Rows, on_epoch: Any) -> Heads:
        return train_heads(
            self.matrix(rows),
            self.labels[rows],
            heads,
            loss=CrossEntropy(self.classes),
            settings=ProbeSettings(self.spec.epochs, self.spec.batch_size),
            generator_seed=self.seed,
            on_epoch=on_epoch,
        )

    def watch(self, rows: Rows, head: int) -> BestEpoch:
        return BestEpoch(
            self.matrix(rows),
            head,
            lambda one, matrix: one.predict(matrix)[0].numpy(),
            lambda predicted: float((predicted == self.labels[rows]).mean()),
            higher_is_better=True,
        )


def _predictions(
    dataset: Dataset, test: Rows, honest: Rows, paper: Rows, paper_last: Rows
) -> pd.DataFrame:
    table = dataset.table.iloc[test]
    return pd.DataFrame(
        {
            "path": table["path"].to_numpy(),
            "label": table["label"].to_numpy(np.int64),
            "honest": honest,
            "paper": paper,
            "paper_last": paper_last,
        }
    )


def _majority(labels: Rows, rows: dict[str, Rows]) -> float:
    """Return the test accuracy of always saying the training split's commonest class: a floor."""
    commonest = np.bincount(labels[rows["train"]]).argmax()
    return float((labels[rows["test"]] == commonest).mean())
