"""Cross-validation of learned heads for pairs; a fold is used only for its own test.

For fold k of K another fold h is held out to choose the learning rate: heads are trained on the
other K - 2 folds, where the threshold is chosen, too, and the rate with the highest accuracy on h
is used (of equal ones the first). Folds are paired (0 with 1, 2 with 3, ...; the last of an odd
number with 0), so that the heads without k and h serve both choices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from facebench.config.spec import ProbeSpec
from facebench.errors import DataError
from facebench.evaluation.probe.feature_matrix import ArrayLike, FeatureMatrix
from facebench.evaluation.probe.pair_head import PairHeads, train_pair_heads
from facebench.evaluation.protocols.pair_folds import Variant, verify
from facebench.evaluation.protocols.pair_outcome import Verification, ranked
from facebench.progress import Progress

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
OnEpoch = Callable[[PairHeads], None]

_PAPER = 1  # its position among the two evaluated heads


@dataclass(frozen=True)
class LearnedVerification:
    """Outcome of learned heads.

    The similarities of a fold are those of its own head, so a ROC curve of all folds together
    ranks the similarities of K heads.

    Args:
        honest: Outcome with the chosen learning rates and the threshold searched exactly.
        paper: Outcome with the fixed learning rate and facenet's grid of thresholds.
        paper_curve: For each fold, accuracy on it after each epoch of the paper's head; for
            display, not used for any choice.
        details: JSON: the chosen learning rate of each fold, and the accuracies of all rates.
    """

    honest: Verification
    paper: Verification
    paper_curve: list[list[float]]
    details: dict[str, Any]


def verify_learned(
    features: ArrayLike,
    pairs: Ints,
    same: Bools,
    folds: Ints,
    *,
    spec: ProbeSpec,
    variant: Variant,
    seed: int,
    progress: Progress,
) -> LearnedVerification:
    """Train, choose and verify by K-fold cross-validation; see the module's docstring.

    Args:
        features: ``[N, D]``.
        pairs: ``[P, 2]`` rows of the two images of each pair.
        same: ``[P]`` whether they show one person.
        folds: ``[P]`` the fold of each pair; no two folds may share a person.
        spec: Options of the probe.
        variant: Variant of the verification in ``honest``: ``exact`` or ``exact_centred``.
        seed: Seed of initial weights and order of pairs, the same for every head.
        progress: Progress reporter.

    Raises:
        DataError: There are fewer than three folds, or a feature is not finite.
    """
    names, number = np.unique(folds, return_inverse=True)
    check_folds(len(names))
    used, rows = np.unique(pairs, return_inverse=True)
    listed = _Pairs(rows.reshape(pairs.shape), same, number.astype(np.int64))
    learner = _Learner(FeatureMatrix(features, rows=used), listed, spec, variant, seed)
    partners = [_partner(k, len(names)) for k in range(len(names))]
    apart = [(min(k, h), max(k, h)) for k, h in enumerate(partners)]  # held out of the choice
    held_out: dict[int, Floats] = {}
    judged: list[tuple[Verification, Verification]] = []
    with progress.bar("verify", len(set(apart)) + len(names), "training") as advance:
        for done, both in enumerate(dict.fromkeys(apart), start=1):
            heads = learner.train(both, spec.pair_lrs)
            for k in both:
                if apart[k] == both:
                    held_out[k] = learner.held_out_accuracies(heads, k, partners[k])
            advance(done)
        chosen = [spec.pair_lrs[int(held_out[k].argmax())] for k in range(len(names))]
        curves: list[list[float]] = [[] for _ in names]
        for k, lr in enumerate(chosen):
            heads = learner.train((k,), (lr, spec.paper_lr), learner.monitor(k, curves[k]))
            judged.append(learner.judge(heads, k))
            advance(len(set(apart)) + k + 1)
    honest, paper = (_joined(parts, listed) for parts in zip(*judged, strict=True))
    details = {
        "chosen": [{"lr": lr} for lr in chosen],
        "chosen_on": "one other fold",
        "chosen_on_fold": names[partners].tolist(),
        "held_out_accuracy": [_by_rate(spec.pair_lrs, held_out[k]) for k in range(len(names))],
    }
    return LearnedVerification(honest, paper, curves, details)


class _Pairs(NamedTuple):
    rows: Ints  # [P, 2]
    same: Bools  # [P]
    folds: Ints  # [P], from 0 to K - 1

    def part(self, mask: Bools) -> _Pairs:
        return _Pairs(self.rows[mask], self.same[mask], self.folds[mask])


@dataclass(frozen=True)
class _Learner:
    """Data that all heads of a cross-validation share."""

    matrix: FeatureMatrix
    pairs: _Pairs
    spec: ProbeSpec
    variant: Variant
    seed: int

    def train(
        self, without: tuple[int, ...], lrs: tuple[float, ...], on_epoch: OnEpoch | None = None
    ) -> PairHeads:
        """Train one head for each learning rate on all folds but ``without``."""
        training = self.pairs.part(~np.isin(self.pairs.folds, without))
        return train_pair_heads(
            self.matrix,
            training.rows,
            training.same,
            lrs,
            dim=self.spec.embedding_dim,
            epochs=self.spec.pair_epochs,
            batch_size=self.spec.batch_size,
            seed=self.seed,
            on_epoch=on_epoch,
        )

    def monitor(self, k: int, curve: list[float]) -> OnEpoch:
        """Append to ``curve``, after each epoch, the paper's accuracy on fold k."""

        def after(heads: PairHeads) -> None:
            (paper,) = heads.embed(self.matrix, [_PAPER])
            curve.append(float(self._paper(paper, k).accuracies[1]))

        return after

    def held_out_accuracies(self, heads: PairHeads, k: int, h: int) -> Floats:
        """Accuracy ``[H]`` on fold h; head and threshold are those of neither k nor h."""
        visible = self.pairs.part(self.pairs.folds != k)
        outcomes = [
            verify(e, visible.rows, visible.same, visible.folds == h, variant=self.variant)
            for e in heads.embed(self.matrix)
        ]
        return np.array([outcome.accuracies[1] for outcome in outcomes])

    def judge(self, heads: PairHeads, k: int) -> tuple[Verification, Verification]:
        """Return the outcomes of both heads, honest first; only fold k, the second one, counts."""
        honest, paper = heads.embed(self.matrix)
        rows, same, folds = self.pairs
        return (
            verify(honest, rows, same, folds == k, variant=self.variant),
            self._paper(paper, k),
        )

    def _paper(self, embedded: ArrayLike, k: int) -> Verification:
        rows, same, folds = self.pairs
        return verify(embedded, rows, same, folds == k, variant="facenet")


