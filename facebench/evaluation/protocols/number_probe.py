"""The linear probe of the regression protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.evaluation.holdout import Rows, hold_out, split_rows
from facebench.evaluation.metrics.absolute_error import mean_errors
from facebench.evaluation.probe.best_epoch import BestEpoch
from facebench.evaluation.probe.feature_matrix import FeatureMatrix
from facebench.evaluation.probe.grid import Head
from facebench.evaluation.probe.heads import Heads
from facebench.evaluation.probe.losses import AbsoluteError
from facebench.evaluation.probe.training import ProbeSettings, train_heads
from facebench.evaluation.protocol import Probed
from facebench.evaluation.store import Features
from facebench.progress import Progress, increments

Floats = npt.NDArray[np.float64]
OnEpoch = Callable[[int, Heads], None]

# PCL's released code for head poses, where it differs from the one for expressions (ProbeSpec).
PAPER_LR = 1e-3  # configs/remote_PCL_linear_eval_pose.yaml, linear_lr
PAPER_BATCH_SIZE = 128  # the same file, batch_size
PAPER_WEIGHT_DECAY = 1e-2  # main_pose.py: torch's default of AdamW


TARGET_SPREAD = 20.0
"""Standard deviation to which ``honest`` brings each target while learning, whatever its unit.

L1 gradients do not depend on the unit, so a step moves the predictions by the learning rate times
the width of the features. With targets of standard deviation 1 every rate of the grid overshoots
(generated poses, 512 to 32,768 features: twice the error); from 10 to 40, which is also how far
angles in degrees are spread, the best rate lies inside the grid.
"""


def probe_numbers(
    dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int, progress: Progress
) -> Probed:
    """Fit, choose and predict; the arguments are those of ``Protocol.probe``.

    Raises:
        DataError: A split is empty, or there are too few items to hold some out.
    """
    table, targets = dataset.table, dataset.task.info.targets
    rows = split_rows(dataset, features.readable)
    probe = _Probe(
        FeatureMatrix(features.values, device=features.device),
        table[list(targets)].to_numpy(np.float64),
        spec,
        seed,
    )
    parts = hold_out(table, rows, spec.holdout, seed)
    with progress.bar("probe", 3 * spec.epochs, "epoch") as advance:
        more = increments(advance)
        grid = [Head(lr, decay, seed) for lr in spec.lrs for decay in spec.weight_decays]
        tried = probe.train_honest(grid, parts.fit, lambda *_: more(1))
        held_out = [mean_errors(errors)[0] for errors in probe.errors(tried, parts.held)]
        chosen = grid[int(np.argmin(held_out))]  # of equal ones the first, with the smallest rates
        honest = probe.train_honest([chosen], rows["train"], lambda *_: more(1))
        monitor = probe.train_paper(rows, lambda *_: more(1))
    details: dict[str, Any] = {
        "chosen": {"lr": chosen.lr, "weight_decay": chosen.weight_decay},
        "chosen_on": parts.origin,
        "held_out_items": len(parts.held),
        "held_out_mae": [
            {"lr": head.lr, "weight_decay": head.weight_decay, "mae": float(value)}
            for head, value in zip(grid, held_out, strict=True)
        ],
    }
    predictions = _predictions(
        table.iloc[rows["test"]], targets, probe.predict(honest, rows["test"])[0], monitor
    )
    monitored = {"best_epoch": monitor.best_epoch, "test_mae_by_epoch": monitor.curve}
    return Probed(predictions, details, monitored=monitored)


@dataclass(frozen=True)
class _Probe:
    """Data that all heads of a judgement share."""

    features: FeatureMatrix  # all rows; parts of it share its memory
    targets: Floats  # [N, T]
    spec: ProbeSpec
    seed: int

    def matrix(self, rows: Rows) -> FeatureMatrix:
        return FeatureMatrix(self.features, rows=rows)

    def train_honest(self, heads: list[Head], rows: Rows, on_epoch: OnEpoch) -> Heads:
        """Train on standardised targets, and return heads that predict the original ones."""
        settings = ProbeSettings(self.spec.epochs, self.spec.batch_size, batch_norm=True)
        targets = self.targets[rows]
        spread = targets.std(0)
        scale = np.where(spread > 0, spread, 1.0) / TARGET_SPREAD
        trained = self._train(heads, rows, (targets - targets.mean(0)) / scale, settings, on_epoch)
        return trained.rescaled(scale, targets.mean(0))

    def train_paper(self, rows: dict[str, Rows], on_epoch: OnEpoch) -> BestEpoch:
        """Train by the paper's recipe, and evaluate the test split after each epoch."""
        test = rows["test"]
        monitor = BestEpoch(
            self.matrix(test),
            0,
            lambda one, matrix: one.logits(matrix)[0].double().numpy(),
            lambda predicted: float(mean_errors(predicted - self.targets[test])[0]),
            higher_is_better=False,
        )

        def after(epoch: int, heads: Heads) -> None:
            monitor(epoch, heads)
            on_epoch(epoch, heads)

        settings = ProbeSettings(
            self.spec.epochs, PAPER_BATCH_SIZE, "adamw", "constant", batch_norm=True
        )
        head = Head(PAPER_LR, PAPER_WEIGHT_DECAY, self.seed)
        self._train([head], rows["train"], self.targets[rows["train"]], settings, after)
        return monitor

    def predict(self, heads: Heads, rows: Rows) -> Floats:
        """Return ``[H, n, T]`` in the units of the targets."""
        predicted: Floats = heads.logits(self.matrix(rows)).double().numpy()
        return predicted

    def errors(self, heads: Heads, rows: Rows) -> Floats:
        """Return ``[H, n, T]``, predicted minus true values."""
        return self.predict(heads, rows) - self.targets[rows]

    def _train(
        self,
        heads: list[Head],
        rows: Rows,
        targets: Floats,
        settings: ProbeSettings,
        on_epoch: OnEpoch,
    ) -> Heads:
        return train_heads(
            self.matrix(rows),
            targets,
            heads,
            loss=AbsoluteError(self.targets.shape[1]),
            settings=settings,
            generator_seed=self.seed,
            on_epoch=on_epoch,
        )


def _predictions(
    table: pd.DataFrame, targets: tuple[str, ...], honest: Floats, paper: BestEpoch
) -> pd.DataFrame:
    columns: dict[str, npt.NDArray[Any]] = {"path": table["path"].to_numpy()}
    for number, target in enumerate(targets):
        columns[f"label_{target}"] = table[target].to_numpy(np.float64)
        columns[f"honest_{target}"] = honest[:, number]
        columns[f"paper_{target}"] = paper.predictions[:, number]
        columns[f"paper_last_{target}"] = paper.last[:, number]
    return pd.DataFrame(columns)
