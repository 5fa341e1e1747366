"""The linear probe of the classification protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.evaluation.holdout import Rows, hold_out, split_rows
from facebench.evaluation.probe.best_epoch import BestEpoch
from facebench.evaluation.probe.feature_matrix import FeatureMatrix
from facebench.evaluation.probe.grid import Head
from facebench.evaluation.probe.heads import Heads
from facebench.evaluation.probe.losses import CrossEntropy
from facebench.evaluation.probe.training import ProbeSettings, train_heads
from facebench.evaluation.protocol import Probed
from facebench.evaluation.store import Features
from facebench.progress import Progress


def probe_classes(
    dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int, progress: Progress,
    layers: int = 1,
) -> Probed:  # fmt: skip
    """Fit, choose and predict; the arguments are those of ``Protocol.probe``.

    Args:
        dataset: Table in the order of the features.
        features: Features of its images.
        spec: Options of the probe.
        seed: Seed of the held-out part, initial weights and order of batches.
        progress: Progress reporter.
        layers: Layers that a feature holds; of several a weighted sum is learned.

    Raises:
        DataError: A split is empty, or a class has too few items to hold some out.
    """
    labels = dataset.table["label"].to_numpy(np.int64)
    rows = split_rows(dataset, features.readable)
    classes = len(dataset.task.info.classes)
    matrix = FeatureMatrix(features.values, device=features.device)
    probe = _Probe(matrix, labels, classes, spec, seed, layers)
    parts = hold_out(dataset.table, rows, spec.holdout, seed, kinds=labels)
    with progress.bar("probe", 2 * spec.epochs, "epoch") as advance:
        grid = [Head(lr, wd, seed) for lr in spec.lrs for wd in spec.weight_decays]
        tried = probe.train(grid, parts.fit, on_epoch=lambda epoch, _: advance(epoch))
        held_out = tried.accuracy(probe.matrix(parts.held), labels[parts.held]).numpy()
        chosen = grid[int(held_out.argmax())]  # of equal ones the first, with the smallest rates
        paper = Head(spec.paper_lr, 0.0, seed)
        monitor = probe.monitor(rows["test"], head=1)

        def after(epoch: int, heads: Heads) -> None:
            monitor(epoch, heads)
            advance(spec.epochs + epoch)

        # Both in one pass; heads are trained independently.
        final = probe.train([chosen, paper], rows["train"], on_epoch=after)
    test = probe.matrix(rows["test"])
    honest, last = final.predict(test).numpy()
    details = {
        "chosen": {"lr": chosen.lr, "weight_decay": chosen.weight_decay},
        "chosen_on": parts.origin,
        "held_out_items": len(parts.held),
        "held_out_accuracy": [
            {"lr": head.lr, "weight_decay": head.weight_decay, "accuracy": float(value)}
            for head, value in zip(grid, held_out, strict=True)
        ],
    }
    if final.layers is not None:
        details["layer_weights"] = dict(
            zip(("honest", "paper"), final.layers.tolist(), strict=True)
        )
    return Probed(
        _predictions(
            dataset, rows["test"], honest, _sureness(final, test, honest), monitor.predictions, last
        ),
        details,
        choices={"classes": classes},
        monitored={"best_epoch": monitor.best_epoch, "test_accuracy_by_epoch": monitor.curve},
    )


@dataclass(frozen=True)
class _Probe:
    """Data that all heads of a judgement share."""

    features: FeatureMatrix  # all rows; parts of it share its memory
    labels: Rows
    classes: int
    spec: ProbeSpec
    seed: int
    layers: int

    def matrix(self, rows: Rows) -> FeatureMatrix:
        return FeatureMatrix(self.features, rows=rows)

    def train(self, heads: list[Head], rows: Rows, on_epoch: Any) -> Heads:
        return train_heads(
            self.matrix(rows),
            self.labels[rows],
            heads,
            loss=CrossEntropy(self.classes),
            settings=ProbeSettings(self.spec.epochs, self.spec.batch_size, layers=self.layers),
            generator_seed=self.seed,
            on_epoch=on_epoch,
        )

    def monitor(self, rows: Rows, head: int) -> BestEpoch:
        return BestEpoch(
            self.matrix(rows),
            head,
            lambda one, matrix: one.predict(matrix)[0].numpy(),
            lambda predicted: float((predicted == self.labels[rows]).mean()),
            higher_is_better=True,
        )


def _sureness(heads: Heads, test: FeatureMatrix, decided: Rows) -> npt.NDArray[np.float32]:
    """Return the probability (softmax) of each class that the first head decided on, ``[N]``.

    Four decimals: which mistakes were the surest is to be looked at, and the last bits of a product
    of matrices are another machine's.
    """
    shares = heads.logits(test)[0].double().softmax(1).numpy()
    return np.round(shares[np.arange(len(decided)), decided], 4).astype(np.float32)


def _predictions(
    dataset: Dataset,
    test: Rows,
    honest: Rows,
    sureness: npt.NDArray[np.float32],
    paper: Rows,
    paper_last: Rows,
) -> pd.DataFrame:
    table = dataset.table.iloc[test]
    return pd.DataFrame(
        {
            "path": table["path"].to_numpy(),
            "label": table["label"].to_numpy(np.int64),
            "honest": honest,
            "honest_probability": sureness,
            "paper": paper,
            "paper_last": paper_last,
        }
    )
