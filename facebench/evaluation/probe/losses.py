"""Losses of probe heads, and their gradients with respect to the scores.

Heads are trained without autograd (see ``probe_grid``); all that training needs of a loss is its
gradient with respect to the scores. Each equals torch's loss of the same name, mean over all its
terms, as the tests check by autograd.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from facebench.errors import DataError
from facebench.evaluation.probe.heads import check_labels

LEAST_ERROR = 1e-30
"""Errors up to which are 0. Below 1e-38 numbers are denormal, and slow to multiply on some CPUs:
with 1.5 % of them, of 16 heads with saturated outputs, a step took twice as long on an Intel Xeon.
They do not affect training, since Adam adds 1e-8 to the root of the second moment."""


@dataclass(frozen=True)
class Loss(ABC):
    """A loss of scores ``[H, C, B]`` of H heads on B rows.

    Args:
        outputs: Number of scores of a row, C.
    """

    outputs: int

    @abstractmethod
    def targets(self, values: npt.ArrayLike | torch.Tensor, count: int) -> torch.Tensor:
        """Return the targets, one entry for each of ``count`` rows.

        Raises:
            DataError: The values do not fit the rows or this loss.
        """

    @abstractmethod
    def error(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return d(loss) / d(scores), ``[H, C, B]``.

        Args:
            scores: ``[H, C, B]`` float32; may be overwritten.
            targets: Entries of ``targets``, one for each of the B rows.
        """


class CrossEntropy(Loss):
    """Softmax cross entropy: ``nn.CrossEntropyLoss``; targets ``[N]`` from 0 to C - 1."""

    def targets(self, values: npt.ArrayLike | torch.Tensor, count: int) -> torch.Tensor:
        """Return ``[N]`` int64."""
        return check_labels(values, count, self.outputs)

    def error(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return softmax minus the one-hot label, divided by B."""
        heads, _, count = scores.shape
        error = torch.softmax(scores, dim=1)
        minus_one = error.new_full((1,), -1.0).expand(heads, 1, count)
        error.scatter_add_(1, targets.expand(heads, 1, -1), minus_one)
        return _without_denormals(error.mul_(1 / count))


class BinaryCrossEntropy(Loss):
    """Each label on its own: ``nn.BCEWithLogitsLoss``; targets ``[N, C]``, 0 or 1."""

    def targets(self, values: npt.ArrayLike | torch.Tensor, count: int) -> torch.Tensor:
        """Return ``[N, C]`` float32."""
        target = _per_output(values, count, self.outputs)
        if not ((target == 0) | (target == 1)).all():
            raise DataError(
                f"these labels do not fit: found values from {target.min()} to {target.max()}; "
                "expected only 0 and 1. Check the manifest's targets."
            )
        return target

    def error(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return sigmoid minus the label, divided by B C."""
        return _without_denormals(scores.sigmoid_().sub_(targets.t()).mul_(1 / targets.numel()))


class AbsoluteError(Loss):
    """Distance from real numbers: ``nn.L1Loss``; targets ``[N, C]``."""

    def targets(self, values: npt.ArrayLike | torch.Tensor, count: int) -> torch.Tensor:
        """Return ``[N, C]`` float32."""
        target = _per_output(values, count, self.outputs)
        if not target.isfinite().all():
            raise DataError(
                "these targets do not fit: found values that are not finite; expected numbers. "
                "Check the manifest's targets."
            )
        return target

    def error(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the sign of score minus target, divided by B C."""
        return scores.sub_(targets.t()).sign_().mul_(1 / targets.numel())


def _without_denormals(error: torch.Tensor) -> torch.Tensor:
    """Replace errors of up to ``LEAST_ERROR`` by 0; NaN stays NaN."""
    return torch.nn.functional.hardshrink(error, LEAST_ERROR)


def _per_output(values: npt.ArrayLike | torch.Tensor, count: int, outputs: int) -> torch.Tensor:
    """Values as float32 ``[N, C]``."""
    # Copied, because torch warns about read-only columns of a table.
    target = values if isinstance(values, torch.Tensor) else torch.from_numpy(np.array(values))
    if target.shape != (count, outputs):
        raise DataError(
            f"these targets do not fit: found shape {tuple(target.shape)}; expected "
            f"{(count, outputs)}. Check that the manifest and the features belong together."
        )
    return target.to(torch.float32)
