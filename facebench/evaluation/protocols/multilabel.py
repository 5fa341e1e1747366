"""The multilabel protocol: a linear probe for several binary labels (action units).

Every fold is tested once, by a probe fitted on all other folds. F1 of each label is taken in each
fold and averaged over folds (JAA-Net's published form, which PCL follows), beside F1 over the
frames of all folds together (``f1_pooled``). Intervals are over subjects, drawn within folds. A
label that does not occur in a fold's test side has F1 0 there, as in scikit-learn; ``details``
counts these.

honest
    Per fold, some training *subjects* are held out, in proportion to the labels. Learning rate and
    weight decay are those with the highest mean F1 on them, each label at its own best threshold,
    and these thresholds are the ones used. F1 at 0.5 would depend on the calibration of a
    head, and average precision is not the reported metric. The probe is then trained on all
    training subjects, its last epoch is used, and the fold's test side is used once.
paper
    The recipe of the expression tasks, since none is printed or released for action units: mean
    binary cross entropy over labels, Adam 1e-2, cosine, 300 epochs, batch 256; a label is given
    from a probability of 0.5 on. ``f1`` is that of each fold's best *test* epoch by mean F1, as
    published numbers are; ``f1_last_epoch`` is reported, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.data.table_checks import check_binary, check_folds, check_targets, named_targets
from facebench.errors import DataError
from facebench.evaluation.holdout import fold_rows, hold_out_subjects
from facebench.evaluation.metrics.intervals import as_json
from facebench.evaluation.metrics.label_f1 import (
    f1,
    fold_counts,
    fold_metrics,
    metric_names,
    subject_counts,
)
from facebench.evaluation.protocol import (
    Bools,
    CurveForm,
    Floats,
    Ints,
    Probed,
    Protocol,
)
from facebench.evaluation.resampling import Measured, scores_with_intervals
from facebench.evaluation.store import Features
from facebench.evaluation.target_columns import target_columns, target_names
from facebench.evaluation.units import Units, units
from facebench.progress import Progress
from facebench.protocol import ScoreKind
from facebench.task import TaskInfo


class Multilabel(Protocol):
    """Several labels, each there or not, for each image; see the module's docstring."""

    name = "multilabel"
    version = 2  # 1: products by oneDNN or a compiled kernel, which round in another way
    folded = True
    binary_targets = True
    target_kind = "labels"
    curve = CurveForm("test_f1_by_fold_and_epoch", "f1", by_fold=True)
    monitored = frozenset({"best_epoch_by_fold", "test_f1_by_fold_and_epoch"})

    def table_columns(self, info: TaskInfo) -> tuple[str, ...]:
        """Return the labels, ``fold`` and ``subject``."""
        return (*named_targets(info), "fold", "subject")

    def check_table(self, info: TaskInfo, table: pd.DataFrame) -> None:
        """Check that labels are 0 or 1, and that no subject is in two folds."""
        check_targets(info, table[list(info.targets)])
        check_binary(info, table[list(info.targets)])
        check_folds(info, table)

    def metrics(self, info: TaskInfo) -> tuple[str, ...]:
        """Return F1: mean, of each label, and both over the frames of all folds together."""
        return tuple(metric_names(info.targets))

    def probe(
        self, dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int,
        progress: Progress,
    ) -> Probed:  # fmt: skip
        """Train linear heads in every fold.

        Raises:
            DataError: A fold has no readable image or too few training subjects, or a subject is
                on two sides.
        """
        from facebench.evaluation.protocols.label_folds import probe_labels  # with torch

        return probe_labels(dataset, features, spec, seed=seed, progress=progress)

    def check_items(self, dataset: Dataset, spec: ProbeSpec, *, seed: int) -> None:
        """Check that each fold has items, and that a training subject can be held out."""
        subjects = dataset.table["subject"].to_numpy(object)
        for train, _ in fold_rows(dataset, np.ones(len(dataset), dtype=bool)):
            hold_out_subjects(subjects[train], np.empty((len(train), 0)), spec.holdout, seed)

    def score(
        self, predictions: pd.DataFrame, choices: Mapping[str, Any], *, resamples: int, seed: int
    ) -> dict[str, Any]:
        """Score decisions 0 or 1: of a target ``AU`` these are ``label_AU``, ``honest_AU``, ...

        ``subject`` and ``fold`` are those of each row.
        """
        drawn = units(predictions)
        honest, paper, last = (
            _score(predictions, kind, drawn, resamples=resamples, seed=seed)
            for kind in ("honest", "paper", "paper_last")
        )
        paper["f1_last_epoch"] = last["f1"]
        paper["intervals"]["f1_last_epoch"] = last["intervals"]["f1"]
        return {"honest": honest, "paper": paper}

    def floors(self, dataset: Dataset, readable: Bools) -> dict[str, dict[str, float]]:
        """Return F1 of always predicting each label, and of the majority of the training rows."""
        table, targets = dataset.table, list(dataset.task.info.targets)
        labels = table[targets].to_numpy(np.int8)
        majority = np.zeros_like(labels)
        for train, test in fold_rows(dataset, readable):
            majority[test] = labels[train].mean(0) > 0.5
        subjects, folds = (table[name].to_numpy()[readable] for name in ("subject", "fold"))
        floors = {}
        for name, decided in (
            ("always positive", np.ones_like(labels)),
            ("majority class", majority),
        ):
            counts, homes = subject_counts(labels[readable], decided[readable], subjects, folds)
            values = fold_metrics(fold_counts(counts, homes))
            floors[name] = dict(zip(metric_names(targets), values.tolist(), strict=True))
        return floors

    def measures(self, predictions: pd.DataFrame, kind: ScoreKind, of_item: Ints) -> list[Measured]:
        """Return every F1; subjects are drawn, within their folds."""
        targets = target_names(predictions)
        return [_fold_metrics_of(*_counts(predictions, kind, targets, of_item), targets)]


