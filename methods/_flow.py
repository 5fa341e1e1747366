"""Flows: warping images by them, decoding them from codes, and the curriculum over pairs.

Shared by the methods that reconstruct one frame from another. Layers are those of FAb-Net's
released code, whose decoder TCAE's takes over.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.pretrain.devices import gathered

_START = 1e-3  # standard deviation of a decoder's last weights: flows of about 0.01 at first
CURRICULUM = ((0.0, 0.5), (0.1, 0.6), (0.2, 0.7), (0.3, 0.8), (0.4, 0.9))  # FAb-Net, released code


def places(size: tuple[int, int], device: torch.device) -> Tensor:
    """Return the places of an image's pixels, ``[2, H, W]`` in [-1, 1], x before y."""
    ys, xs = (torch.linspace(-1, 1, side, device=device) for side in size)
    return torch.stack(torch.meshgrid(xs, ys, indexing="xy"))


def warp(images: Tensor, flow: Tensor, *, clamp: bool = False) -> Tensor:
    """Warp images by a flow: the result at x is the image at x + flow(x), sampled bilinearly.

    Args:
        images: ``[B, C, H, W]``, images or features.
        flow: ``[B, 2, h, w]`` of any size, x before y, in units of half the image's side.
        clamp: Take the border where x + flow(x) is outside the image, as FAb-Net and TCAE do;
            otherwise 0, which is the mean colour of normalised images (FaceCycle).

    Returns:
        ``[B, C, H, W]`` float32.
    """
    size = (images.shape[-2], images.shape[-1])
    flow = F.interpolate(flow.float(), size=size, mode="bilinear", align_corners=True)
    grid = places(size, flow.device) + flow
    if clamp:
        grid = grid.clamp(-1, 1)
    return F.grid_sample(images.float(), grid.permute(0, 2, 3, 1), align_corners=True)


class FlowDecoder(nn.Sequential):
    """Decodes a code ``[B, D, 1, 1]`` to maps ``[B, C, S', S']`` in (-1, 1), S' at least S.

    Each layer doubles the side: ReLU, bilinear upsampling, 3x3 convolution, BatchNorm; after the
    last one a tanh. The last convolution starts near 0, so that flows start by moving next to
    nothing: from torch's start they move every pixel by a third of half the image, and learning
    has to undo that first.

    Args:
        code: Length of the code, D.
        channels: Channels of the maps, C.
        image_size: Side of the images in pixels, S.
        width: Channels of the last hidden layer; up to 8 times as many before (released: 32).
    """

    def __init__(self, code: int, channels: int, image_size: int, width: int) -> None:
        doublings = max(1, math.ceil(math.log2(image_size)))
        widths = [width * 2 ** min(3, k) for k in range(doublings - 1)][::-1]
        layers: list[nn.Module] = []
        for inputs, outputs in zip([code, *widths], [*widths, channels], strict=True):
            layers += [
                nn.ReLU(),
                nn.Upsample(scale_factor=2, mode="bilinear"),
                nn.Conv2d(inputs, outputs, 3, padding=1),
                nn.BatchNorm2d(outputs),
            ]
        nn.init.normal_(layers[-2].weight, std=_START)  # type: ignore[arg-type]
        nn.init.zeros_(layers[-2].bias)  # type: ignore[arg-type]
        super().__init__(*layers[:-1], nn.Tanh())

    def between(self, source: Tensor, target: Tensor) -> Tensor:
        """Return the maps of two codes ``[n, D/2]``, ``[n, C, S', S']`` float32."""
        maps: Tensor = self(torch.cat([source, target], dim=1)[:, :, None, None])
        return maps.float()


def mixed(first: Tensor, second: Tensor) -> Tensor:
    """Return the mean of two flows ``[n, 2, h, w]``, weighted by the softmax of their masks.

    Args:
        first: ``[n, 3, h, w]``: a flow, and its mask as the third channel.
        second: The same of the other flow.
    """
    share = torch.softmax(torch.stack([first[:, 2:], second[:, 2:]]), dim=0)
    return share[0] * first[:, :2] + share[1] * second[:, :2]


def curriculum(epoch: int, epochs: int) -> tuple[float, float]:
    """Return the range of ranks by loss that is learned from in an epoch, as shares of a batch.

    The easier half first, then harder ones in five equal parts of the training; the hardest tenth
    is never learned from. FAb-Net moves on when its validation loss no longer falls.
    """
    return CURRICULUM[min(len(CURRICULUM) - 1, len(CURRICULUM) * epoch // epochs)]


def mean_of_ranks(losses: Tensor, ranks: tuple[float, float]) -> Tensor:
    """Return the mean of the losses of a batch whose rank lies in a range.

    Args:
        losses: ``[n]``, one for each pair, or for each pair of this device.
        ranks: From and to, as shares of n; at least one loss counts.
    """
    losses = gathered(losses)
    start = min(int(ranks[0] * len(losses)), len(losses) - 1)
    stop = max(start + 1, int(ranks[1] * len(losses)))
    return losses.sort().values[start:stop].mean()


def total_variation(maps: Tensor) -> Tensor:
    """Return the absolute differences of adjacent values of maps ``[B, C, H, W]``.

    Returns:
        ``[B, N]``: vertical differences, then horizontal ones.
    """
    down = (maps[:, :, 1:] - maps[:, :, :-1]).abs().flatten(1)
    right = (maps[..., 1:] - maps[..., :-1]).abs().flatten(1)
    return torch.cat([down, right], dim=1)
