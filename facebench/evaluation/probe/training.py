"""Linear probes on frozen features, many heads in one pass.

The recipe (PCL section 4.1 and the authors' released code; see ``ProbeSettings`` and ``Head``):

- one linear layer and the mean of a loss (``probe_losses``); for head poses a batch normalisation
  in front of it (``probe_norm``)
- Adam (0.9, 0.999, 1e-8), the weight decay added to the gradient as an L2 penalty; or AdamW
- cosine annealing per epoch, ``lr * 0.5 * (1 + cos(pi * e / E))``; or a constant rate
- batches of 256 from a fresh uniform permutation per epoch, the last one as long as it comes
  (the released code for expressions does not shuffle)

It equals ``nn.Linear`` + ``CrossEntropyLoss`` + ``Adam`` + ``CosineAnnealingLR`` (and so on) on the
same batches up to rounding, without autograd, and all heads of a grid use each batch together:
reading the features takes longer than the step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy.typing as npt
import torch

from facebench.errors import DataError, SpecError
from facebench.evaluation.probe.buffers import empty_buffer
from facebench.evaluation.probe.feature_matrix import ArrayLike, FeatureMatrix
from facebench.evaluation.probe.grid import Head, HeadGrid
from facebench.evaluation.probe.heads import Heads, as_matrix, check_finite
from facebench.evaluation.probe.losses import Loss


@dataclass(frozen=True)
class ProbeSettings:
    """Settings that all heads of a grid share.

    Args:
        epochs: Passes over the features; 300 in PCL section 4.1.
        batch_size: Rows in a step; 256 in the authors' released code for expressions.
        optimiser: ``adam`` adds the weight decay to the gradient, ``adamw`` does not.
        schedule: Schedule of the learning rate, per epoch.
        batch_norm: Whether a batch normalisation precedes the linear layer.
        layers: Layers that a row holds; a learned weighted sum of several precedes the linear layer
            (``layer_sum``).

    Raises:
        SpecError: If there is no epoch, or too few rows in a batch.
    """

    epochs: int = 300
    batch_size: int = 256
    optimiser: Literal["adam", "adamw"] = "adam"
    schedule: Literal["cosine", "constant"] = "cosine"
    batch_norm: bool = False
    layers: int = 1

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1:
            raise SpecError(
                f"these probe settings train nothing: found epochs {self.epochs} and batch_size "
                f"{self.batch_size}; expected both to be at least 1. Change the settings."
            )
        if self.batch_norm and self.batch_size < 2:
            raise SpecError(
                "these probe settings train nothing: found batch_size 1; expected at least 2, of "
                "which batch normalisation can take statistics. Change the settings."
            )
        if self.batch_norm and self.layers > 1:
            raise SpecError(
                f"these probe settings do not fit: found batch_norm and {self.layers} layers; "
                "expected one of both. Change the settings."
            )

    def annealing(self, epoch: int) -> float:
        """Return the factor on every learning rate in an epoch, counted from 0."""
        if self.schedule == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * epoch / self.epochs))


def train_heads(
    features: ArrayLike | FeatureMatrix,
    targets: npt.ArrayLike | torch.Tensor,
    heads: Sequence[Head],
    *,
    loss: Loss,
    settings: ProbeSettings,
    generator_seed: int,
    on_epoch: Callable[[int, Heads], None] | None = None,
) -> Heads:
    """Train every head of a grid in one pass over the features.

    The result is a function of the arguments alone (for one build of torch and one number of
    threads). See the module's docstring for the recipe.

    Args:
        features: ``[N, D]``; give a ``FeatureMatrix`` for some of the rows, a memory budget or a
            device.
        targets: Targets of the loss: ``[N]`` classes, ``[N, C]`` labels or numbers.
        heads: The grid; heads are trained independently.
        loss: The loss.
        settings: Epochs, batch size and other shared settings.
        generator_seed: Seed of the permutations, the same for all heads.
        on_epoch: Called after each epoch with its number (from 1) and the current heads, which
            are valid until it returns.

    Returns:
        The heads after the last epoch, in the order given.

    Raises:
        DataError: If targets and features do not fit together, a feature is not finite, or batch
            normalisation finds a single row.
        SpecError: If there is no head.
    """
    matrix = as_matrix(features)
    target = loss.targets(targets, len(matrix)).to(matrix.device)
    _check_heads(heads)
    least = 1
    if settings.batch_norm:
        least = 2
        check_normalised(len(matrix))
    decoupled, batch_norm = settings.optimiser == "adamw", settings.batch_norm
    grid = HeadGrid(
        heads, loss, matrix.width,
        decoupled=decoupled, batch_norm=batch_norm, layers=settings.layers, device=matrix.device,
    )  # fmt: skip
    buffer = empty_buffer(min(settings.batch_size, len(matrix)), matrix.width)
    generator = torch.Generator().manual_seed(generator_seed)
    with torch.no_grad():
        for epoch in range(settings.epochs):
            order = epoch_batches(len(matrix), settings.batch_size, generator)
            # A single last row cannot be batch-normalised; torch refuses it, too.
            batches = [index for index in order if len(index) >= least]
            annealing = settings.annealing(epoch)
            for index, rows in matrix.batches(batches, buffer):
                grid.step(rows, target[index], annealing)
            if epoch == 0:  # after all rows: one that is not finite makes the weights not finite
                check_finite(grid.heads().weights)
            if on_epoch is not None:
                on_epoch(epoch + 1, grid.heads())
    return grid.heads()


def _check_heads(heads: Sequence[Head]) -> None:
    """Refuse an empty grid."""
    if not heads:
        raise SpecError(
            "this probe grid is empty: found no head; expected at least one. Give a learning rate."
        )


def check_normalised(count: int) -> None:
    """Refuse a single row, which cannot be batch-normalised.

    Raises:
        DataError: There are fewer than two rows.
    """
    if count < 2:
        raise DataError(
            "these features cannot be batch-normalised: found one row; expected at least two. Give "
            "more training items."
        )


def epoch_batches(
    count: int, batch_size: int, generator: torch.Generator
) -> tuple[torch.Tensor, ...]:
    """Return the batches of one epoch, cut from a uniform permutation.

    Within a batch the positions are sorted for sequential reads; the mean gradient does not depend
    on their order.

    Args:
        count: Number of rows, N.
        batch_size: Positions in a batch; the last one may be shorter.
        generator: Advanced by one permutation.

    Returns:
        Positions, int64, each of 0 to N - 1 exactly once.
    """
    order = torch.randperm(count, generator=generator)
    starts = range(0, count, batch_size)
    return tuple(order[start : start + batch_size].sort().values for start in starts)
