"""The verification protocol: are two faces the same person? Nothing is trained.

honest
    Cosine similarity; for each fold the threshold that is most accurate on all other folds,
    searched over every similarity observed there (LFW's View 2).
paper
    The field's usual implementation (facenet, insightface): squared distance of normalised
    features and a grid of 400 thresholds. PCL's paper only says "averaged across the 10 folds".

Both touch a fold only once, so they differ by the coarseness of the grid alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from facebench.dataset import Dataset
from facebench.errors import DataError
from facebench.evaluate.intervals import bootstrap_confusion
from facebench.evaluate.metrics import accuracy, confusion_matrix
from facebench.evaluate.pair_intervals import bootstrap_ranking
from facebench.evaluate.protocols import Judgement
from facebench.evaluate.store import Features
from facebench.evaluate.verification import FARS, Verification, verify
from facebench.progress import Progress
from facebench.spec import ProbeSpec


def verify_pairs(
    dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int, progress: Progress
) -> Judgement:
    """Judge features of a verification task; see the module's docstring.

    Raises:
        DataError: The task has no pairs, or none can be scored.
    """
    if dataset.pairs is None:
        raise DataError(f"{dataset.task.info.title}: has no pairs to verify.")
    place = pd.Series(range(len(dataset)), index=dataset.table["path"])
    rows = np.column_stack([place[dataset.pairs[side]].to_numpy() for side in ("first", "second")])
    scored = features.readable[rows].all(axis=1)
    pairs, rows = dataset.pairs.iloc[np.flatnonzero(scored)], rows[scored]
    same, folds = pairs["same"].to_numpy(bool), pairs["fold"].to_numpy()
    rng = np.random.default_rng(seed)
    predictions: pd.DataFrame = pairs.reset_index(drop=True)
    scores: dict[str, Any] = {}
    variants = {"honest": "exact_centred" if spec.centre else "exact", "paper": "facenet"}
    with progress.bar("verify", len(variants), "protocol") as advance:
        for done, (name, variant) in enumerate(variants.items(), start=1):
            outcome = verify(features.values, rows, same, folds, variant=variant)  # type: ignore[arg-type]
            scores[name] = {"variant": variant, **_score(outcome, same, spec, rng)}
            predictions[f"{name}_similarity"] = outcome.scores
            predictions[name] = outcome.predictions
            advance(done)
    details = {"folds": len(np.unique(folds))}
    floors = {"chance": {"accuracy": float(max(same.mean(), 1 - same.mean())), "roc_auc": 0.5}}
    return Judgement(scores, predictions, len(dataset.pairs), len(pairs), details, floors)


def _score(
    outcome: Verification, same: np.ndarray, spec: ProbeSpec, rng: np.random.Generator
) -> dict[str, Any]:
    """Return the metrics with their intervals over pairs, as JSON."""
    confusion = confusion_matrix(same.astype(int), outcome.predictions.astype(int), 2)
    over_pairs = bootstrap_confusion(confusion, accuracy, rng=rng, resamples=spec.resamples)
    low, high = bootstrap_ranking(outcome.scores, same, FARS, rng=rng, resamples=spec.resamples)
    names = ["roc_auc", *(f"tar_at_far_{far:g}" for far in FARS)]
    ranked = [outcome.roc_auc, *(outcome.tar_at_far[far] for far in FARS)]
    intervals = {name: [float(a), float(b)] for name, a, b in zip(names, low, high, strict=True)}
    intervals["accuracy"] = [float(over_pairs.low), float(over_pairs.high)]
    return {
        "accuracy": outcome.mean,
        "std_over_folds": outcome.std,
        "standard_error": outcome.standard_error,
        "accuracy_by_fold": outcome.accuracies.tolist(),
        "thresholds": outcome.thresholds.tolist(),
        **dict(zip(names, map(float, ranked), strict=True)),
        "intervals": intervals,
    }
