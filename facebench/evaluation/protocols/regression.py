"""The regression protocol: batch normalisation and a linear layer from features to real numbers.

The score is the mean absolute error of each target, and the mean of these; over test items, never
over batches, so that every item counts the same. Intervals are over test items.

honest
    Learning rate and weight decay are chosen by mean absolute error on held-out training items (the
    task's own ``val`` split, else a share of ``train`` which splits no subject: turned and mirrored
    copies of a photograph stay together), with Adam and cosine annealing on the paper's layers and
    loss. Targets are standardised by the rows that are learnt from, which is undone before anything
    is scored. The probe is then trained on the whole training split, its last epoch is used, and
    the test split is used once.
paper
    The recipe of PCL's released code for head poses (``main_pose.py`` and its configuration): L1 in
    degrees, AdamW 1e-3 with torch's default weight decay, a constant rate (the schedule is created
    but never stepped), batch 128, 300 epochs. ``mae`` is that of the best *test* epoch, as
    published numbers are; ``mae_last_epoch`` is reported, too. The released code prints the mean
    over batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.data.table_checks import check_targets, named_targets
from facebench.errors import DataError
from facebench.evaluation.holdout import Rows, hold_out, split_rows
from facebench.evaluation.metrics.absolute_error import (
    YAW,
    errors_by_yaw,
    in_yaw_ranges,
    mean_errors,
    metric_names,
)
from facebench.evaluation.metrics.intervals import RESAMPLES, as_json
from facebench.evaluation.protocol import (
    Bools,
    CurveForm,
    Floats,
    Ints,
    Probed,
    Protocol,
)
from facebench.evaluation.resampling import (
    Measured,
    interval_ends,
    measure,
    scores_with_intervals,
)
from facebench.evaluation.store import Features
from facebench.evaluation.target_columns import target_columns, target_names
from facebench.evaluation.units import units
from facebench.progress import Progress
from facebench.protocol import ScoreKind
from facebench.task import TaskInfo

_BY_YAW = "errors_by_yaw"


class Regression(Protocol):
    """Several real numbers for each image; see the module's docstring."""

    name = "regression"
    version = 2  # 1: products by oneDNN or a compiled kernel, which round in another way
    highest = float("inf")
    target_kind = "numbers"
    curve = CurveForm("test_mae_by_epoch", "mae", higher_is_better=False)
    monitored = frozenset({"best_epoch", "test_mae_by_epoch"})

    def table_columns(self, info: TaskInfo) -> tuple[str, ...]:
        """Return the numbers."""
        return named_targets(info)

    def check_table(self, info: TaskInfo, table: pd.DataFrame) -> None:
        """Check that the numbers are finite."""
        check_targets(info, table[list(info.targets)])

    def metrics(self, info: TaskInfo) -> tuple[str, ...]:
        """Return the mean absolute error: mean over numbers, and of each."""
        return tuple(metric_names(info.targets))

    def probe(
        self, dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int,
        progress: Progress,
    ) -> Probed:  # fmt: skip
        """Train heads of batch normalisation and a linear layer.

        Raises:
            DataError: A split is empty, there is one test item alone, or there are too few items
                to hold some out.
        """
        from facebench.evaluation.protocols.number_probe import probe_numbers  # with torch

        _rows(dataset, features.readable)
        probed = probe_numbers(dataset, features, spec, seed=seed, progress=progress)
        if YAW not in dataset.task.info.targets:
            return probed
        return replace(probed, details={**probed.details, _BY_YAW: yaw_table(probed.predictions)})

    def check_items(self, dataset: Dataset, spec: ProbeSpec, *, seed: int) -> None:
        """Check that both splits have items: to hold out, to normalise, and for an interval."""
        from facebench.evaluation.probe.training import check_normalised  # with torch

        rows = _rows(dataset, np.ones(len(dataset), dtype=bool))
        check_normalised(len(hold_out(dataset.table, rows, spec.holdout, seed).fit))

    def score(
        self, predictions: pd.DataFrame, choices: Mapping[str, Any], *, resamples: int, seed: int
    ) -> dict[str, Any]:
        """Score numbers: of a target ``T`` these are ``label_T``, ``honest_T``, ``paper_T``, ..."""
        drawn = units(predictions)
        honest, paper, last = (
            scores_with_intervals(
                drawn, _mean_errors_of(predictions, kind, drawn.of_item),
                resamples=resamples, seed=seed,
            )
            for kind in ("honest", "paper", "paper_last")
        )  # fmt: skip
        paper["mae_last_epoch"] = last["mae"]
        paper["intervals"]["mae_last_epoch"] = last["intervals"]["mae"]
        return {"honest": honest, "paper": paper}

    def floors(self, dataset: Dataset, readable: Bools) -> dict[str, dict[str, float]]:
        """Return the errors of always predicting the mean of the training split."""
        targets, rows = list(dataset.task.info.targets), split_rows(dataset, readable)
        values = dataset.table[targets].to_numpy(np.float64)
        errors = mean_errors(values[rows["train"]].mean(0) - values[rows["test"]]).tolist()
        return {"constant predictor": dict(zip(metric_names(targets), errors, strict=True))}

    def measures(self, predictions: pd.DataFrame, kind: ScoreKind, of_item: Ints) -> list[Measured]:
        """Return every mean absolute error; images are drawn."""
        return [_mean_errors_of(predictions, kind, of_item)]

    def rescored_details(
        self, details: Mapping[str, Any], predictions: pd.DataFrame
    ) -> dict[str, Any]:
        """Return the errors in each range of yaw, if they are stored."""
        return {_BY_YAW: yaw_table(predictions)} if _BY_YAW in details else {}


