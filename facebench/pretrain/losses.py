"""Contrastive losses that lightly does not provide, as pure functions.

Plain NT-Xent is lightly's. This module has the variants with *mixed* negatives (negative
interpolation, Zhu et al., ICCV 2021, used by the baseline of PCL section 4.1), and the pose loss of
PCL Eq. 5, whose denominator has the negatives only.

Negatives are interpolated in one of two ways. ``unit``: unit vectors are mixed, with a
permutation for each anchor. ``released``, as PCL's released code does it: features are mixed as
the head gives them, before normalisation, with one permutation for all anchors.

Where several devices learn together, losses over a batch take the features of all of them
(:mod:`facebench.pretrain.devices`).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from facebench.pretrain.augment import counters, draws
from facebench.pretrain.devices import gathered, own_places, world

Interpolation = Literal["unit", "released"]

BETA = 1.6  # lambda ~ Beta(1.6, 1.6), PCL's released code
_QUANTILE = (
    0.670075201, 0.103604389, 0.0472434961, 0.0228310115, 0.0534629884,
    -0.122088233, 0.313101852, -0.355455049, 0.197310313,
)  # fmt: skip
_CPU = torch.device("cpu")


def draw_mixing(
    anchors: int,
    negatives: int,
    generator: torch.Generator,
    *,
    one_order: bool = False,
    device: torch.device = _CPU,
) -> tuple[Tensor, Tensor]:
    """Draw, for every negative of every anchor, a partner and a share.

    On the CPU a batch of 256 takes 38 ms, longer than a GPU needs for a step: there they are drawn
    on the device, other numbers of the same distributions, the same on each device.

    Args:
        anchors: Number of anchors, A.
        negatives: Negatives of each anchor, M.
        generator: Generator for all random draws, on the CPU.
        one_order: One permutation for all anchors instead of one for each.
        device: Where they are used.

    Returns:
        ``partner`` [A, M] int64, each row a permutation of 0..M-1, and ``share`` [A, M] in (0, 1).
    """
    orders = 1 if one_order else anchors
    if device.type != "cpu":
        key = draws.key(generator)
        partner = counters.uniform((orders, negatives), key, device).argsort(dim=1)
        shares = counters.uniform((anchors, negatives), key ^ 1, device)
        return partner.expand(anchors, -1), beta_quantile(shares)
    keys = draws.whole_batch(
        generator, lambda: torch.rand(orders, negatives, generator=generator)
    )  # fmt: skip
    partner = keys.argsort(dim=1)
    # torch's Beta takes no generator; numpy's does, seeded from ours.
    share = np.random.default_rng(draws.key(generator)).beta(BETA, BETA, size=(anchors, negatives))
    return partner.expand(anchors, -1), torch.from_numpy(share).float()


def beta_quantile(shares: Tensor) -> Tensor:
    """Return the quantile function of Beta(1.6, 1.6), with a relative error below 1e-6.

    The smaller half of a quantile x of u is a smooth function of v = u^(1 / 1.6), fitted as v times
    a polynomial in v; the other half is its mirror image.

    Args:
        shares: u of any shape, in (0, 1).
    """
    v = torch.minimum(shares, 1 - shares).pow_(1 / BETA)
    x = torch.full_like(v, _QUANTILE[-1])
    for coefficient in _QUANTILE[-2::-1]:
        x = x.mul_(v).add_(coefficient)
    x = x.mul_(v)
    return torch.where(shares < 0.5, x, 1 - x)


def mix_similarities(
    similarity: Tensor,
    between: Tensor,
    partner: Tensor,
    share: Tensor,
    squared: Tensor | None = None,
) -> Tensor:
    """Return the cosine of each anchor with its *mixed* negatives, without forming a mixture.

    A mixture ``share * n + (1 - share) * n'``, divided by its length, has with a unit anchor a
    cosine that follows from inner products alone.

    Args:
        similarity: [A, M] inner product of unit anchor and negative.
        between: [A, M] inner product of negative and its partner.
        partner: [A, M] index of the partner among the anchor's negatives.
        share: [A, M] weight of the negative itself.
        squared: [A, M] squared length of the negative; ``None`` where all have length 1.
    """
    mixed = share * similarity + (1 - share) * similarity.gather(1, partner)
    own, other = share**2, (1 - share) ** 2
    if squared is not None:
        own, other = own * squared, other * squared.gather(1, partner)
    length = own + other + 2 * share * (1 - share) * between
    # Opposite negatives cancel, and rounding then leaves too short a mixture: no cosine exceeds 1.
    return mixed / torch.maximum(length, mixed.square()).clamp_min(1e-12).sqrt()


def mixed_nt_xent(
    z0: Tensor,
    z1: Tensor,
    temperature: float,
    generator: torch.Generator,
    *,
    interpolation: Interpolation = "unit",
) -> Tensor:
    """Return NT-Xent (SimCLR Eq. 1; PCL Eq. 6) over interpolated negatives.

    Every anchor keeps its positive as it is; its 2N-2 negatives are each mixed with another.

    Args:
        z0: Features of the first views, [N, D], or this device's share of them.
        z1: Features of the second views, of the same shape.
        temperature: tau.
        generator: Generator of the mixing, on the CPU; devices that learn together have equal ones.
        interpolation: How negatives are mixed (see the module's docstring).

    Returns:
        Scalar, mean over the 2N anchors, or over the device's share of them; their negatives are
        those of the whole batch.
    """
    released = interpolation == "released"
    raw = torch.cat([gathered(z0.float()), gathered(z1.float())])
    z, n = F.normalize(raw, dim=1), len(raw) // 2
    gram = z @ z.T  # [2N, 2N]
    anchors = torch.arange(2 * n, device=z.device)
    others = others_of_pairs(n, z.device)  # [2N, 2N-2]
    partner, share = draw_mixing(2 * n, 2 * n - 2, generator, one_order=released, device=z.device)
    similarity, between = (z @ raw.T, raw @ raw.T) if released else (gram, gram)
    if world() > 1:
        own = own_places(n, z.device)
        anchors = torch.cat([own, own + n])
        others, similarity, gram = others[anchors], similarity[anchors], gram[anchors]
        partner, share = partner[anchors], share[anchors]
    negatives = mix_similarities(
        similarity.gather(1, others),
        between[others, others.gather(1, partner)],
        partner,
        share,
        between.diagonal()[others] if released else None,
    )
    positive = gram.gather(1, ((anchors + n) % (2 * n)).unsqueeze(1))
    logits = torch.cat([positive, negatives], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros_like(anchors))


def others_of_pairs(n: int, device: torch.device) -> Tensor:
    """Return, for each of the 2N anchors, the indices of everything but itself and its pair."""
    # By arithmetic: a boolean mask would make the host wait for the device.
    first = torch.arange(2 * n, device=device)[:, None] % n  # of the two that are left out
    others = torch.arange(2 * n - 2, device=device).expand(2 * n, -1)
    others = others + (others >= first)
    return others + (others >= first + n)


def pose_loss(
    anchor: Tensor,
    positive: Tensor,
    negatives: Tensor,
    temperature: float,
    *,
    positive_in_denominator: bool = False,
    mixing: tuple[Tensor, Tensor] | None = None,
    interpolation: Interpolation = "unit",
) -> Tensor:
    """Return l_p of PCL Eq. 5 for each anchor.

    Args:
        anchor: [P, D] F_p of one unaugmented-pose view.
        positive: [P, D] F_p of the other.
        negatives: [P, M, D] F_p of M pose-augmented views.
        temperature: tau.
        positive_in_denominator: Add the positive to the denominator (InfoNCE), as the released
            code does; Eq. 5 has the negatives only.
        mixing: Draws of :func:`draw_mixing` [P, M] for negative interpolation.
        interpolation: How negatives are mixed (see the module's docstring).

    Returns:
        [P]; with the negatives only it may be negative.
    """
    anchor, positive = (F.normalize(x.float(), dim=-1) for x in (anchor, positive))
    released = mixing is not None and interpolation == "released"
    negatives = negatives.float() if released else F.normalize(negatives.float(), dim=-1)
    pull = (anchor * positive).sum(dim=1) / temperature  # [P]
    push = torch.einsum("pd,pmd->pm", anchor, negatives)
    if mixing is not None:
        partner, share = (draw.to(push.device) for draw in mixing)
        partners = negatives.gather(1, partner.unsqueeze(2).expand_as(negatives))
        squared = negatives.square().sum(dim=2) if released else None
        between = (negatives * partners).sum(dim=2)
        push = mix_similarities(push, between, partner, share, squared)
    push = push / temperature
    if positive_in_denominator:
        push = torch.cat([pull.unsqueeze(1), push], dim=1)
    return push.logsumexp(dim=1) - pull


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