def check_folds(count: int) -> None:
    """Refuse too few folds to learn a head from.

    Raises:
        DataError: There are fewer than three.
    """
    if count < 3:
        raise DataError(
            f"no head can be learned from these pairs: found {count} fold(s); expected at "
            "least three, to test on, to choose the learning rate on and to learn from. Use "
            "probe.verification=cosine."
        )


def _by_rate(lrs: tuple[float, ...], accuracies: Floats) -> list[dict[str, float]]:
    return [{"lr": lr, "accuracy": float(value)} for lr, value in zip(lrs, accuracies, strict=True)]


def _partner(k: int, folds: int) -> int:
    """Return the fold on which the learning rate for fold k is chosen."""
    return k ^ 1 if k ^ 1 < folds else 0


def _joined(parts: tuple[Verification, ...], pairs: _Pairs) -> Verification:
    """Join the test folds of all outcomes, which are the second of two folds in each."""
    scores, predictions = np.empty(len(pairs.same)), np.empty(len(pairs.same), dtype=np.bool_)
    for k, part in enumerate(parts):
        own = pairs.folds == k
        scores[own], predictions[own] = part.scores[own], part.predictions[own]
    area, accepted = ranked(scores, pairs.same)
    return Verification(
        accuracies=np.array([part.accuracies[1] for part in parts]),
        thresholds=np.array([part.thresholds[1] for part in parts]),
        scores=scores,
        predictions=predictions,
        roc_auc=area,
        tar_at_far=accepted,
    )
