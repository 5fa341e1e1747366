"""Linear probes: softmax regression on frozen features, many heads in one pass.

The protocol (PCL section 4.1 and the authors' released code; see ``ProbeSettings`` and ``Head``):

- one linear layer, weights from N(0, 0.01), bias 0; mean cross entropy
- Adam (0.9, 0.999, 1e-8), the weight decay added to the gradient as an L2 penalty
- cosine annealing per epoch, ``lr * 0.5 * (1 + cos(pi * e / E))``
- batches of 256 from a fresh uniform permutation per epoch, the last one as long as it comes
  (the released code does not shuffle)

It equals ``nn.Linear`` + ``CrossEntropyLoss`` + ``Adam`` + ``CosineAnnealingLR`` on the same
batches up to rounding, without autograd, and all heads of a grid see each batch together: reading
the features costs more than learning from them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy.typing as npt
import torch

from facebench.errors import SpecError
from facebench.evaluate.feature_matrix import ArrayLike, FeatureMatrix, empty_buffer
from facebench.evaluate.probe_grid import Head, HeadGrid
from facebench.evaluate.probe_heads import Heads, as_matrix, check_finite, check_labels


@dataclass(frozen=True)
class ProbeSettings:
    """What all heads of a grid share.

    Args:
        epochs: Passes over the features; 300 in PCL section 4.1.
        batch_size: Rows in a step; 256 in the authors' released code.

    Raises:
        SpecError: If either is below 1.
    """

    epochs: int = 300
    batch_size: int = 256

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1:
            raise SpecError(
                f"these probe settings train nothing: found epochs {self.epochs} and batch_size "
                f"{self.batch_size}; expected both to be at least 1. Change the settings."
            )


def train_heads(
    features: ArrayLike | FeatureMatrix,
    labels: npt.ArrayLike | torch.Tensor,
    heads: Sequence[Head],
    *,
    num_classes: int,
    settings: ProbeSettings,
    generator_seed: int,
    on_epoch: Callable[[int, Heads], None] | None = None,
) -> Heads:
    """Train every head of a grid in one pass over the features.

    The result is a function of the arguments alone (for one build of torch and one number of
    threads). See the module's docstring for the recipe.

    Args:
        features: ``[N, D]``; give a ``FeatureMatrix`` for some of the rows or a memory budget.
        labels: ``[N]`` integers from 0 to ``num_classes - 1``.
        heads: The grid; each head is trained as if it were alone.
        num_classes: C.
        settings: Epochs and batch size.
        generator_seed: Seed of the permutations, the same for all heads.
        on_epoch: Called after each epoch with its number (from 1) and the heads as they stand,
            which change again when it returns.

    Returns:
        The heads after the last epoch, in the order given.

    Raises:
        DataError: If labels and features do not fit together, or a feature is not finite.
        SpecError: If there is no head.
    """
    matrix = as_matrix(features)
    target = check_labels(labels, len(matrix), num_classes)
    if not heads:
        raise SpecError(
            "this probe grid is empty: found no head; expected at least one. Give a learning rate."
        )
    grid = HeadGrid(heads, num_classes, matrix.width)
    current = Heads(grid.weights, grid.bias)
    buffer = empty_buffer(min(settings.batch_size, len(matrix)), matrix.width)
    generator = torch.Generator().manual_seed(generator_seed)
    with torch.no_grad():
        for epoch in range(settings.epochs):
            annealing = 0.5 * (1 + math.cos(math.pi * epoch / settings.epochs))
            for index in epoch_batches(len(matrix), settings.batch_size, generator):
                rows = buffer[: len(index)]
                matrix.gather(index, rows)
                grid.step(rows, target[index], annealing)
            if epoch == 0:  # every row has been seen: one that is not finite has spoilt the weights
                check_finite(grid.weights)
            if on_epoch is not None:
                on_epoch(epoch + 1, current)
    return current


def epoch_batches(
    count: int, batch_size: int, generator: torch.Generator
) -> tuple[torch.Tensor, ...]:
    """The batches of one epoch: a uniform permutation, cut.

    Within a batch the positions are sorted. The mean gradient does not depend on their order, and a
    disk reads forwards.

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
