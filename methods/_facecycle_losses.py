"""Losses of FaceCycle as pure functions, and the warping that they and its networks share.

Chang et al., "Learning facial representations from the cycle-consistency of face", ICCV 2021; what
reference there is for details is the released code. Images here are normalised as ImageNet's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional.image import structural_similarity_index_measure

MARGIN = 0.1  # released code; in units of normalised images


def warp(images: Tensor, flow: Tensor) -> Tensor:
    """Move pixels: the result at a place is the image at that place plus the flow there.

    Bilinear; what comes in from outside is 0, the mean colour of normalised images.

    Args:
        images: ``[B, C, H, W]``, images or features.
        flow: ``[B, 2, h, w]`` of any size, x before y, in units of half the image's side.

    Returns:
        ``[B, C, H, W]`` float32.
    """
    size = images.shape[-2:]
    flow = F.interpolate(flow.float(), size=size, mode="bilinear", align_corners=True)
    ys, xs = (torch.linspace(-1, 1, side, device=flow.device) for side in size)
    places = torch.stack(torch.meshgrid(xs, ys, indexing="xy"))  # [2, H, W], x before y
    grid = (places + flow).permute(0, 2, 3, 1)
    return F.grid_sample(images.float(), grid, align_corners=True)


def swap_halves(batch: Tensor) -> Tensor:
    """Exchange the first half of a batch ``[2n, ...]``, the frames, with their partners."""
    return batch.roll(len(batch) // 2, dims=0)


def gram(features: Tensor) -> Tensor:
    """Return the Gram matrix of each image, ``[B, C, C]``, mean over positions.

    Args:
        features: ``[B, C, h, w]``.
    """
    flat = features.float().flatten(2)  # [B, C, N]
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def perceptual_loss(drawn: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
    """Compare Gram matrices of VGG features: mean squared difference, summed over layers.

    Args:
        drawn: For each layer ``[k*B, C, h, w]``: k reconstructions of each image, as k blocks.
        target: For each layer ``[B, C, h, w]`` of the images themselves; passes no gradient.

    Returns:
        Scalar, mean over the ``k*B`` reconstructions.
    """
    losses = []
    for features, wanted in zip(drawn, target, strict=True):
        blocks = gram(features).unflatten(0, (-1, len(wanted)))  # [k, B, C, C]
        losses.append((blocks - gram(wanted).detach()).square().mean())
    return torch.stack(losses).sum()


def ssim_loss(drawn: Tensor, target: Tensor) -> Tensor:
    """Return 1 - SSIM (Wang et al., 2004) of images ``[B, 3, H, W]``: a scalar from 0 to 2.

    Gaussian window of 11 pixels, sigma 1.5, and the constants of a range of 1, as released.
    """
    similarity = structural_similarity_index_measure(
        drawn.float(), target.float(), sigma=1.5, data_range=1.0
    )
    if not isinstance(similarity, Tensor):  # a pair when the whole map is asked for
        raise TypeError("torchmetrics returned a map")
    return 1 - similarity


def symmetry_loss(faces: Tensor) -> Tensor:
    """Return the mean absolute difference of left half and mirrored right half.

    Args:
        faces: ``[B, 3, H, W]``; a middle column of an odd width belongs to neither half.
    """
    half = faces.shape[3] // 2
    return F.l1_loss(faces[..., :half].float(), faces[..., -half:].flip(3).float())


def margin_loss(mean_face: Tensor, faces: Tensor, margin: float = MARGIN) -> Tensor:
    """Return how far, beyond a margin, the mean face lies from faces: mean over pixels.

    Args:
        mean_face: ``[1, 3, H, W]``.
        faces: ``[B, 3, H, W]``.
        margin: Difference of a pixel that costs nothing.
    """
    return F.relu((mean_face.float() - faces.float()).abs() - margin).mean()
