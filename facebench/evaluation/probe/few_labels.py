"""Classifiers of a few labelled rows, drawn by class, by scikit-learn's logistic regression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from facebench.evaluation.probe.feature_matrix import FeatureMatrix

C = 1.0  # inverse strength of L2: Tian et al., arXiv 2003.11539, released code
_ITERATIONS = 1000  # at most, as there
_BLOCK = 2048  # rows evaluated at a time

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Fitted:
    """A classifier of one draw.

    Args:
        mean: ``[D]`` what is subtracted from features before they are normalised.
        classes: ``[C]`` the classes that were drawn.
        weights: ``[C, D]``.
        bias: ``[C]``.
    """

    mean: Floats
    classes: Ints
    weights: Floats
    bias: Floats


class FewLabels:
    """Draws of labelled rows, and classifiers of them.

    Args:
        rows: ``[N, D]`` training rows.
        labels: ``[N]`` class of each, 0-based.
    """

    def __init__(self, rows: FeatureMatrix, labels: Ints) -> None:
        self.rows = rows
        self.labels = labels

    def draw(self, shots: float, *, seed: int, number: int) -> Ints:
        """Return the places of drawn rows; a larger number of labels has those of a smaller one.

        Args:
            shots: Rows of each class, or below 1 a share of each class's rows, at least one.
            seed: Seed of the run.
            number: Number of the draw, from 0.
        """
        rng = np.random.default_rng([seed, number])
        drawn = []
        for label in np.unique(self.labels):
            own = rng.permutation(np.flatnonzero(self.labels == label))
            count = int(shots) if shots >= 1 else max(1, round(shots * len(own)))
            drawn.append(own[:count])
        return np.sort(np.concatenate(drawn))

    def fit(self, drawn: Ints) -> Fitted:
        """Fit a multinomial logistic regression to rows less their mean, normalised."""
        from sklearn.linear_model import LogisticRegression

        values = torch.empty(len(drawn), self.rows.width)
        self.rows.gather(torch.from_numpy(drawn), values)
        features = values.numpy()
        mean = features.mean(0)
        model = LogisticRegression(C=C, max_iter=_ITERATIONS)
        model.fit(_normalised(features - mean), self.labels[drawn])
        weights, bias = model.coef_.astype(np.float32), model.intercept_.astype(np.float32)
        if len(model.classes_) == 2:  # scikit-learn has one score then: of the second class
            weights, bias = np.concatenate([-weights, weights]), np.concatenate([-bias, bias])
        return Fitted(mean, model.classes_, weights, bias)

    def decide(self, fitted: Sequence[Fitted], test: FeatureMatrix) -> Iterator[Ints]:
        """Yield the classes ``[n]`` of test rows by each classifier; rows are read once for all.

        Args:
            fitted: The classifiers.
            test: ``[n, D]``.
        """
        found = np.empty((len(fitted), len(test)), np.int64)
        for cut, values in test.blocks(_BLOCK):
            for place, one in enumerate(fitted):
                scores = _normalised(values.numpy() - one.mean) @ one.weights.T + one.bias
                found[place, cut] = one.classes[scores.argmax(1)]
        yield from found


def _normalised(features: Floats) -> Floats:
    """Return rows of length 1; a row of zeros as it is."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    normalised: Floats = features / np.maximum(length, np.finfo(np.float32).tiny)
    return normalised
