"""Pair verification by the similarity of two features and a threshold.

The threshold for a fold is chosen on all other folds. Three variants, reported by name:

- ``exact``: cosine similarity; searched over all training similarities
- ``exact_centred``: the same after subtracting the training folds' mean of the L2-normalised
  features, which spreads the similarities of weak features, which are close to 1
- ``facenet``: squared Euclidean distance of L2-normalised features on the grid 0, 0.01, .. 3.99
  (davidsandberg/facenet and deepinsight/insightface); their ``subtract_mean`` cancels in this
  distance

Ties: a pair is called the same if ``similarity >= threshold``; thresholds
are the distinct training similarities and the next number above them, and of those with the best
training accuracy the middle one is taken (the lower of two middles). In ``facenet``:
``distance < threshold``, and the smallest of the best.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from facebench.errors import DataError, UnknownNameError
from facebench.evaluation.probe.feature_matrix import ArrayLike, FeatureMatrix
from facebench.evaluation.protocols.pair_outcome import (
    Bools,
    Floats,
    Verification,
    ranked,
)
from facebench.evaluation.protocols.pair_similarity import centred_similarities, cosine_similarities

Variant = Literal["exact", "exact_centred", "facenet"]
_FACENET_GRID = np.arange(0, 4, 0.01)


def verify(
    features: ArrayLike | FeatureMatrix,
    pairs: npt.ArrayLike,
    same: npt.ArrayLike,
    folds: npt.ArrayLike,
    *,
    variant: Variant = "exact",
) -> Verification:
    """Verify pairs of faces by K-fold cross-validation.

    Args:
        features: ``[N, D]``, one row an image.
        pairs: ``[P, 2]`` rows of the two images of each pair.
        same: ``[P]`` whether they show one person.
        folds: ``[P]`` the fold of each pair.
        variant: Name of the variant, see the module's docstring.

    Returns:
        The outcome.

    Raises:
        DataError: If the arrays do not fit together, a feature is not finite, there are fewer than
            two folds, or the pairs are all the same or all different.
        UnknownNameError: If the variant does not exist.
    """
    if variant not in get_args(Variant):
        raise UnknownNameError("verification variant", variant, get_args(Variant))
    rows, truth, fold = check_pairs(pairs, same, folds)
    matrix = FeatureMatrix(features)
    if variant == "exact_centred":
        seen = centred_similarities(matrix, rows, fold)
    else:
        seen = np.broadcast_to(cosine_similarities(matrix, rows), (fold.max() + 1, len(rows)))
    if variant == "facenet":
        seen = 2 * seen - 2  # minus the squared distance
    accuracies, thresholds = np.empty(len(seen)), np.empty(len(seen))
    predictions, scores = np.empty(len(rows), dtype=np.bool_), np.empty(len(rows))
    for k, similarity in enumerate(seen):
        held_out, training = fold == k, fold != k
        scores[held_out] = similarity[held_out]
        if variant == "facenet":
            thresholds[k] = facenet_threshold(-similarity[training], truth[training])
            predictions[held_out] = -similarity[held_out] < thresholds[k]
        else:
            thresholds[k] = best_threshold(similarity[training], truth[training])
            predictions[held_out] = similarity[held_out] >= thresholds[k]
        accuracies[k] = np.mean(predictions[held_out] == truth[held_out])
    return Verification(accuracies, thresholds, scores, predictions, *ranked(scores, truth))


def best_threshold(similarities: Floats, same: Bools) -> float:
    """Return the similarity threshold with the highest accuracy.

    Args:
        similarities: ``[P]`` similarities of the pairs.
        same: ``[P]`` whether they show one person.

    Returns:
        One of the similarities, or the next number above all of them if calling no pair the same
        is best. Of several best ones the middle one (the lower of two middles).
    """
    values, where = np.unique(similarities, return_inverse=True)
    alike = np.bincount(where, weights=same, minlength=len(values))
    other = np.bincount(where, weights=~same, minlength=len(values))
    # Right at threshold i: the same ones from i on, and the different ones below.
    right = np.append(alike.sum() - np.cumsum(alike) + alike, 0.0)
    right += np.append(0.0, np.cumsum(other))
    best = np.flatnonzero(right == right.max())
    above = np.nextafter(values[-1], np.inf)  # infinity has no place in JSON
    return float(np.append(values, above)[best[(len(best) - 1) // 2]])


def facenet_threshold(distances: Floats, same: Bools) -> float:
    """Return the first threshold of facenet's grid with the highest accuracy, same if below it.

    Args:
        distances: ``[P]`` squared Euclidean distances, 0..4.
        same: ``[P]`` whether the pairs show one person.

    Returns:
        The threshold, one of 0, 0.01, .. 3.99.
    """
    alike, other = np.sort(distances[same]), np.sort(distances[~same])
    right = np.searchsorted(alike, _FACENET_GRID, side="left")
    right = right + len(other) - np.searchsorted(other, _FACENET_GRID, side="left")
    return float(_FACENET_GRID[np.argmax(right)])


def check_pairs(
    pairs: npt.ArrayLike, same: npt.ArrayLike, folds: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], Bools, npt.NDArray[np.int64]]:
    """Return pairs ``[P, 2]``, labels ``[P]`` and folds ``[P]`` numbered from 0.

    Raises:
        DataError: They do not fit together or cannot be cross-validated.
    """
    rows, truth = np.asarray(pairs), np.asarray(same)
    if (
        rows.ndim != 2
        or rows.shape[1] != 2
        or not np.issubdtype(rows.dtype, np.integer)
        or not len(rows) == np.size(truth) == np.size(folds)
    ):
        raise DataError(
            f"these pairs cannot be verified: found pairs {rows.shape} of {rows.dtype}, same "
            f"{truth.shape} and folds {np.shape(folds)}; expected [P, 2] integers, [P] and [P]. "
            "Check the pair list."
        )
    names, number = np.unique(np.asarray(folds), return_inverse=True)
    kinds = np.unique(truth.astype(np.bool_))
    if len(names) < 2 or len(kinds) < 2:
        raise DataError(
            f"these pairs cannot be cross-validated: found {len(names)} fold(s) and "
            f"{len(kinds)} kind(s) of pair; expected at least two folds, and both same and "
            "different pairs. Check the pair list."
        )
    return rows.astype(np.int64), truth.astype(np.bool_), number.astype(np.int64)
