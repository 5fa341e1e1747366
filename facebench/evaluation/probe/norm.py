"""Batch normalisation in front of a grid of probe heads, without autograd.

Features are frozen, so the normalised rows x̂ of a batch do not depend on parameters: they are
computed once and shared, and only scale and shift (gamma, beta) belong to each head. The
layer gamma x̂ + beta followed by the linear one is then itself a linear layer on x̂,

    scores = (W gamma) x̂ + (W beta + b),

and with the thin product P = e x̂ that a linear layer's gradient needs anyway (e: the loss's
gradient with respect to the scores, E: its sum over the batch) all other gradients follow:

    dW = gamma P + beta E        dgamma = sum_c W P        dbeta = sum_c W E        db = E

It equals ``nn.BatchNorm1d`` (affine, momentum 0.1, eps 1e-5): statistics of the batch in training,
running ones, with the unbiased variance, at evaluation.
"""

from __future__ import annotations

import torch

from facebench.evaluation.probe.buffers import empty_buffer
from facebench.evaluation.probe.device_rows import CPU

MOMENTUM = 0.1  # torch's default, which PCL's released code takes
EPS = 1e-5
_PART = 16  # rows squared at a time: 2 MB of 32,768 features, which stay in the cache


class BatchNorm:
    """Scale and shift of every head, and the running statistics that they share.

    Args:
        heads: H.
        width: D.
        device: Where rows are.

    Attributes:
        gamma: ``[H, D]`` float32, scales.
        beta: ``[H, D]`` float32, shifts.
        mean: ``[D]`` float32, running mean.
        variance: ``[D]`` float32, running unbiased variance.
    """

    def __init__(self, heads: int, width: int, device: torch.device = CPU) -> None:
        self.gamma = empty_buffer(heads, width).fill_(1.0).to(device)
        self.beta = empty_buffer(heads, width).zero_().to(device)
        self.mean = torch.zeros(width, device=device)
        self.variance = torch.ones(width, device=device)

    def normalise(self, rows: torch.Tensor) -> torch.Tensor:
        """Normalise a batch by its own statistics, in place, and update the running statistics.

        Args:
            rows: ``[B, D]`` float32, B at least 2.

        Returns:
            The same tensor.
        """
        # After subtracting the first row, a constant feature and its gradient are exactly 0; Adam
        # would make a full step for any small gradient.
        count, first = len(rows), rows[0].clone()
        centre = rows.sub_(first).mean(0)
        rows.sub_(centre)
        mean = first.add_(centre)
        # torch.var_mean down the columns takes six times as long (60 ms for [256, 32768]).
        variance = torch.zeros_like(mean)
        for part in rows.split(_PART):
            variance.add_(part.square().sum(0))
        variance.div_(count)
        self.mean.lerp_(mean, MOMENTUM)
        self.variance.lerp_(variance * (count / (count - 1)), MOMENTUM)
        return rows.mul_(variance.add_(EPS).rsqrt_())

    def applied(
        self, weights: torch.Tensor, bias: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return scale, shift and linear layer as one linear layer on normalised rows.

        Args:
            weights: ``[H, C, D]``.
            bias: ``[H, C]``.

        Returns:
            Weights ``[H, C, D]`` and bias ``[H, C]``.
        """
        shift = torch.bmm(weights, self.beta.unsqueeze(2)).squeeze(2)
        return weights * self.gamma.unsqueeze(1), shift.add_(bias)

    def gradients(
        self, weights: torch.Tensor, product: torch.Tensor, error: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Gradients of weights, scale and shift.

        Args:
            weights: ``[H, C, D]``, as they were when the scores were computed.
            product: P, ``[H, C, D]``; becomes the gradient of the weights.
            error: E, ``[H, C]``.

        Returns:
            dW ``[H, C, D]``, dgamma ``[H, D]``, dbeta ``[H, D]``.
        """
        of_shift = torch.bmm(error.unsqueeze(1), weights).squeeze(1)
        of_scale = torch.zeros_like(self.gamma)
        for output in range(weights.shape[1]):  # a term at a time: nothing as large as P is made
            of_scale.addcmul_(weights[:, output], product[:, output])
        product.mul_(self.gamma.unsqueeze(1))
        product.addcmul_(self.beta.unsqueeze(1), error.unsqueeze(2))
        return product, of_scale, of_shift

    def folded(
        self, weights: torch.Tensor, bias: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return normalisation, scale, shift and linear layer as one linear layer on raw rows.

        Args:
            weights: ``[H, C, D]``.
            bias: ``[H, C]``.

        Returns:
            Weights ``[H, C, D]`` and bias ``[H, C]`` in which the running statistics are folded.
        """
        scale = self.gamma.double() * (self.variance.double() + EPS).rsqrt()
        shift = self.beta.double() - self.mean.double() * scale
        # In float64: a feature that never varies has a scale of 316, and its terms cancel.
        folded = [torch.mv(w.double(), s) for w, s in zip(weights, shift, strict=True)]
        return weights * scale.float().unsqueeze(1), (bias + torch.stack(folded)).float()
