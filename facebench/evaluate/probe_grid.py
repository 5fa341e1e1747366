"""One step of gradient descent on a whole grid of probe heads, without autograd."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.optim.adam import adam

from facebench.errors import SpecError
from facebench.evaluate.feature_matrix import empty_buffer
from facebench.evaluate.thin_gemm import thin_matmul

_INIT_STD = 0.01


@dataclass(frozen=True)
class Head:
    """What sets one head of a grid apart.

    Args:
        lr: Initial learning rate; 0.01 in the authors' released code.
        weight_decay: L2 penalty on weights and bias, as in ``torch.optim.Adam``.
        seed: Seed of the initial weights. The batches do not depend on it.

    Raises:
        SpecError: If the learning rate is not positive or the weight decay is negative.
    """

    lr: float = 0.01
    weight_decay: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.lr < math.inf or not 0 <= self.weight_decay < math.inf:
            raise SpecError(
                f"this probe head cannot learn: found lr {self.lr} and weight_decay "
                f"{self.weight_decay}; expected lr above 0 and weight_decay at least 0, both "
                "finite. Change the grid."
            )


@dataclass(frozen=True)
class _Alike:
    """Heads that share learning rate and weight decay, and so one call of Adam."""

    heads: list[int]
    parameters: list[torch.Tensor]
    first_moments: list[torch.Tensor]
    second_moments: list[torch.Tensor]
    steps: list[torch.Tensor]


class HeadGrid:
    """Weights of all heads as one matrix, with Adam's state.

    Args:
        heads: The grid.
        num_classes: C.
        width: D.

    Attributes:
        weights: ``[H, C, D]`` float32.
        bias: ``[H, C]`` float32.
    """

    def __init__(self, heads: Sequence[Head], num_classes: int, width: int) -> None:
        self.weights = empty_buffer(len(heads), num_classes, width)
        self.bias = torch.zeros(len(heads), num_classes)
        for head, weights in zip(heads, self.weights.unbind(), strict=True):
            generator = torch.Generator().manual_seed(head.seed)
            weights.normal_(0.0, _INIT_STD, generator=generator)
        self._minus_one = torch.tensor(-1.0)
        numbers: dict[tuple[float, float], list[int]] = {}
        for number, head in enumerate(heads):
            numbers.setdefault((head.lr, head.weight_decay), []).append(number)
        self._alike = {key: self._state(group) for key, group in numbers.items()}

    def step(self, rows: torch.Tensor, labels: torch.Tensor, annealing: float) -> None:
        """One step of Adam for every head on one batch.

        Args:
            rows: ``[B, D]`` float32.
            labels: ``[B]`` int64.
            annealing: Factor on every learning rate.
        """
        heads, classes, width = self.weights.shape
        # Classes before rows: the layout in which both products are fast (see thin_matmul), and in
        # which the softmax runs along the batch, without a transposition.
        scores = thin_matmul(self.weights.view(-1, width), rows.t()).view(heads, classes, -1)
        error = torch.softmax(scores.add_(self.bias.unsqueeze(2)), dim=1)
        minus_one = self._minus_one.expand(heads, 1, len(labels))
        error.scatter_add_(1, labels.expand(heads, 1, -1), minus_one)
        error.mul_(1 / len(labels))  # d(mean cross entropy) / d(scores)
        gradient = thin_matmul(error.view(heads * classes, -1), rows).view_as(self.weights)
        self._adam(gradient.unbind(), error.sum(2).unbind(), annealing)

    def _state(self, group: list[int]) -> _Alike:
        """Adam's state, at rest, of some heads."""
        parameters = [self.weights[h] for h in group] + [self.bias[h] for h in group]
        return _Alike(
            group,
            parameters,
            [torch.zeros_like(parameter) for parameter in parameters],
            [torch.zeros_like(parameter) for parameter in parameters],
            [torch.zeros(()) for _ in parameters],
        )

    def _adam(
        self,
        gradients: Sequence[torch.Tensor],
        bias_gradients: Sequence[torch.Tensor],
        annealing: float,
    ) -> None:
        """Adam with each head's own learning rate and weight decay."""
        for (lr, weight_decay), alike in self._alike.items():
            adam(
                alike.parameters,
                [gradients[h] for h in alike.heads] + [bias_gradients[h] for h in alike.heads],
                alike.first_moments,
                alike.second_moments,
                [],
                alike.steps,
                fused=True,  # one pass over weights, gradient and both moments
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=lr * annealing,
                weight_decay=weight_decay,
                eps=1e-8,
                maximize=False,
            )
