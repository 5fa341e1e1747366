"""A learned weighted sum of layers in front of a grid of probe heads, without autograd.

As in SUPERB (Yang et al., Interspeech 2021) and s3prl: a head sees ``sum_l a_l x_l`` of the
features x_l of all layers, with ``a = softmax(z)``, and z is learned together with the head, from
zeros (the mean). The linear layer W on that sum is a linear layer on all layers,

    scores = sum_l (a_l W) x_l + b,

so with its gradient G_l (the same product as for any head) all other gradients follow:

    dW = sum_l a_l G_l        da_l = <W, G_l>        dz = a (da - <a, da>)
"""

from __future__ import annotations

import torch

from facebench.evaluation.probe.device_rows import CPU


class LayerSum:
    """The weights of the layers of every head.

    Args:
        heads: H.
        layers: L.
        device: Where rows are.

    Attributes:
        logits: ``[H, L]`` float32, z.
    """

    def __init__(self, heads: int, layers: int, device: torch.device = CPU) -> None:
        self.logits = torch.zeros(heads, layers, device=device)

    def shares(self) -> torch.Tensor:
        """Return a, ``[H, L]``; each row sums to 1."""
        return self.logits.softmax(dim=1)

    def applied(self, weights: torch.Tensor) -> torch.Tensor:
        """Return heads ``[H, C, L * D]`` on all layers, of heads ``[H, C, D]`` on their sum."""
        return (weights.unsqueeze(2) * self.shares()[:, None, :, None]).flatten(2)

    def gradients(
        self, weights: torch.Tensor, product: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the gradients of weights and logits.

        Args:
            weights: ``[H, C, D]``, as they were when the scores were computed.
            product: G, ``[H, C, L * D]``, the gradient of the heads on all layers.

        Returns:
            dW ``[H, C, D]``, dz ``[H, L]``.
        """
        shares = self.shares()
        by_layer = product.unflatten(2, (shares.shape[1], -1))  # [H, C, L, D]
        of_weights = torch.einsum("hcld,hl->hcd", by_layer, shares)
        of_shares = torch.einsum("hcld,hcd->hl", by_layer, weights)
        mean = (shares * of_shares).sum(dim=1, keepdim=True)
        return of_weights, shares * (of_shares - mean)
