"""Margin softmax: logits of unit features and unit class weights, with a margin for the true class.

With cos t the cosine of a feature and a class weight, s the scale and y the true class:

========== ======================== ===============================================================
CosFace    s (cos t_y - m)          Wang et al., CVPR 2018, Eq. 4
ArcFace    s cos(t_y + m)           Deng et al., CVPR 2019, Eq. 3
SphereFace f psi(t_y), see below    Liu et al., CVPR 2017, Eqs. 5 and 7
========== ======================== ===============================================================
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def cosines(features: Tensor, weights: Tensor) -> Tensor:
    """Return the cosines ``[B, K]`` of features ``[B, D]`` and class weights ``[K, D]``."""
    return F.linear(F.normalize(features, dim=1), F.normalize(weights, dim=1))


def cosface_logits(cosine: Tensor, labels: Tensor, scale: float, margin: float) -> Tensor:
    """Subtract the margin from the true class's cosine, and scale.

    Args:
        cosine: ``[B, K]``.
        labels: ``[B]`` int64, true classes.
        scale: s.
        margin: m, of the cosine.

    Returns:
        ``[B, K]``.
    """
    true = F.one_hot(labels, cosine.shape[1]).to(cosine.dtype)
    return scale * (cosine - margin * true)


def arcface_logits(cosine: Tensor, labels: Tensor, scale: float, margin: float) -> Tensor:
    """Add the margin to the true class's angle, and scale; arguments as for ``cosface_logits``.

    Where the angle with its margin exceeds pi, cos would rise again: there the cosine less
    ``m sin m`` is used, as the authors' released code does.
    """
    own = cosine.gather(1, labels[:, None]).clamp(-1, 1)  # [B, 1]
    sine = (1 - own.square()).clamp(min=1e-12).sqrt()
    turned = own * math.cos(margin) - sine * math.sin(margin)
    turned = torch.where(own > math.cos(math.pi - margin), turned, own - margin * math.sin(margin))
    return scale * cosine.scatter(1, labels[:, None], turned)


def sphereface_logits(
    cosine: Tensor, labels: Tensor, norms: Tensor, margin: int, mixed: float
) -> Tensor:
    """Multiply the true class's angle by the margin; the scale is the feature's own norm.

    psi(t) = (-1)^k cos(m t) - 2 k for t in [k pi / m, (k + 1) pi / m], which falls with t. The true
    class's logit is norm * (mixed * cos t + psi(t)) / (1 + mixed), as released: learning starts
    with a large share of the plain cosine.

    Args:
        cosine: ``[B, K]``.
        labels: ``[B]`` int64, true classes.
        norms: ``[B]``, lengths of the features.
        margin: m, a whole number.
        mixed: lambda.

    Returns:
        ``[B, K]``.
    """
    own = cosine.gather(1, labels[:, None]).clamp(-1, 1)  # [B, 1]
    part = (margin * own.detach().acos() / math.pi).floor().clamp(max=margin - 1)  # k
    multiple = _chebyshev(own, margin)
    psi = (1 - 2 * (part % 2)) * multiple - 2 * part
    mean = (mixed * own + psi) / (1 + mixed)
    return norms[:, None] * cosine.scatter(1, labels[:, None], mean)


def _chebyshev(cosine: Tensor, order: int) -> Tensor:
    """Return cos(order * t) of cos t; its gradient is finite everywhere, unlike that of acos."""
    before, now = torch.ones_like(cosine), cosine
    for _ in range(order - 1):
        before, now = now, 2 * cosine * now - before
    return now
