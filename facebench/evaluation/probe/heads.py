"""Trained probe heads, and scoring features with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy.typing as npt
import torch

from facebench.errors import DataError
from facebench.evaluation.probe.feature_matrix import ArrayLike, FeatureMatrix

_BLOCK = 512  # rows scored at a time: 13 MB of 6272 features, which stay in the last-level cache


@dataclass(frozen=True)
class Heads:
    """Trained heads, on the device that they were trained on; scores are on the CPU.

    Args:
        weights: ``[H, C, D]`` float32.
        bias: ``[H, C]`` float32.
        layers: ``[H, L]`` float32, the learned share of each layer, where there are several.
    """

    weights: torch.Tensor
    bias: torch.Tensor
    layers: torch.Tensor | None = None

    def __len__(self) -> int:
        return self.weights.shape[0]

    def select(self, heads: Sequence[int]) -> Heads:
        """Return a copy of some of the heads, in the given order."""
        chosen = ([of_all[head] for head in heads] for of_all in (self.weights, self.bias))
        return Heads(*(torch.stack(of_some) for of_some in chosen))

    def rescaled(self, scale: npt.ArrayLike, offset: npt.ArrayLike) -> Heads:
        """Heads whose scores are these heads' times ``scale`` plus ``offset``, each ``[C]``."""
        factor, shift = (
            torch.as_tensor(value, dtype=torch.float32).to(self.weights.device)
            for value in (scale, offset)
        )
        return Heads(self.weights * factor.unsqueeze(1), self.bias * factor + shift)

    def logits(self, features: ArrayLike | FeatureMatrix) -> torch.Tensor:
        """Scores: of classes before the softmax, of labels before the sigmoid, or real numbers.

        Args:
            features: ``[N, D]``, read a block at a time.

        Returns:
            ``[H, N, C]`` float32.

        Raises:
            DataError: If the features are not as wide as the weights, or not finite.
        """
        matrix = as_matrix(features, self.weights.shape[2])
        shape = len(self), len(matrix), self.weights.shape[1]
        result = torch.empty(shape, device=self.weights.device)
        for where, scores in self._blocks(matrix):
            result[:, where] = scores.transpose(1, 2)
        return result.cpu()

    def predict(self, features: ArrayLike | FeatureMatrix) -> torch.Tensor:
        """Predicted classes, ``[H, N]`` int64; the lowest one on a tie. See ``logits``."""
        matrix = as_matrix(features, self.weights.shape[2])
        shape = len(self), len(matrix)
        result = torch.empty(shape, dtype=torch.int64, device=self.weights.device)
        for where, scores in self._blocks(matrix):
            result[:, where] = scores.argmax(1)
        return result.cpu()

    def accuracy(
        self, features: ArrayLike | FeatureMatrix, labels: npt.ArrayLike | torch.Tensor
    ) -> torch.Tensor:
        """Fraction of correctly predicted rows, ``[H]`` float64 in 0..1. See ``logits``."""
        matrix = as_matrix(features, self.weights.shape[2])
        target = check_labels(labels, len(matrix), self.weights.shape[1])
        return (self.predict(matrix) == target).double().mean(1)

    def _blocks(self, matrix: FeatureMatrix) -> Iterator[tuple[slice, torch.Tensor]]:
        """Scores ``[H, C, b]`` of one block of rows after the other."""
        flat, finite = self.weights.flatten(0, 1), []
        for where, rows in matrix.blocks(_BLOCK):
            scores = (flat @ rows.to(flat.device).t()).view(*self.bias.shape, -1)
            finite.append(scores.isfinite().all())
            yield where, scores.add_(self.bias.unsqueeze(2))
        check_finite_blocks(finite)


def check_labels(
    labels: npt.ArrayLike | torch.Tensor, count: int, num_classes: int
) -> torch.Tensor:
    """Labels as int64, one for each row.

    Args:
        labels: ``[N]`` integers.
        count: Number of rows, N.
        num_classes: C.

    Returns:
        ``[N]`` int64.

    Raises:
        DataError: If they are not N integers from 0 to C - 1.
    """
    target = torch.as_tensor(labels)
    whole = not (target.is_floating_point() or target.is_complex())
    if target.shape != (count,) or not whole or target.min() < 0 or target.max() >= num_classes:
        span = f" from {target.min()} to {target.max()}" if target.numel() else ""
        raise DataError(
            f"these labels do not fit: found {target.dtype} of shape {tuple(target.shape)}{span}; "
            f"expected {count} integers from 0 to {num_classes - 1}. Check that the manifest and "
            "the features belong together."
        )
    return target.to(torch.int64)


def as_matrix(features: ArrayLike | FeatureMatrix, width: int | None = None) -> FeatureMatrix:
    """Return features as a matrix.

    Args:
        features: ``[N, D]``.
        width: Required number of features D; any when None.

    Returns:
        The features, unchanged if they are a matrix already.

    Raises:
        DataError: If they are not as wide as that.
    """
    matrix = features if isinstance(features, FeatureMatrix) else FeatureMatrix(features)
    if width is not None and matrix.width != width:
        raise DataError(
            f"these features do not fit the probe: found {matrix.width} values in a row; expected "
            f"{width}. Use the features that it was trained on."
        )
    return matrix


def check_finite(values: torch.Tensor) -> None:
    """Refuse weights or scores that are not finite, because a feature is not.

    Args:
        values: Weights or scores, of any shape.

    Raises:
        DataError: If one of them is not finite.
    """
    check_finite_blocks([values.isfinite().all()])


def check_finite_blocks(finite: Sequence[torch.Tensor]) -> None:
    """Refuse blocks of values that are not finite, which costs one wait for a device.

    Args:
        finite: Whether each block is finite, bool ``[]``.

    Raises:
        DataError: If one of them is not.
    """
    if not bool(torch.stack(list(finite)).all()):
        raise DataError(
            "these features cannot be probed: found values that are not finite; expected numbers. "
            "Extract the features again, in float32 if float16 overflowed."
        )