def _score(
    predictions: pd.DataFrame, kind: str, drawn: Units, *, resamples: int, seed: int
) -> dict[str, Any]:
    """Return every F1 of one kind of decision with its interval, as JSON."""
    targets = target_names(predictions)
    counts, home = _counts(predictions, kind, targets, drawn.of_item)
    measured = _fold_metrics_of(counts, home, targets)
    of_folds = f1(fold_counts(counts, home))
    by_fold = {
        f"f1_{target}_by_fold": as_json(values)
        for target, values in zip(targets, of_folds.T, strict=True)
    }
    return {
        **scores_with_intervals(drawn, measured, resamples=resamples, seed=seed),
        "f1_by_fold": as_json(of_folds.mean(1)),
        **by_fold,
    }


def _fold_metrics_of(counts: Ints, home: Ints, targets: tuple[str, ...]) -> Measured:
    """Return every F1 as a function of how often each subject is drawn; see ``_counts``."""
    flat = counts.reshape(len(counts), -1).astype(np.float64)
    folds = np.unique(home)
    # A subject has no counts in the other folds, so that one product sums those of all folds.
    of_folds = np.where((home[:, None] == folds)[..., None], flat[:, None], 0.0)
    of_folds = of_folds.reshape(len(counts), -1)

    def values(times: npt.NDArray[Any]) -> Floats:
        sums = of_folds.T @ np.asarray(times.T, np.float64)
        # The draws of a sum stay side by side in memory, where metrics sum over few folds.
        return fold_metrics(np.moveaxis(sums.reshape(len(folds), *counts.shape[1:], -1), -1, 0))

    return Measured(metric_names(targets), values)


def _counts(
    predictions: pd.DataFrame, kind: str, targets: tuple[str, ...], of_item: Ints
) -> tuple[Ints, Ints]:
    """Return the outcomes of each subject, and its fold; see ``subject_counts``."""
    labels, decisions = (_binary(predictions, which, targets) for which in ("label", kind))
    return subject_counts(labels, decisions, of_item, predictions["fold"].to_numpy())


def _binary(predictions: pd.DataFrame, which: str, targets: tuple[str, ...]) -> Bools:
    """Return ``[N, T]`` whether each value is 1.

    Raises:
        DataError: One is neither 0 nor 1.
    """
    values = target_columns(predictions, which, targets)
    positive: Bools = np.asarray(values == 1, dtype=bool)
    odd = int((~positive & np.asarray(values != 0, dtype=bool)).sum())
    if odd:
        raise DataError(
            f"these predictions cannot be scored: found {odd:,} of {values.size:,} values of "
            f"{which}_{targets[0]} and the like that are neither 0 nor 1; expected none. Check the "
            "manifest's labels."
        )
    return positive
