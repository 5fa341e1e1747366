"""Cosine similarity of pairs of features, with memory bounded by a block of pairs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from facebench.errors import DataError
from facebench.evaluation.probe.feature_matrix import ArrayLike, FeatureMatrix

Floats = npt.NDArray[np.float64]

_BLOCK = 256  # pairs read at a time
_NO_LENGTH = 1e-12  # squared length, of at most 4, below which it is rounding error


def cosine_similarities(
    features: ArrayLike | FeatureMatrix, pairs: npt.NDArray[np.int64]
) -> Floats:
    """Cosine similarity of pairs, in float64, a block of pairs at a time.

    Args:
        features: ``[N, D]``.
        pairs: ``[P, 2]`` rows.

    Returns:
        ``[P]`` in -1..1; 0 where a feature has no length.

    Raises:
        DataError: If a pair names no row, or a feature is not finite.
    """
    reader = _PairReader(FeatureMatrix(features), pairs)
    parts = [(a * b).sum(1) for _, a, b in reader]
    return _finite(torch.cat(parts).numpy())


def centred_similarities(
    features: ArrayLike | FeatureMatrix,
    pairs: npt.NDArray[np.int64],
    folds: npt.NDArray[np.int64],
) -> Floats:
    """Cosine similarity after centring, once for each fold that may be held out.

    With unit features u and v and the mean m over both images of all pairs of the other folds, the
    similarity of u - m and v - m follows from u·v, u·m, v·m and m·m: two passes over the
    features serve all folds.

    Args:
        features: ``[N, D]``.
        pairs: ``[P, 2]`` rows.
        folds: ``[P]`` from 0 to K - 1.

    Returns:
        ``[K, P]`` in -1..1; 0 where a centred feature has no length.

    Raises:
        DataError: If a pair names no row, or a feature is not finite.
    """
    reader = _PairReader(FeatureMatrix(features), pairs)
    number = torch.from_numpy(folds)
    sums = torch.zeros(int(folds.max()) + 1, reader.width, dtype=torch.float64)
    for where, a, b in reader:
        sums.index_add_(0, number[where], a + b)
    images = 2 * torch.bincount(number, minlength=len(sums)).unsqueeze(1)
    means = (sums.sum(0) - sums) / (images.sum() - images)  # [K, D]
    squared = means.square().sum(1, keepdim=True)  # [K, 1]
    parts = []
    for _, a, b in reader:
        near_a, near_b = means @ a.T, means @ b.T  # [K, p]
        product = (a * b).sum(1) - near_a - near_b + squared
        length_a = a.square().sum(1) - 2 * near_a + squared
        length_b = b.square().sum(1) - 2 * near_b + squared
        has_length = (length_a > _NO_LENGTH) & (length_b > _NO_LENGTH)
        lengths = torch.where(has_length, length_a * length_b, torch.inf).sqrt()
        parts.append((product / lengths).clamp(-1, 1))
    return _finite(torch.cat(parts, dim=1).numpy())


class _PairReader:
    """Blocks of pairs as L2-normalised float64 features; one of no length stays 0."""

    def __init__(self, matrix: FeatureMatrix, pairs: npt.NDArray[np.int64]) -> None:
        if pairs.min() < 0 or pairs.max() >= len(matrix):
            raise DataError(
                f"these pairs do not exist: found rows {pairs.min()} to {pairs.max()}; expected "
                f"0 to {len(matrix) - 1}. Check that the manifest and the features belong together."
            )
        self.width = matrix.width
        self._matrix = matrix
        self._pairs = torch.from_numpy(np.ascontiguousarray(pairs.T, dtype=np.int64))
        self._buffer = torch.empty(min(_BLOCK, len(pairs)), matrix.width)

    def __iter__(self) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor]]:
        """Positions of the pairs, and the features ``[p, D]`` of their two images."""
        for start in range(0, self._pairs.shape[1], _BLOCK):
            where = slice(start, min(start + _BLOCK, self._pairs.shape[1]))
            yield where, self._unit(self._pairs[0, where]), self._unit(self._pairs[1, where])

    def _unit(self, index: torch.Tensor) -> torch.Tensor:
        rows = self._buffer[: len(index)]
        self._matrix.gather(index, rows)
        wide = rows.double()
        return wide.div_(wide.norm(dim=1, keepdim=True).clamp_min(torch.finfo(wide.dtype).tiny))


def _finite(similarities: Floats) -> Floats:
    """Refuse similarities that are not finite, because a feature is not."""
    if not np.isfinite(similarities).all():
        raise DataError(
            "these features cannot be verified: found values that are not finite; expected "
            "numbers. Extract the features again, in float32 if float16 overflowed."
        )
    return similarities
