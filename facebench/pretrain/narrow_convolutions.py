"""Avoids the gradients of narrow strided convolutions, which torch's CPU library gets wrong.

Where images are stored channels last, oneDNN computes a wrong gradient for the weights of a strided
1x1 convolution with fewer input channels than a register holds (8 with AVX2, 16 with AVX-512), and
writes past its memory, so that the process may abort
(https://github.com/uxlfoundation/oneDNN/issues/6035, also in the oneDNN of torch 2.14). The stems
of MobileOne and FastViT have such layers. Without a stride there is no error, and a stride can be
taken first.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

NARROW = 16  # input channels


class StrideFirst(nn.Conv2d):
    """A 1x1 convolution that takes every n-th position first, and then has no stride."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``[B, O, ceil(H / n), ceil(W / n)]`` of ``[B, C, H, W]``, as its base does."""
        down, across = self.stride
        return F.conv2d(input[:, :, ::down, ::across], self.weight, self.bias)


def take_strides_first(model: nn.Module) -> list[str]:
    """Replace the forward pass of the layers concerned, and return their names.

    Weights and their names stay, and the values are the same but for the order of sums.
    """
    found = [name for name, layer in model.named_modules() if _is_narrow(layer)]
    for name in found:
        model.get_submodule(name).__class__ = StrideFirst
    return found


def _is_narrow(layer: nn.Module) -> bool:
    return (
        type(layer) is nn.Conv2d
        and layer.kernel_size == (1, 1)
        and max(layer.stride) > 1
        and layer.padding in ((0, 0), "valid")
        and layer.groups == 1
        and layer.in_channels < NARROW
    )
