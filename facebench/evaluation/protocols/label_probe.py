"""One fold of the multilabel protocol: select on training subjects, fit, test once.

The selection gets the rows and labels of the training side only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from facebench.config.spec import ProbeSpec
from facebench.evaluation.holdout import Rows, hold_out_subjects, refuse_shared_subjects
from facebench.evaluation.metrics.label_f1 import best_threshold, f1, outcome_counts
from facebench.evaluation.probe.best_epoch import BestEpoch
from facebench.evaluation.probe.feature_matrix import FeatureMatrix
from facebench.evaluation.probe.grid import Head
from facebench.evaluation.probe.heads import Heads
from facebench.evaluation.probe.losses import BinaryCrossEntropy
from facebench.evaluation.probe.training import ProbeSettings, train_heads

Labels = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
OnEpoch = Callable[[int, Heads], None]

PAPER_THRESHOLD = 0.5
LEAST_SUBJECTS = 4
"""Minimum number of held-out subjects: one or two give no reliable estimate for rare labels."""


@dataclass(frozen=True)
class Side:
    """The rows of the training side, or of the test side.

    Args:
        matrix: Features of the rows, ``[n, D]``.
        labels: Labels of the rows, ``[n, T]``, 0 or 1.
        subjects: Subjects of the rows, ``[n]``.
    """

    matrix: FeatureMatrix
    labels: Labels
    subjects: npt.NDArray[np.object_]

    @classmethod
    def of(
        cls, features: FeatureMatrix, table: pd.DataFrame, targets: tuple[str, ...], rows: Rows
    ) -> Side:
        """Take some rows of a task's features and table."""
        part = table.iloc[rows]
        labels = part[list(targets)].to_numpy(np.int8)
        return cls(FeatureMatrix(features, rows=rows), labels, part["subject"].to_numpy(object))

    def part(self, rows: Rows) -> Side:
        """Take some of these rows, by their positions among them."""
        matrix = FeatureMatrix(self.matrix, rows=rows)
        return Side(matrix, self.labels[rows], self.subjects[rows])


@dataclass(frozen=True)
class Choice:
    """The hyper-parameters chosen on held-out training subjects, and the candidates.

    Args:
        head: Learning rate and weight decay.
        thresholds: ``[T]``, probability from which on each label is predicted.
        tried: The grid, with the mean F1 on held-out subjects.
        fit: Training rows that were fitted on during the selection.
        held: Training rows of the held-out subjects.
    """

    head: Head
    thresholds: Floats
    tried: list[dict[str, float]]
    fit: Side
    held: Side


@dataclass(frozen=True)
class Tested:
    """Decisions on a fold's test side, each ``[n, T]`` int8.

    Args:
        honest: At the chosen thresholds, after the last epoch.
        probabilities: Probabilities of the labels, float64.
        paper: At 0.5, after the best test epoch.
        paper_last: At 0.5, after the last epoch.
        best_epoch: Number of the best epoch, from 1.
        curve: The paper recipe's mean F1 on the test side after each epoch.
    """

    honest: Labels
    probabilities: Floats
    paper: Labels
    paper_last: Labels
    best_epoch: int
    curve: list[float]


def choose(train: Side, spec: ProbeSpec, seed: int, on_epoch: OnEpoch) -> Choice:
    """Choose learning rate, weight decay and thresholds; see ``multilabel`` for the criterion.

    Args:
        train: The training side of a fold.
        spec: Options of the probe.
        seed: Seed of held-out subjects, initial weights and order of batches.
        on_epoch: Called after each epoch.

    Raises:
        DataError: There are fewer than two training subjects.
    """
    fit, held = (
        train.part(rows)
        for rows in hold_out_subjects(
            train.subjects,
            train.labels.astype(np.float64),
            spec.holdout,
            seed,
            least=LEAST_SUBJECTS,
        )
    )
    refuse_shared_subjects({"what is fitted": fit.subjects, "what is held out": held.subjects})
    grid = [Head(lr, decay, seed) for lr in spec.lrs for decay in spec.weight_decays]
    heads = _train(fit, grid, spec, seed, on_epoch)
    found = [
        [best_threshold(*pair) for pair in zip(held.labels.T, of_head.T, strict=True)]
        for of_head in _probabilities(heads, held.matrix)
    ]
    table = np.array(found)  # [H, T, (threshold, F1)]
    means = table[:, :, 1].mean(1)
    best = int(means.argmax())  # of equal ones the first, with the smallest rates
    tried = [
        {"lr": head.lr, "weight_decay": head.weight_decay, "f1": float(value)}
        for head, value in zip(grid, means, strict=True)
    ]
    return Choice(grid[best], table[best, :, 0], tried, fit, held)


def fit_and_test(
    choice: Choice, train: Side, test: Side, spec: ProbeSpec, seed: int, on_epoch: OnEpoch
) -> Tested:
    """Train the chosen head and the paper's on a whole training side, and test both.

    Args:
        choice: Hyper-parameters chosen on the training side.
        train: The training side.
        test: The test side. Only the paper's head is evaluated on it before the last epoch.
        spec: Options of the probe.
        seed: Seed of initial weights and order of batches.
        on_epoch: Called after each epoch.

    Raises:
        DataError: A subject is on both sides.
    """
    refuse_shared_subjects({"the training folds": train.subjects, "the test fold": test.subjects})
    monitor = BestEpoch(
        test.matrix,
        1,
        lambda one, matrix: _decide(_probabilities(one, matrix)[0], PAPER_THRESHOLD),
        lambda decisions: float(f1(outcome_counts(test.labels, decisions).sum(0)).mean()),
        higher_is_better=True,
    )

    def after(epoch: int, heads: Heads) -> None:
        monitor(epoch, heads)
        on_epoch(epoch, heads)

    # Both in one pass; heads are trained independently.
    heads = _train(train, [choice.head, Head(spec.paper_lr, 0.0, seed)], spec, seed, after)
    probabilities = _probabilities(heads.select([0]), test.matrix)[0]
    return Tested(
        _decide(probabilities, choice.thresholds),
        probabilities,
        monitor.predictions,
        monitor.last,
        monitor.best_epoch,
        monitor.curve,
    )


def _train(side: Side, heads: list[Head], spec: ProbeSpec, seed: int, on_epoch: OnEpoch) -> Heads:
    return train_heads(
        side.matrix,
        side.labels,
        heads,
        loss=BinaryCrossEntropy(side.labels.shape[1]),
        settings=ProbeSettings(spec.epochs, spec.batch_size),
        generator_seed=seed,
        on_epoch=on_epoch,
    )


def _probabilities(heads: Heads, matrix: FeatureMatrix) -> Floats:
    """Probability of each label, ``[H, n, T]``; float64, in which no logit of a probe saturates."""
    probabilities: Floats = torch.sigmoid(heads.logits(matrix).double()).numpy()
    return probabilities


def _decide(probabilities: Floats, threshold: float | Floats) -> Labels:
    """Predict each label from its threshold on."""
    return (probabilities >= threshold).astype(np.int8)
