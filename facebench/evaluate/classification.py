"""The classification protocol: a linear probe on frozen features.

honest
    Learning rate and weight decay are chosen by accuracy on held-out training items (the task's
    own ``val`` split, else a stratified share of ``train``); the probe is then trained on the
    whole training split, its last epoch is taken, and the test split is touched once.
paper
    The printed recipe (PCL's released code): Adam 1e-2, cosine, 300 epochs, batch 256. Its
    ``accuracy`` is that of the best *test* epoch, as published numbers are; ``accuracy_last_epoch``
    stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from facebench.dataset import Dataset
from facebench.errors import DataError
from facebench.evaluate.feature_matrix import FeatureMatrix
from facebench.evaluate.intervals import bootstrap_confusion
from facebench.evaluate.metrics import (
    accuracy,
    balanced_accuracy,
    class_recalls,
    confusion_matrix,
    macro_f1,
)
from facebench.evaluate.probe import ProbeSettings, train_heads
from facebench.evaluate.probe_grid import Head
from facebench.evaluate.probe_heads import Heads
from facebench.evaluate.protocols import Judgement
from facebench.evaluate.store import Features
from facebench.progress import Progress
from facebench.spec import ProbeSpec

Rows = NDArray[np.int64]
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
    rows = _split_rows(dataset, features)
    probe = _Probe(features.values, labels, len(dataset.task.info.classes), spec, seed)
    fit, held = _hold_out(rows, labels, spec.holdout, seed)
    with progress.bar("probe", 2 * spec.epochs, "epoch") as advance:
        grid = [Head(lr, wd, seed) for lr in spec.lrs for wd in spec.weight_decays]
        tried = probe.train(grid, fit, on_epoch=lambda epoch, _: advance(epoch))
        held_out = tried.accuracy(probe.matrix(held), labels[held]).numpy()
        chosen = grid[int(held_out.argmax())]  # the first of equals: the smallest rates
        paper = Head(spec.paper_lr, 0.0, seed)
        watch = _BestEpoch(probe.matrix(rows["test"]), labels[rows["test"]])

        def after(epoch: int, heads: Heads) -> None:
            watch(epoch, heads)
            advance(spec.epochs + epoch)

        # Both in one pass; a head is trained as if it were alone.
        final = probe.train([chosen, paper], rows["train"], on_epoch=after)
    honest, last = final.predict(probe.matrix(rows["test"])).numpy()
    predictions = _predictions(dataset, rows["test"], honest, watch.predictions, last)
    rng = np.random.default_rng(seed)
    scores = {
        "honest": score(predictions["label"], predictions["honest"], probe.classes, spec, rng),
        "paper": {
            **score(predictions["label"], predictions["paper"], probe.classes, spec, rng),
            "accuracy_last_epoch": watch.curve[-1],
            "best_epoch": watch.best_epoch,
            "test_accuracy_by_epoch": watch.curve,
        },
    }
    last_epoch = score(predictions["label"], predictions["paper_last"], probe.classes, spec, rng)
    scores["paper"]["intervals"]["accuracy_last_epoch"] = last_epoch["intervals"]["accuracy"]
    details = {
        "chosen": {"lr": chosen.lr, "weight_decay": chosen.weight_decay},
        "chosen_on": "val split" if len(rows["val"]) else f"{spec.holdout:.0%} of train",
        "held_out_items": len(held),
        "held_out_accuracy": [
            {"lr": head.lr, "weight_decay": head.weight_decay, "accuracy": float(value)}
            for head, value in zip(grid, held_out, strict=True)
        ],
    }
    floors = {"majority class": {"accuracy": _majority(labels, rows)}}
    n_test = int((dataset.table["split"] == "test").sum())
    return Judgement(scores, predictions, n_test, len(predictions), details, floors)


def score(
    labels: Any, predictions: Any, num_classes: int, spec: ProbeSpec, rng: np.random.Generator
) -> dict[str, Any]:
    """Return every metric of some predictions with its 95 % bootstrap interval, as JSON."""
    confusion = confusion_matrix(labels, predictions, num_classes)
    values: dict[str, Any] = {"confusion": confusion.tolist()}
    intervals: dict[str, Any] = {}
    for name, metric in _METRICS.items():
        interval = bootstrap_confusion(confusion, metric, rng=rng, resamples=spec.resamples)
        values[name] = _jsonable(interval.estimate)
        intervals[name] = [_jsonable(interval.low), _jsonable(interval.high)]
    return {**values, "intervals": intervals}


@dataclass(frozen=True)
class _Probe:
    """What every head of a judgement shares."""

    values: np.ndarray
    labels: Rows
    classes: int
    spec: ProbeSpec
    seed: int

    def matrix(self, rows: Rows) -> FeatureMatrix:
        return FeatureMatrix(self.values, rows=rows)

    def train(self, heads: list[Head], rows: Rows, on_epoch: Any) -> Heads:
        return train_heads(
            self.matrix(rows),
            self.labels[rows],
            heads,
            num_classes=self.classes,
            settings=ProbeSettings(self.spec.epochs, self.spec.batch_size),
            generator_seed=self.seed,
            on_epoch=on_epoch,
        )


class _BestEpoch:
    """Watches the paper's head (the second one) on the test split, as the papers do."""

    def __init__(self, matrix: FeatureMatrix, labels: Rows) -> None:
        self.matrix, self.labels = matrix, labels
        self.curve: list[float] = []
        self.best_epoch = 0
        self.predictions = np.zeros(len(labels), np.int64)

    def __call__(self, epoch: int, heads: Heads) -> None:
        predicted = heads.select([1]).predict(self.matrix)[0].numpy()
        value = float((predicted == self.labels).mean())
        if not self.curve or value > max(self.curve):
            self.best_epoch, self.predictions = epoch, predicted
        self.curve.append(value)


def _split_rows(dataset: Dataset, features: Features) -> dict[str, Rows]:
    split, readable = dataset.table["split"].to_numpy(), features.readable
    rows = {name: np.flatnonzero((split == name) & readable) for name in ("train", "val", "test")}
    for name in ("train", "test"):
        if not len(rows[name]):
            raise DataError(
                f"{dataset.task.info.title}: no readable image in the {name} split; expected some. "
                "Check the dataset, or give a larger --limit."
            )
    return rows


def _hold_out(rows: dict[str, Rows], labels: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """Return rows to fit on and rows to choose on; never a row of the test split."""
    if len(rows["val"]):
        return rows["train"], rows["val"]
    try:
        fit, held = train_test_split(
            rows["train"], test_size=share, stratify=labels[rows["train"]], random_state=seed
        )
    except ValueError as error:
        raise DataError(
            f"cannot hold out {share:.0%} of {len(rows['train'])} training items with every class "
            f"on both sides ({error}). Give more items, or a larger probe.holdout."
        ) from error
    return fit, held


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


def _jsonable(value: Any) -> Any:
    """Return floats, or lists of them; NaN (a class without items) becomes null."""
    plain = np.asarray(value, dtype=float)
    if plain.ndim:
        return [_jsonable(item) for item in plain]
    return None if np.isnan(plain) else float(plain)
