"""Contrastive losses that lightly does not have, as pure functions.

Plain NT-Xent comes from lightly; here are the forms with *mixed* negatives (negative
interpolation, Zhu et al., ICCV 2021, which PCL section 4.1 names for its baseline), and the
pose loss of PCL Eq. 5, whose denominator holds the negatives only.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

BETA = 1.6  # lambda ~ Beta(1.6, 1.6), PCL's released code


def draw_mixing(anchors: int, negatives: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw, for every negative of every anchor, a partner and a share.

    Args:
        anchors: Number of anchors, A.
        negatives: Negatives of each anchor, M.
        generator: Source of the draw; on the CPU.

    Returns:
        ``partner`` [A, M] int64, each row a permutation of 0..M-1, and ``share`` [A, M] in (0, 1).
    """
    partner = torch.rand(anchors, negatives, generator=generator).argsort(dim=1)
    # torch's Beta takes no generator; numpy's does, seeded from ours.
    seed = int(torch.randint(2**62, (), generator=generator))
    share = np.random.default_rng(seed).beta(BETA, BETA, size=(anchors, negatives))
    return partner, torch.from_numpy(share).float()


def mix_similarities(similarity: Tensor, between: Tensor, partner: Tensor, share: Tensor) -> Tensor:
    """Return the cosine of each anchor with its *mixed* negatives, without forming a mixture.

    A mixture ``share * n + (1 - share) * n'`` of unit vectors, normalised again, has with the
    anchor a cosine that follows from three inner products alone.

    Args:
        similarity: [A, M] cosine of anchor and negative.
        between: [A, M] cosine of negative and its partner.
        partner: [A, M] index of the partner among the anchor's negatives.
        share: [A, M] weight of the negative itself.
    """
    mixed = share * similarity + (1 - share) * similarity.gather(1, partner)
    length = (share**2 + (1 - share) ** 2 + 2 * share * (1 - share) * between).clamp_min(1e-12)
    return mixed / length.sqrt()


def mixed_nt_xent(z0: Tensor, z1: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """Return NT-Xent (SimCLR Eq. 1; PCL Eq. 6) over interpolated negatives.

    Every anchor keeps its positive as it is; its 2N-2 negatives are each mixed with another.

    Args:
        z0: [N, D] features of the first views.
        z1: [N, D] features of the second views.
        temperature: tau.
        generator: Source of the mixing; on the CPU.

    Returns:
        Scalar, mean over the 2N anchors.
    """
    n = len(z0)
    z = F.normalize(torch.cat([z0, z1]).float(), dim=1)
    gram = z @ z.T  # [2N, 2N]
    anchors = torch.arange(2 * n, device=z.device)
    positive = (anchors + n) % (2 * n)
    others = _others(n, z.device)  # [2N, 2N-2]
    partner, share = (draw.to(z.device) for draw in draw_mixing(2 * n, 2 * n - 2, generator))
    negatives = mix_similarities(
        gram.gather(1, others), gram[others, others.gather(1, partner)], partner, share
    )
    logits = torch.cat([gram[anchors, positive].unsqueeze(1), negatives], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros_like(anchors))


def _others(n: int, device: torch.device) -> Tensor:
    """Return, for each of the 2N anchors, the indices of everything but itself and its pair."""
    anchors = torch.arange(2 * n, device=device)
    same = (anchors[:, None] - anchors[None, :]) % n == 0
    return anchors.expand(2 * n, -1)[~same].view(2 * n, 2 * n - 2)


def pose_loss(
    anchor: Tensor,
    positive: Tensor,
    negatives: Tensor,
    temperature: float,
    *,
    positive_in_denominator: bool = False,
    mixing: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Return l_p of PCL Eq. 5, mean over anchors.

    Args:
        anchor: [P, D] F_p of one unaugmented-pose view.
        positive: [P, D] F_p of the other.
        negatives: [P, M, D] F_p of M pose-augmented views of the same image.
        temperature: tau.
        positive_in_denominator: Add the positive to the denominator (InfoNCE), as the released
            code does; Eq. 5 has the negatives only.
        mixing: Draws of :func:`draw_mixing` [P, M] for negative interpolation.

    Returns:
        Scalar; with the negatives only it may be negative.
    """
    anchor, positive, negatives = (
        F.normalize(x.float(), dim=-1) for x in (anchor, positive, negatives)
    )
    pull = (anchor * positive).sum(dim=1) / temperature  # [P]
    push = torch.einsum("pd,pmd->pm", anchor, negatives)
    if mixing is not None:
        partner, share = (draw.to(push.device) for draw in mixing)
        partners = negatives.gather(1, partner.unsqueeze(2).expand_as(negatives))
        push = mix_similarities(push, (negatives * partners).sum(dim=2), partner, share)
    push = push / temperature
    if positive_in_denominator:
        push = torch.cat([pull.unsqueeze(1), push], dim=1)
    return (push.logsumexp(dim=1) - pull).mean()


def orthogonality(f: Tensor, p: Tensor) -> Tensor:
    """Return one half of L_orth, PCL Eq. 3: the mean squared dot product of F_f and F_p [N, D]."""
    return (f.float() * p.float()).sum(dim=1).square().mean()


def cross_correlation(f: Tensor, p: Tensor) -> Tensor:
    """Return L_orth as released: mean squared entry of the D x D cross-correlation matrix.

    Features [N, D] are centred over the batch and divided by their length, which passes no
    gradient; so a batch of one gives zero.
    """
    f, p = _centre_and_scale(f.float()), _centre_and_scale(p.float())
    matrix = f.T @ p  # [D, D]
    mean: Tensor = matrix.square().mean()
    return mean


def _centre_and_scale(x: Tensor) -> Tensor:
    x = x - x.mean(dim=0)
    length: Tensor = x.norm(dim=1, keepdim=True).detach()
    return x / (length + 1e-6)
