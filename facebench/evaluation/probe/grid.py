"""One step of gradient descent on a whole grid of probe heads, without autograd."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from facebench.errors import SpecError
from facebench.evaluation.probe.buffers import empty_buffer
from facebench.evaluation.probe.device_rows import CPU
from facebench.evaluation.probe.heads import Heads
from facebench.evaluation.probe.layer_sum import LayerSum
from facebench.evaluation.probe.losses import Loss
from facebench.evaluation.probe.norm import BatchNorm

_INIT_STD = 0.01


@dataclass(frozen=True)
class Head:
    """Hyper-parameters of one head of a grid.

    Args:
        lr: Initial learning rate; 0.01 in the authors' released code.
        weight_decay: Weight decay of all parameters: an L2 penalty as in ``torch.optim.Adam``, or
            decoupled from the gradient as in ``AdamW``.
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
class _AdamGroup:
    """Heads with equal learning rate and weight decay, updated by one call of Adam."""

    heads: list[int]
    parameters: list[torch.Tensor]
    first_moments: list[torch.Tensor]
    second_moments: list[torch.Tensor]


def initialise(
    heads: Sequence[Head], weights: torch.Tensor, bias: torch.Tensor, *, uniform: bool = False
) -> None:
    """Initialise the weights of every head.

    N(0, 0.01) and biases of 0, as in PCL's released code for expressions; or U(-1/sqrt(D),
    1/sqrt(D)) for both, torch's default, as in its code for head poses.

    Args:
        heads: The H heads with their seeds.
        weights: ``[H, C, D]``, overwritten.
        bias: ``[H, C]``, overwritten.
        uniform: Whether to use the uniform distribution.
    """
    bias.zero_()
    for head, of_head, its_bias in zip(heads, weights, bias, strict=True):
        generator = torch.Generator().manual_seed(head.seed)
        if uniform:
            bound = weights.shape[2] ** -0.5
            of_head.uniform_(-bound, bound, generator=generator)
            its_bias.uniform_(-bound, bound, generator=generator)
        else:
            of_head.normal_(0.0, _INIT_STD, generator=generator)


class HeadGrid:
    """Weights of all heads as one matrix, with the optimiser's state.

    Args:
        heads: The grid.
        loss: Loss, which defines the number of outputs C.
        width: Number of features D.
        decoupled: Whether weight decay is AdamW's instead of Adam's.
        batch_norm: Whether rows are batch-normalised first.
        layers: Layers that a row holds, L; if several, heads are on their learned weighted sum.
        device: Where rows are. Heads start with the same weights on all devices.

    Attributes:
        weights: ``[H, C, D]`` float32, or ``[H, C, D / L]`` on a sum of layers.
        bias: ``[H, C]`` float32.
        norm: Scale, shift and running statistics, where there is batch normalisation.
        sum: Weights of the layers, where there are several.
    """

    def __init__(
        self,
        heads: Sequence[Head],
        loss: Loss,
        width: int,
        *,
        decoupled: bool = False,
        batch_norm: bool = False,
        layers: int = 1,
        device: torch.device = CPU,
    ) -> None:
        weights = empty_buffer(len(heads), loss.outputs, width // layers)
        bias = torch.zeros(len(heads), loss.outputs)
        initialise(heads, weights, bias, uniform=batch_norm)
        self.weights, self.bias = weights.to(device), bias.to(device)
        self.norm = BatchNorm(len(heads), width, device) if batch_norm else None
        self.sum = LayerSum(len(heads), layers, device) if layers > 1 else None
        self._loss, self._decoupled = loss, decoupled
        numbers: dict[tuple[float, float], list[int]] = {}
        for number, head in enumerate(heads):
            numbers.setdefault((head.lr, head.weight_decay), []).append(number)
        self._steps = torch.zeros((), device=device)  # taken so far by all heads
        self._alike = {key: self._state(group) for key, group in numbers.items()}

    def step(self, rows: torch.Tensor, targets: torch.Tensor, annealing: float) -> None:
        """One step of the optimiser for every head on one batch.

        Args:
            rows: ``[B, D]`` float32; overwritten by batch normalisation, which needs two.
            targets: The loss's, one for each row.
            annealing: Factor on every learning rate.
        """
        heads, outputs, width = *self.weights.shape[:2], rows.shape[1]
        weights, bias = self.weights, self.bias
        if self.sum is not None:
            weights = self.sum.applied(weights)
        if self.norm is not None:
            rows = self.norm.normalise(rows)
            weights, bias = self.norm.applied(weights, bias)
        # Outputs before rows: a softmax then runs along the batch, without a transposition.
        scores = (weights.view(-1, width) @ rows.t()).view(heads, outputs, -1)
        error = self._loss.error(scores.add_(bias.unsqueeze(2)), targets)
        gradient = (error.view(heads * outputs, -1) @ rows).view_as(weights)
        of_bias = error.sum(2)
        gradients = [gradient, of_bias]
        if self.sum is not None:
            gradient, of_logits = self.sum.gradients(self.weights, gradient)
            gradients = [gradient, of_bias, of_logits]
        if self.norm is not None:
            gradient, *of_norm = self.norm.gradients(self.weights, gradient, of_bias)
            gradients = [gradient, of_bias, *of_norm]
        self._adam([tensor.unbind() for tensor in gradients], annealing)

    def heads(self) -> Heads:
        """Return the current heads; where they are but linear they share the trained weights."""
        if self.sum is not None:
            return Heads(self.sum.applied(self.weights), self.bias, self.sum.shares())
        if self.norm is None:
            return Heads(self.weights, self.bias)
        return Heads(*self.norm.folded(self.weights, self.bias))

    def _state(self, group: list[int]) -> _AdamGroup:
        """Return the initial state of Adam of some heads."""
        learnt = [self.weights, self.bias]
        if self.norm is not None:
            learnt += [self.norm.gamma, self.norm.beta]
        if self.sum is not None:
            learnt += [self.sum.logits]
        parameters = [tensor[h] for tensor in learnt for h in group]
        return _AdamGroup(
            group,
            parameters,
            [torch.zeros_like(parameter) for parameter in parameters],
            [torch.zeros_like(parameter) for parameter in parameters],
        )

    def _adam(self, gradients: Sequence[Sequence[torch.Tensor]], annealing: float) -> None:
        """Adam with each head's own learning rate and weight decay."""
        # The kernel of torch.optim.Adam(fused=True): one pass over weights, gradient and both
        # moments. Its Python layers would double the time for heads of this size.
        self._steps += 1
        fused = torch._fused_adamw_ if self._decoupled else torch._fused_adam_
        for (lr, weight_decay), alike in self._alike.items():
            fused(
                alike.parameters,
                [of_kind[h] for of_kind in gradients for h in alike.heads],
                alike.first_moments,
                alike.second_moments,
                [],
                [self._steps] * len(alike.parameters),
                lr=lr * annealing,
                beta1=0.9,
                beta2=0.999,
                weight_decay=weight_decay,
                eps=1e-8,
                amsgrad=False,
                maximize=False,
            )
