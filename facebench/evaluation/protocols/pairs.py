"""The verification protocol: are two faces the same person? By cosine, or by a learned head.

``cosine`` (default), in which nothing is trained
    honest
        Cosine similarity; for each fold the threshold that is most accurate on all other folds,
        searched over every similarity observed there (LFW's View 2).
    paper
        The field's usual implementation (facenet, insightface): squared distance of normalised
        features and a grid of 400 thresholds. PCL's paper only says "averaged across the 10
        folds". Both touch a fold only once, so they differ by the coarseness of the grid alone.

``learned`` (``--set probe.verification=learned``)
    For each fold a head (``probe/pair_head.py``) is trained on all other folds,
    and the threshold chosen on the same folds; then both are applied to the fold, once.

    honest
        The learning rate is chosen by accuracy on one of the other folds, with head and threshold
        from the rest of them (no fold shares a person with another); the head is then trained on
        all of them. The threshold is searched exactly.
    paper
        No paper gives code or a recipe for this variant: the learning rate and batches of PCL's
        released linear probe, and facenet's grid of thresholds. The last epoch is taken; accuracy
        on the fold after each epoch is stored and nothing is chosen by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.errors import DataError
from facebench.evaluation.judgement import Judgement
from facebench.evaluation.metrics.confusion import accuracy, confusion_matrix
from facebench.evaluation.metrics.intervals import bootstrap_confusion
from facebench.evaluation.metrics.pair_intervals import FARS, bootstrap_ranking
from facebench.evaluation.protocols.learned_pairs import verify_learned
from facebench.evaluation.protocols.verification import Variant, Verification, decided, verify
from facebench.evaluation.store import Features
from facebench.progress import Progress


def verify_pairs(
    dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int, progress: Progress
) -> Judgement:
    """Judge features of a verification task; see the module's docstring.

    Raises:
        DataError: The task has no pairs, or none can be scored, or a head cannot be learned from
            fewer than three folds.
    """
    if dataset.pairs is None:
        raise DataError(f"{dataset.task.info.title}: has no pairs to verify.")
    place = pd.Series(range(len(dataset)), index=dataset.table["path"])
    sides = [place[dataset.pairs[side]].to_numpy(np.int64) for side in ("first", "second")]
    rows = np.column_stack(sides).astype(np.int64, copy=False)
    scored = features.readable[rows].all(axis=1)
    pairs, rows = dataset.pairs.iloc[np.flatnonzero(scored)], rows[scored]
    same, folds = pairs["same"].to_numpy(bool), pairs["fold"].to_numpy(np.int64)
    judged = _verify(features, rows, same, folds, spec, seed=seed, progress=progress)
    predictions: pd.DataFrame = pairs.reset_index(drop=True)
    for name, outcome in judged.outcomes.items():
        predictions[f"{name}_similarity"] = outcome.scores
        predictions[name] = outcome.predictions
    thresholds = {name: outcome.thresholds for name, outcome in judged.outcomes.items()}

    def rescore(kept: npt.NDArray[np.bool_]) -> dict[str, Any]:
        scores = scores_of(predictions[kept], thresholds, resamples=spec.resamples, seed=seed)
        return {name: {"variant": judged.variants[name], **scores[name]} for name in scores}

    scores = rescore(np.ones(len(pairs), dtype=bool))
    scores["paper"] |= judged.curves
    floors = {"chance": {"accuracy": float(max(same.mean(), 1 - same.mean())), "roc_auc": 0.5}}
    n_test = len(dataset.pairs)
    return Judgement(scores, predictions, n_test, len(pairs), judged.details, floors, rescore)


def scores_of(
    predictions: pd.DataFrame,
    thresholds: Mapping[str, npt.ArrayLike],
    *,
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """Return the scores of pairs that were decided on, with their intervals, as JSON.

    Args:
        predictions: ``same``, ``fold``, and for each kind of score its ``KIND_similarity`` and
            decision ``KIND``, one row per pair.
        thresholds: For ``honest`` and ``paper``, ``[K]``: those of each fold, in order.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        DataError: A fold, or a kind of pair, has none.
    """
    rng = np.random.default_rng(seed)
    same, folds = predictions["same"].to_numpy(bool), predictions["fold"].to_numpy(np.int64)
    scores = {}
    for kind in ("honest", "paper"):
        outcome = decided(
            predictions[f"{kind}_similarity"].to_numpy(np.float64),
            predictions[kind].to_numpy(bool),
            np.asarray(thresholds[kind], dtype=np.float64),
            same,
            folds,
        )
        scores[kind] = _score(outcome, same, resamples, rng)
    return scores


class _Judged(NamedTuple):
    """Variant and outcome for ``honest`` and ``paper``, the paper's curves if any, details."""

    variants: dict[str, str]
    outcomes: dict[str, Verification]
    curves: dict[str, Any]
    details: dict[str, Any]


def _verify(
    features: Features,
    rows: npt.NDArray[np.int64],
    same: npt.NDArray[np.bool_],
    folds: npt.NDArray[np.int64],
    spec: ProbeSpec,
    *,
    seed: int,
    progress: Progress,
) -> _Judged:
    exact: Variant = "exact_centred" if spec.centre else "exact"
    details = {"folds": len(np.unique(folds)), "verification": spec.verification}
    if spec.verification == "learned":
        learned = verify_learned(
            features.values, rows, same, folds,
            spec=spec, variant=exact, seed=seed, progress=progress,
        )  # fmt: skip
        return _Judged(
            {"honest": f"learned_{exact}", "paper": "learned_facenet"},
            {"honest": learned.honest, "paper": learned.paper},
            {"test_accuracy_by_fold_and_epoch": learned.paper_curve},
            details | learned.details,
        )
    outcomes: dict[str, Verification] = {}
    variants: dict[str, Variant] = {"honest": exact, "paper": "facenet"}
    with progress.bar("verify", len(variants), "protocol") as advance:
        for done, (kind, variant) in enumerate(variants.items(), start=1):
            outcomes[kind] = verify(features.values, rows, same, folds, variant=variant)
            advance(done)
    return _Judged({**variants}, outcomes, {}, details)


def _score(
    outcome: Verification, same: np.ndarray, resamples: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Return the metrics with their intervals over pairs, as JSON."""
    confusion = confusion_matrix(same.astype(int), outcome.predictions.astype(int), 2)
    over_pairs = bootstrap_confusion(confusion, accuracy, rng=rng, resamples=resamples)
    low, high = bootstrap_ranking(outcome.scores, same, FARS, rng=rng, resamples=resamples)
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
