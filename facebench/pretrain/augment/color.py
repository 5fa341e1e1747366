"""Deterministic colour operators on a batch of images, with one set of parameters per image.

As in :mod:`facebench.pretrain.augment.geometry`: deterministic, float images ``[B, 3, H, W]`` in
[0, 1], new tensors, equal to torchvision's functional of the same name image by image.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from facebench.pretrain.augment.compiled import known_to_host

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
"""The four operations of a colour jitter, numbered as in torchvision and in ``order`` below."""

GRAY = (0.2989, 0.587, 0.114)
"""Weights of R, G, B in the grey image (ITU-R 601, as torchvision rounds them)."""

# Phases of red, green and blue, in turns of the colour circle: see `shift_hue`.
_PHASES = (5 / 6, 3 / 6, 1 / 6)


def luminance(images: Tensor, weights: tuple[float, float, float]) -> Tensor:
    """Weigh the channels of ``[B, 3, H, W]`` into one grey plane per image, ``[B, H, W]``."""
    red, green, blue = images.unbind(1)
    return red.mul(weights[0]).add_(green, alpha=weights[1]).add_(blue, alpha=weights[2])


def grayscale(images: Tensor) -> Tensor:
    """Replace each image by its grey version; equals ``rgb_to_grayscale(num_output_channels=3)``.

    Args:
        images: ``[B, 3, H, W]``.

    Returns:
        ``[B, 3, H, W]`` with three equal channels.
    """
    return luminance(images, GRAY).unsqueeze(1).repeat(1, 3, 1, 1)


def solarize(images: Tensor) -> Tensor:
    """Invert values from 0.5 on; equals ``solarize`` with a threshold of 0.5.

    Args:
        images: ``[B, 3, H, W]``.

    Returns:
        ``[B, 3, H, W]``.
    """
    return torch.where(images >= 0.5, 1 - images, images)


def blend(images: Tensor, factors: Tensor, operations: Tensor) -> Tensor:
    """Adjust brightness, contrast or saturation, each image by its own operation and factor.

    All three move a pixel on the line between a target and itself, ``target + f (x - target)``,
    cut to [0, 1]. The target is black for brightness, the image's mean grey for contrast and the
    pixel's own grey for saturation: a 3x3 matrix and an offset on the colours, so that a batch
    with different operations is one batched product. Equals ``adjust_brightness``,
    ``adjust_contrast`` and ``adjust_saturation``.

    Args:
        images: ``[B, 3, H, W]``.
        factors: ``[B]``, non-negative; 1 changes nothing.
        operations: int ``[B]`` of ``BRIGHTNESS``, ``CONTRAST`` or ``SATURATION``.

    Returns:
        ``[B, 3, H, W]``.
    """
    weights = constants(GRAY, images)
    factors = factors.to(images.device, images.dtype)[:, None, None]
    operations = operations.to(images.device)[:, None, None]
    pixels = images.flatten(2)  # [B, 3, H*W]
    toward = 1 - factors
    mean_gray = (pixels.mean(2) @ weights)[:, None, None]
    offset = (toward * (operations == CONTRAST) * mean_gray).expand(-1, 3, 1)
    matrix = factors * torch.eye(3, dtype=images.dtype, device=images.device)
    matrix = matrix + toward * (operations == SATURATION) * weights
    return torch.baddbmm(offset, matrix, pixels).clamp_(0, 1).view(images.shape)


def shift_hue(images: Tensor, shifts: Tensor) -> Tensor:
    """Turn the hue of each image, keeping value and chroma; equals ``adjust_hue``.

    A colour of value V, chroma C and hue h (in turns) has channels
    ``V - C * clamp(2 - 6 |frac(h + phase) - 1/3|, 0, 1)`` with one phase per channel, which needs
    neither the six cases of the usual HSV code nor its table.

    Args:
        images: ``[B, 3, H, W]``.
        shifts: ``[B]``, in turns of the colour circle, in [-0.5, 0.5].

    Returns:
        ``[B, 3, H, W]``.
    """
    red, green, blue = images.unbind(1)
    value = torch.maximum(torch.maximum(red, green), blue)  # [B, H, W]
    chroma = value - torch.minimum(torch.minimum(red, green), blue)
    sixth = chroma.mul(6).clamp_(min=1e-12)  # the hue of grey is arbitrary
    hue = torch.lerp(  # a sign here is 0 where that channel is the largest and 1 elsewhere
        (green - blue).div_(sixth),
        torch.lerp(
            (blue - red).div_(sixth).add_(1 / 3),
            (red - green).div_(sixth).add_(2 / 3),
            (value - green).sign_(),
        ),
        (value - red).sign_(),
    )
    hue.add_(shifts.to(images.device, images.dtype)[:, None, None] + 1)  # positive from here on
    phases = constants(_PHASES, images)[:, None, None]
    part = (hue.unsqueeze(1) + phases).frac_().sub_(1 / 3).abs_().mul_(-6).add_(2).clamp_(0, 1)
    return torch.addcmul(value.unsqueeze(1), chroma.unsqueeze(1), part, value=-1)


def color_jitter(images: Tensor, factors: Tensor, order: Tensor, mask: Tensor) -> Tensor:
    """Adjust brightness, contrast, saturation and hue of some images, each in its own order.

    With parameters on the CPU, images are worked on in groups that depend on the order; the host
    cannot know an order on another device, where all images are worked on together.

    Args:
        images: ``[B, 3, H, W]``.
        factors: ``[B, 4]``: factors of brightness, contrast and saturation, shift of hue.
        order: int ``[B, 4]``, a permutation of 0..3 per image: the operations as they follow.
        mask: bool ``[B]``, True for the images to change.

    Returns:
        ``[B, 3, H, W]``.
    """
    if not known_to_host(mask):
        return torch.where(mask[:, None, None, None], _jittered(images, factors, order), images)
    jittered = images.clone(memory_format=torch.contiguous_format)
    # Images whose hue shift is at the same position of the order share every batched call, and
    # hue, the most expensive operation, is computed once per image. Larger groups would not fit
    # into a CPU's caches.
    for hue_turn in range(4):
        group = (mask & (order[:, hue_turn] == HUE)).nonzero().squeeze(1)
        if len(group) == 0:
            continue
        index = group.to(images.device)
        part = images.index_select(0, index)
        for turn, operations in enumerate(order[group].unbind(1)):
            chosen = factors[group, operations]
            hues = turn == hue_turn
            part = shift_hue(part, chosen) if hues else blend(part, chosen, operations)
        jittered.index_copy_(0, index, part)
    return jittered


def _jittered(images: Tensor, factors: Tensor, order: Tensor) -> Tensor:
    """Return :func:`color_jitter` of all images, by the same operations whatever the order is.

    Up to three adjustments precede the hue and up to three follow it: each of these six is the
    identity, a factor of 1, for the images that have it on the other side.
    """
    hue_turn = (order == HUE).int().argmax(dim=1)  # [B]
    chosen = factors.gather(1, order)  # [B, 4], as they follow
    for turn in range(3):
        factor = chosen[:, turn].where(hue_turn > turn, 1)
        images = blend(images, factor, order[:, turn])
    images = shift_hue(images, factors[:, HUE])
    for turn in range(1, 4):
        factor = chosen[:, turn].where(hue_turn < turn, 1)
        images = blend(images, factor, order[:, turn])
    return images


def constants(values: Sequence[float], images: Tensor) -> Tensor:
    """Return constants ``[n]`` of the type of images and on their device.

    On a GPU without a copy, which the host would wait for.
    """
    if images.device.type == "cpu":
        return images.new_tensor(values)
    return torch.cat([images.new_full((1,), value) for value in values])
