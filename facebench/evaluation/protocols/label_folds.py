"""The folds of the multilabel protocol."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import pandas as pd

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.evaluation.holdout import Rows, fold_rows
from facebench.evaluation.probe.feature_matrix import FeatureMatrix
from facebench.evaluation.protocol import Probed
from facebench.evaluation.protocols.label_probe import (
    Choice,
    Labels,
    Side,
    Tested,
    choose,
    fit_and_test,
)
from facebench.evaluation.store import Features
from facebench.progress import Progress, increments


def probe_labels(
    dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int, progress: Progress
) -> Probed:
    """Fit, choose and predict in every fold; the arguments are those of ``Protocol.probe``.

    Raises:
        DataError: A fold has no readable image or too few training subjects, or a subject is on
            two sides.
    """
    table, targets = dataset.table, dataset.task.info.targets
    folds = list(fold_rows(dataset, features.readable))
    matrix = FeatureMatrix(features.values, device=features.device)  # parts of it share its memory
    chosen, parts, curves = [], [], []
    with progress.bar("probe", 2 * spec.epochs * len(folds), "epoch") as advance:
        more = increments(advance)
        for number, (train_rows, test_rows) in enumerate(folds):
            train = Side.of(matrix, table, targets, train_rows)
            choice = choose(train, spec, seed, lambda *_: more(1))
            test = Side.of(matrix, table, targets, test_rows)
            tested = fit_and_test(choice, train, test, spec, seed, lambda *_: more(1))
            chosen.append(_record(number, choice, tested, test, targets))
            parts.append(_predictions(table, test_rows, test, tested, targets))
            curves.append(tested.curve)
    return Probed(
        pd.concat(parts).sort_index().reset_index(drop=True),
        {"folds": chosen},
        monitored={
            "best_epoch_by_fold": [part["best_epoch"] for part in chosen],
            "test_f1_by_fold_and_epoch": curves,
        },
    )


def _predictions(
    table: pd.DataFrame, rows: Rows, test: Side, tested: Tested, targets: tuple[str, ...]
) -> pd.DataFrame:
    """Return a fold's part of the predictions, with the table's row numbers as index."""
    frame = table.iloc[rows][["path", "subject", "fold"]].set_axis(rows)
    columns: dict[str, npt.NDArray[Any]] = {
        "label": test.labels,
        "honest": tested.honest,
        "honest_probability": tested.probabilities,
        "paper": tested.paper,
        "paper_last": tested.paper_last,
    }
    named = {
        f"{kind}_{target}": values[:, number]
        for number, target in enumerate(targets)
        for kind, values in columns.items()
    }
    return pd.concat([frame, pd.DataFrame(named, index=frame.index)], axis=1)


def _record(
    fold: int, choice: Choice, tested: Tested, test: Side, targets: tuple[str, ...]
) -> dict[str, Any]:
    """Return the chosen hyper-parameters of a fold and the held-out subjects, as JSON."""
    held = sorted(map(str, set(choice.held.subjects)))
    return {
        "fold": fold,
        "test_subjects": len(set(test.subjects)),
        "chosen_on": held,
        "held_out_items": len(choice.held.labels),
        "fitted_items": len(choice.fit.labels),
        "chosen": {"lr": choice.head.lr, "weight_decay": choice.head.weight_decay},
        "thresholds": dict(zip(targets, choice.thresholds.tolist(), strict=True)),
        "held_out_f1": choice.tried,
        "never_held_out": _absent(choice.held.labels, targets),
        "never_tested": _absent(test.labels, targets),
        "best_epoch": tested.best_epoch,
    }


def _absent(labels: Labels, targets: tuple[str, ...]) -> list[str]:
    """Return the labels that no item has: their F1 is 0 by convention, their threshold 0.5."""
    return [target for target, shown in zip(targets, labels.sum(0), strict=True) if not shown]