def _rows(dataset: Dataset, readable: Bools) -> dict[str, Rows]:
    """Return the rows of each split, if there are enough test items for an interval."""
    rows = split_rows(dataset, readable)
    if len(rows["test"]) < 2:
        raise DataError(
            f"{dataset.task.info.title}: found one readable test image; expected at least two, "
            "since an error has no interval otherwise. Check the dataset, or give a larger --limit."
        )
    return rows


def yaw_table(predictions: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Return the errors of ``honest`` and ``paper`` in each range of true yaw, as JSON."""
    targets = target_names(predictions)
    return {
        kind: errors_by_yaw(_errors(predictions, kind), predictions[f"label_{YAW}"], targets)
        for kind in ("honest", "paper")
    }


def yaw_intervals(
    predictions: pd.DataFrame, kind: str
) -> dict[str, list[tuple[float | None, float | None]]]:
    """Return the 95 % intervals of :func:`yaw_table`: for each metric one in each range.

    They are of the images in the range, and none with fewer than two.
    """
    yaw = predictions[f"label_{YAW}"].to_numpy(np.float64)
    names = metric_names(target_names(predictions))
    found: dict[str, list[tuple[float | None, float | None]]] = {name: [] for name in names}
    for inside in in_yaw_ranges(yaw):
        ends = np.full((2, len(names)), np.nan)
        if inside.sum() > 1:
            part = predictions[inside]
            drawn = units(part)
            of_items = _mean_errors_of(part, kind, drawn.of_item)
            ends = interval_ends(drawn, measure([of_items], names), resamples=RESAMPLES)
        for name, both in zip(names, ends.T, strict=True):
            low, high = as_json(both)
            found[name].append((low, high))
    return found


def _mean_errors_of(predictions: pd.DataFrame, kind: str, of_item: Ints) -> Measured:
    """Return the mean absolute errors as a function of how often each unit is drawn."""
    absolute = np.abs(_errors(predictions, kind))
    items = np.column_stack([absolute, np.ones(len(absolute))])  # sums of errors, and a count
    of_unit = np.stack([np.bincount(of_item, weights=column) for column in items.T], axis=1)

    def values(times: npt.NDArray[Any]) -> Floats:
        sums = np.asarray(times, np.float64) @ of_unit
        means = sums[:, :-1] / sums[:, -1:]
        return np.column_stack([means.mean(1), means])

    return Measured(metric_names(target_names(predictions)), values)


def _errors(predictions: pd.DataFrame, kind: str) -> Floats:
    """Return ``[N, T]``, predicted minus true values."""
    targets = target_names(predictions)
    predicted, true = (
        target_columns(predictions, which, targets).astype(np.float64) for which in (kind, "label")
    )
    errors: Floats = predicted - true
    if not np.isfinite(errors).all():
        lacking = int((~np.isfinite(errors)).any(axis=1).sum())
        raise DataError(
            f"these predictions cannot be scored: found {lacking:,} of {len(errors):,} items with "
            f"{kind} or true numbers that are not finite; expected none. Check the features."
        )
    return errors
