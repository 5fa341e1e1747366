"""Learned heads for pair verification: BatchNorm and a linear layer on frozen features.

The two images of a pair are embedded by one head; a cosine embedding loss pulls the embeddings of
one person together (1 - cos) and pushes those of two people apart (max(0, cos)). No paper of the
field gives code or a recipe for it, so unless stated otherwise it is the project's choice:

- BatchNorm without scale and shift, as before the linear probe of masked autoencoders (He et al.,
  2022, A.1): the linear layer behind it has both. Every distinct image of a batch counts once.
- weights from N(0, 0.01), bias 0, Adam (0.9, 0.999, 1e-8), cosine annealing per epoch, as in
  PCL's linear probes
- a fresh uniform permutation per epoch, cut into batches of equal size (within one), so that none
  is too small for BatchNorm's statistics

Heads that differ in their learning rate use the same batches, so they are trained together but
independently: they share reading and normalising, which have no parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from facebench.errors import SpecError
from facebench.evaluation.probe.feature_matrix import ArrayLike, FeatureMatrix

_INIT_STD = 0.01
_BLOCK = 512  # images embedded at a time


class PairHeads(nn.Module):
    """H heads on features of width D, one for each learning rate.

    Args:
        width: Number of features D.
        dim: Length of an embedding E.
        lrs: Initial learning rate of each head.
        generator: Generator of the initial weights, which are the same for all heads.
    """

    def __init__(
        self, width: int, dim: int, lrs: Sequence[float], generator: torch.Generator
    ) -> None:
        super().__init__()
        self.dim, self.lrs = dim, tuple(lrs)
        self.norm = nn.BatchNorm1d(width, eps=1e-6, affine=False)
        weight = torch.empty(dim, width).normal_(0, _INIT_STD, generator=generator)
        self.heads = nn.ModuleList(_linear(weight) for _ in self.lrs)

    def forward(self, features: torch.Tensor) -> list[torch.Tensor]:
        """Return the embeddings ``[B, E]`` of ``features`` ``[B, D]`` by each head."""
        normalised = self.norm(features)
        return [head(normalised) for head in self.heads]

    def embed(
        self, matrix: FeatureMatrix, heads: Sequence[int] | None = None
    ) -> list[npt.NDArray[np.float32]]:
        """Embed all rows, with the running statistics of training.

        Args:
            matrix: ``[N, D]``.
            heads: Positions of the heads to use; all when None.

        Returns:
            ``[N, E]`` float32 for each of these heads.
        """
        self.eval()
        chosen = [self.heads[head] for head in (heads or range(len(self.lrs)))]
        embedded = [torch.empty(len(matrix), self.dim) for _ in chosen]
        with torch.no_grad():
            for where, rows in matrix.blocks(_BLOCK):
                normalised = self.norm(rows)
                for whole, head in zip(embedded, chosen, strict=True):
                    whole[where] = head(normalised)
        return [whole.numpy() for whole in embedded]


def train_pair_heads(
    features: ArrayLike | FeatureMatrix,
    pairs: npt.NDArray[np.int64],
    same: npt.NDArray[np.bool_],
    lrs: Sequence[float],
    *,
    dim: int,
    epochs: int,
    batch_size: int,
    seed: int,
    on_epoch: Callable[[PairHeads], None] | None = None,
) -> PairHeads:
    """Train one head for each learning rate; see the module's docstring for the recipe.

    Features of images that are in no pair are never read, so held-out images have no influence.

    Args:
        features: ``[N, D]``.
        pairs: ``[P, 2]`` rows of the two images of each training pair.
        same: ``[P]`` whether they show one person.
        lrs: Initial learning rates.
        dim: Length of an embedding E.
        epochs: Passes over the pairs.
        batch_size: Largest number of pairs in a step.
        seed: Seed of the initial weights and the order of pairs.
        on_epoch: Called with the heads after each epoch; must not change them.

    Returns:
        The heads after the last epoch.

    Raises:
        SpecError: There is no learning rate.
    """
    if not lrs:
        raise SpecError("no pair head to train: found no learning rate; expected at least one.")
    matrix = FeatureMatrix(features)
    generator = torch.Generator().manual_seed(seed)
    heads = PairHeads(matrix.width, dim, lrs, generator).train()
    target = torch.from_numpy(np.where(same, 1.0, -1.0)).float()
    rows = torch.from_numpy(np.ascontiguousarray(pairs, dtype=np.int64))
    optimiser = _adam(heads)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    loss = nn.CosineEmbeddingLoss()
    for _ in range(epochs):
        order = torch.randperm(len(rows), generator=generator)
        for batch in order.tensor_split(math.ceil(len(rows) / batch_size)):
            images, place = torch.unique(
                rows[batch], return_inverse=True
            )  # sorted, for sequential reads
            values = torch.empty(len(images), matrix.width)
            matrix.gather(images, values)
            embedded = heads(values)
            # The sum keeps the gradients of the heads independent.
            losses = [loss(e[place[:, 0]], e[place[:, 1]], target[batch]) for e in embedded]
            optimiser.zero_grad()
            torch.stack(losses).sum().backward()
            optimiser.step()
        schedule.step()
        if on_epoch is not None:
            on_epoch(heads)
            heads.train()
    return heads


def _adam(heads: PairHeads) -> torch.optim.Adam:
    """Adam with each head's own learning rate, in one pass over weights and both moments."""
    groups = [
        {"params": list(head.parameters()), "lr": lr}
        for head, lr in zip(heads.heads, heads.lrs, strict=True)
    ]
    return torch.optim.Adam(groups, fused=True)


def _linear(weight: torch.Tensor) -> nn.Linear:
    """A linear layer that starts with a copy of ``weight`` and no bias."""
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.zero_()
    return layer
