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
    For each fold a head (:mod:`facebench.evaluate.pair_head`) is trained on all other folds, and
    the threshold chosen on the same folds; then both are applied to the fold, once.

    honest
        The learning rate is chosen by accuracy on one of the other folds, with head and threshold
        from the rest of them (no fold shares a person with another); the head is then trained on
        all of them. The threshold is searched exactly.
    paper
        No paper gives code or a recipe for this variant: the learning rate and batches of PCL's
        released linear probe, and facenet's grid of thresholds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.dataset import Dataset
from facebench.errors import DataError
from facebench.evaluate.intervals import bootstrap_confusion
from facebench.evaluate.learned_pairs import verify_learned
from facebench.evaluate.metrics import accuracy, confusion_matrix
from facebench.evaluate.pair_intervals import bootstrap_ranking
from facebench.evaluate.protocols import Judgement
from facebench.evaluate.store import Features
from facebench.evaluate.verification import FARS, Variant, Verification, part, verify
from facebench.progress import Progress
from facebench.spec import ProbeSpec


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
    outcomes, details = _verify(features, rows, same, folds, spec, seed=seed, progress=progress)
    predictions: pd.DataFrame = pairs.reset_index(drop=True)
    for name, (_, outcome) in outcomes.items():
        predictions[f"{name}_similarity"] = outcome.scores
        predictions[name] = outcome.predictions

    def rescore(kept: npt.NDArray[np.bool_]) -> dict[str, Any]:
        rng = np.random.default_rng(seed)
        return {
            name: {
                "variant": variant,
                **_score(part(outcome, same, folds, kept), same[kept], spec, rng),
            }
            for name, (variant, outcome) in outcomes.items()
        }

    scores = rescore(np.ones(len(pairs), dtype=bool))
    floors = {"chance": {"accuracy": float(max(same.mean(), 1 - same.mean())), "roc_auc": 0.5}}
    n_test = len(dataset.pairs)
    return Judgement(scores, predictions, n_test, len(pairs), details, floors, rescore)


def _verify(
    features: Features,
    rows: npt.NDArray[np.int64],
    same: npt.NDArray[np.bool_],
    folds: npt.NDArray[np.int64],
    spec: ProbeSpec,
    *,
    seed: int,
    progress: Progress,
) -> tuple[dict[str, tuple[str, Verification]], dict[str, Any]]:
    """Return name of the variant and outcome for ``honest`` and ``paper``, and the details."""
    exact: Variant = "exact_centred" if spec.centre else "exact"
    details = {"folds": len(np.unique(folds)), "verification": spec.verification}
    if spec.verification == "learned":
        learned = verify_learned(
            features.values, rows, same, folds,
            spec=spec, variant=exact, seed=seed, progress=progress,
        )  # fmt: skip
        names = {"honest": f"learned_{exact}", "paper": "learned_facenet"}
        outcomes = {"honest": learned.honest, "paper": learned.paper}
        return {kind: (names[kind], outcomes[kind]) for kind in names}, details | learned.details
    plain: dict[str, tuple[str, Verification]] = {}
    variants: dict[str, Variant] = {"honest": exact, "paper": "facenet"}
    with progress.bar("verify", len(variants), "protocol") as advance:
        for done, (kind, variant) in enumerate(variants.items(), start=1):
            plain[kind] = (variant, verify(features.values, rows, same, folds, variant=variant))
            advance(done)
    return plain, details


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
