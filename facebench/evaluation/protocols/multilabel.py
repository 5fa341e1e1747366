"""The multilabel protocol: a linear probe that says of each label (action unit) if it is there.

Every fold is tested once, by what was fitted on all the others. F1 of each label is taken in each
fold and averaged over folds (JAA-Net's published form, which PCL follows), beside F1 over the
frames of all folds together (``f1_pooled``). Intervals are over subjects, drawn within folds. A
label that nobody shows in a fold's test side has F1 0 there, as in scikit-learn; ``details`` counts
these.

honest
    Per fold, some training *subjects* are held out, in proportion to the labels. Learning rate and
    weight decay are those with the highest mean F1 on them, each label at its own best threshold,
    and these thresholds are the ones used. F1 at 0.5 would rather measure how well a head is
    calibrated, and average precision is not what is reported. The probe is then trained on all
    training subjects, its last epoch is taken, and the fold's test side is touched once.
paper
    The recipe of the expression tasks, since none is printed or released for action units: mean
    binary cross entropy over labels, Adam 1e-2, cosine, 300 epochs, batch 256; a label is given
    from a probability of 0.5 on. ``f1`` is that of each fold's best *test* epoch by mean F1, as
    published numbers are; ``f1_last_epoch`` stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.errors import DataError
from facebench.evaluation.holdout import Rows
from facebench.evaluation.judgement import Judgement
from facebench.evaluation.metrics.label_f1 import (
    bootstrap_subjects,
    f1,
    fold_counts,
    fold_metrics,
    metric_names,
    subject_counts,
)
from facebench.evaluation.metrics.scores import as_json, with_intervals
from facebench.evaluation.probe.feature_matrix import FeatureMatrix
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


def detect_labels(
    dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int, progress: Progress
) -> Judgement:
    """Judge features of a multilabel task; see the module's docstring.

    Raises:
        DataError: A fold has no readable image or too few training subjects, or a subject is on
            two sides.
    """
    table, targets = dataset.table, dataset.task.info.targets
    folds = list(_folds(dataset, features))
    matrix = FeatureMatrix(features.values)  # parts of it share its memory
    chosen, parts, curves = [], [], []
    majority = np.zeros((len(table), len(targets)), np.int8)
    with progress.bar("probe", 2 * spec.epochs * len(folds), "epoch") as advance:
        more = increments(advance)
        for number, (train_rows, test_rows) in enumerate(folds):
            train = Side.of(matrix, table, targets, train_rows)
            choice = choose(train, spec, seed, lambda *_: more(1))
            test = Side.of(matrix, table, targets, test_rows)
            tested = fit_and_test(choice, train, test, spec, seed, lambda *_: more(1))
            majority[test_rows] = train.labels.mean(0) > 0.5
            chosen.append(_record(number, choice, tested, test, targets))
            parts.append(_predictions(table, test_rows, test, tested, targets))
            curves.append(tested.curve)
    predictions = pd.concat(parts).sort_index()
    floors = {
        name: _floor(predictions, decisions[predictions.index], targets)
        for name, decisions in (
            ("always positive", np.ones_like(majority)),
            ("majority class", majority),
        )
    }
    predictions = predictions.reset_index(drop=True)

    def rescore(kept: npt.NDArray[np.bool_]) -> dict[str, Any]:
        return scores_of(predictions[kept], targets, resamples=spec.resamples, seed=seed)

    scores = rescore(np.ones(len(predictions), dtype=bool))
    scores["paper"] |= {
        "best_epoch_by_fold": [part["best_epoch"] for part in chosen],
        "test_f1_by_fold_and_epoch": curves,
    }
    details = {"folds": chosen}
    return Judgement(scores, predictions, len(table), len(predictions), details, floors, rescore)


def _folds(dataset: Dataset, features: Features) -> Iterator[tuple[Rows, Rows]]:
    """Yield the readable rows of all other folds, and of the fold, for each of them."""
    fold, readable = dataset.table["fold"].to_numpy(), features.readable
    for number in np.unique(fold):
        sides = [np.flatnonzero(mask & readable) for mask in (fold != number, fold == number)]
        if not all(map(len, sides)):
            raise DataError(
                f"{dataset.task.info.title}: found {len(sides[0])} readable images to train on "
                f"and {len(sides[1])} to test in fold {number}; expected some of both. Check the "
                "dataset, or give a larger --limit."
            )
        yield sides[0], sides[1]


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
    """Return what was chosen in a fold, and on whom, as JSON."""
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


def scores_of(
    predictions: pd.DataFrame, targets: tuple[str, ...], *, resamples: int, seed: int
) -> dict[str, Any]:
    """Return the scores of predictions, with their intervals, as JSON.

    Args:
        predictions: ``subject`` and ``fold``, and for each target ``label_AU``, ``honest_AU``,
            ``paper_AU`` and ``paper_last_AU``, 0 or 1; one row per test item.
        targets: Names of the labels, in order.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    honest, paper, last = (
        _score(predictions, kind, targets, resamples, rng)
        for kind in ("honest", "paper", "paper_last")
    )
    paper["f1_last_epoch"] = last["f1"]
    paper["intervals"]["f1_last_epoch"] = last["intervals"]["f1"]
    return {"honest": honest, "paper": paper}


def _score(
    predictions: pd.DataFrame,
    kind: str,
    targets: tuple[str, ...],
    resamples: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Return every F1 of one kind of decision with its interval, as JSON."""
    counts, folds = _counts(predictions, _columns(predictions, kind, targets), targets)
    interval = bootstrap_subjects(counts, folds, rng=rng, resamples=resamples)
    of_folds = f1(fold_counts(counts, folds))
    by_fold = {
        f"f1_{target}_by_fold": as_json(values)
        for target, values in zip(targets, of_folds.T, strict=True)
    }
    return {
        **with_intervals(metric_names(targets), interval),
        "f1_by_fold": as_json(of_folds.mean(1)),
        **by_fold,
    }


def _floor(
    predictions: pd.DataFrame, decisions: Labels, targets: tuple[str, ...]
) -> dict[str, float]:
    """Return every F1 of decisions that need no features."""
    values = fold_metrics(fold_counts(*_counts(predictions, decisions, targets)))
    return dict(zip(metric_names(targets), values.tolist(), strict=True))


def _counts(
    predictions: pd.DataFrame, decisions: Labels, targets: tuple[str, ...]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    labels = _columns(predictions, "label", targets)
    subjects, folds = (predictions[name].to_numpy() for name in ("subject", "fold"))
    return subject_counts(labels, decisions, subjects, folds)


def _columns(predictions: pd.DataFrame, kind: str, targets: tuple[str, ...]) -> Labels:
    return predictions[[f"{kind}_{target}" for target in targets]].to_numpy(np.int8)
