"""Losses of FaceCycle as pure functions.

Chang et al., "Learning facial representations from the cycle-consistency of face", ICCV 2021;
details follow the released code. Images are normalised with ImageNet's mean and deviation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

MARGIN = 0.1  # released code; in units of normalised images
WINDOW_RADIUS, WINDOW_SIGMA = 5, 1.5  # window of SSIM in pixels; released code
SSIM_CONSTANTS = (0.01**2, 0.03**2)  # released code: for a range of 1, though values span 4.4


def swap_halves(batch: Tensor) -> Tensor:
    """Exchange the first half of a batch ``[2n, ...]``, the frames, with their partners."""
    return batch.roll(len(batch) // 2, dims=0)


def gram(features: Tensor) -> Tensor:
    """Return the Gram matrix of each image, ``[B, C, C]``, mean over positions.

    Args:
        features: ``[B, C, h, w]``.
    """
    with torch.autocast(features.device.type, enabled=False):  # else the product is bfloat16
        flat = features.float().flatten(2)  # [B, C, N]
        return flat @ flat.transpose(1, 2) / flat.shape[2]


def perceptual_loss(reconstructed: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
    """Compare Gram matrices of VGG features: mean squared difference, summed over layers.

    Args:
        reconstructed: For each layer ``[k*B, C, h, w]``, k blocks of B reconstructions.
        target: For each layer ``[B, C, h, w]`` of the images; no gradient is propagated.

    Returns:
        Scalar, mean over the ``k*B`` reconstructions.
    """
    losses = []
    for features, wanted in zip(reconstructed, target, strict=True):
        blocks = gram(features).unflatten(0, (-1, len(wanted)))  # [k, B, C, C]
        losses.append((blocks - gram(wanted).detach()).square().mean())
    return torch.stack(losses).sum()


def ssim_loss(reconstructed: Tensor, target: Tensor) -> Tensor:
    """Return 1 - SSIM (Wang et al., 2004): mean over pixels, channels and images, from 0 to 2.

    As released: a Gaussian window of 11 pixels, sigma 1.5, that sees zeros outside the image.

    Args:
        reconstructed: ``[B, C, H, W]``.
        target: ``[B, C, H, W]``.
    """
    # Variances are small differences of squares, for which bfloat16 is too coarse.
    with torch.autocast(reconstructed.device.type, enabled=False):
        a, b = reconstructed.float(), target.float()
        means = _windowed(torch.stack([a, b, a * a, b * b, a * b]))  # [5, B, C, H, W]
        mean_a, mean_b, mean_aa, mean_bb, mean_ab = means.unbind()
        product, squares = mean_a * mean_b, mean_a.square() + mean_b.square()
        c1, c2 = SSIM_CONSTANTS
        luminance = (2 * product + c1) / (squares + c1)
        structure = (2 * (mean_ab - product) + c2) / (mean_aa + mean_bb - squares + c2)
        return 1 - (luminance * structure).mean()


def _windowed(maps: Tensor) -> Tensor:
    """Return the mean under the window around each pixel of ``[..., H, W]``; 0 outside.

    The window is separable, so two matrix products suffice: on a CPU 2 to 4 times as fast as a
    convolution with 11x11 weights, gradient included.
    """
    height, width = maps.shape[-2:]
    return _window(height, maps.device) @ maps @ _window(width, maps.device)  # both symmetric


def _window(side: int, device: torch.device) -> Tensor:
    """Return ``[side, side]``: in row i the weights of the window around pixel i.

    The whole window sums to 1. Its part outside the image is cut off, which equals zero padding.
    """
    places = torch.arange(side, device=device)
    distance = (places - places[:, None]).abs()
    reach = range(-WINDOW_RADIUS, WINDOW_RADIUS + 1)
    total = sum(math.exp(-(x**2) / (2 * WINDOW_SIGMA**2)) for x in reach)
    weights = torch.exp(-distance.square() / (2 * WINDOW_SIGMA**2)) / total
    return weights.where(distance <= WINDOW_RADIUS, 0)


def symmetry_loss(faces: Tensor) -> Tensor:
    """Return the mean absolute difference of left half and mirrored right half.

    Args:
        faces: ``[B, 3, H, W]``; a middle column of an odd width belongs to neither half.
    """
    half = faces.shape[3] // 2
    return F.l1_loss(faces[..., :half].float(), faces[..., -half:].flip(3).float())


def margin_loss(mean_face: Tensor, faces: Tensor, margin: float = MARGIN) -> Tensor:
    """Return the difference between mean face and faces beyond a margin, averaged over pixels.

    Args:
        mean_face: ``[1, 3, H, W]``.
        faces: ``[B, 3, H, W]``.
        margin: Difference of a pixel that is not penalised.
    """
    return F.relu((mean_face.float() - faces.float()).abs() - margin).mean()
