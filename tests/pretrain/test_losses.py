"""Each loss against a loop that follows the paper's equation letter by letter, in float64."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lightly.loss import NTXentLoss
from torch import Tensor
from torch.nn import functional as F

from facebench.pretrain.losses import (
    cross_correlation,
    draw_mixing,
    mix_similarities,
    mixed_nt_xent,
    orthogonality,
    pose_loss,
)

TAU = 0.07


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def cosine(a: Tensor, b: Tensor) -> float:
    return float((a @ b) / (a.norm() * b.norm()))


def eq5(anchor: Tensor, positive: Tensor, negatives: Tensor, *, with_positive: bool) -> float:
    """l_p of Eq. 5 for one image; the released code adds the positive to the denominator."""
    numerator = math.exp(cosine(anchor, positive) / TAU)
    denominator = sum(math.exp(cosine(anchor, negative) / TAU) for negative in negatives)
    return -math.log(numerator / (denominator + (numerator if with_positive else 0)))


def eq6(features: Tensor) -> float:
    """L_face of Eq. 6, l_f(i, j) + l_f(j, i), mean over the N pairs (i, i + N)."""
    n = len(features) // 2
    total = 0.0
    for i in range(n):
        for a, b in ((i, i + n), (i + n, i)):
            others = [z for z in range(2 * n) if z != a]
            numerator = math.exp(cosine(features[a], features[b]) / TAU)
            total += -math.log(
                numerator / sum(math.exp(cosine(features[a], features[z]) / TAU) for z in others)
            )
    return total / n


@pytest.mark.parametrize("with_positive", [False, True])
def test_pose_loss_is_equation_5(with_positive: bool) -> None:
    anchor, positive, negatives = randn(3, 16), randn(3, 16, seed=1), randn(3, 5, 16, seed=2)
    expected = [
        eq5(anchor[i], positive[i], negatives[i], with_positive=with_positive) for i in range(3)
    ]
    found = pose_loss(anchor, positive, negatives, TAU, positive_in_denominator=with_positive)
    assert found.tolist() == pytest.approx(expected, rel=1e-4)


def test_pose_loss_with_mixed_negatives_normalises_each_mixture() -> None:
    anchor, positive, negatives = randn(2, 16), randn(2, 16, seed=1), randn(2, 6, 16, seed=2)
    partner, share = draw_mixing(2, 6, generator(3))
    unit = negatives / negatives.norm(dim=2, keepdim=True)
    mixed = torch.stack(
        [
            torch.stack([share[p, m] * unit[p, m] + (1 - share[p, m]) * unit[p, partner[p, m]]
                         for m in range(6)])
            for p in range(2)
        ]
    )  # fmt: skip
    expected = [eq5(anchor[p], positive[p], mixed[p], with_positive=True) for p in range(2)]
    found = pose_loss(
        anchor, positive, negatives, TAU, positive_in_denominator=True, mixing=(partner, share)
    )
    assert found.tolist() == pytest.approx(expected, rel=1e-4)


def test_released_pose_mixing_is_of_features_that_are_not_normalised() -> None:
    anchor, positive = randn(2, 16), randn(2, 16, seed=1)
    negatives = randn(2, 6, 16, seed=2) * randn(2, 6, 1, seed=3).exp()  # of very different lengths
    partner, share = draw_mixing(2, 6, generator(3), one_order=True)
    assert torch.equal(partner[0], partner[1])
    expected = []
    for p in range(2):
        mixed = []
        for m in range(6):
            weight, other = float(share[p, m]), negatives[p, int(partner[0, m])]
            mixed.append(weight * negatives[p, m] + (1 - weight) * other)
        expected.append(eq5(anchor[p], positive[p], torch.stack(mixed), with_positive=True))
    found = pose_loss(
        anchor, positive, negatives, TAU, positive_in_denominator=True, mixing=(partner, share),
        interpolation="released",
    )  # fmt: skip
    assert found.tolist() == pytest.approx(expected, rel=1e-4)


def test_lightlys_nt_xent_is_half_of_equation_6() -> None:
    z0, z1 = randn(4, 16).float(), randn(4, 16, seed=1).float()
    found = 2 * NTXentLoss(TAU)(z0, z1)
    assert found.item() == pytest.approx(eq6(torch.cat([z0, z1]).double()), rel=1e-4)


def test_mixed_nt_xent_against_a_loop_over_anchors() -> None:
    n, z0, z1 = 4, randn(4, 16), randn(4, 16, seed=1)
    partner, share = draw_mixing(2 * n, 2 * n - 2, generator(5))
    z = torch.cat([z0, z1])
    z = z / z.norm(dim=1, keepdim=True)
    total = 0.0
    for a in range(2 * n):
        b = (a + n) % (2 * n)
        negatives = torch.stack([z[k] for k in range(2 * n) if k not in (a, b)])
        weight = share[a].double().unsqueeze(1)
        mixed = weight * negatives + (1 - weight) * negatives[partner[a]]
        total += eq5(z[a], z[b], mixed, with_positive=True)
    found = mixed_nt_xent(z0, z1, TAU, generator(5))
    assert found.item() == pytest.approx(total / (2 * n), rel=1e-4)


def test_released_mixed_nt_xent_against_a_loop_over_anchors() -> None:
    n = 4
    z = randn(2 * n, 16) * randn(2 * n, 1, seed=1).exp()
    partner, share = draw_mixing(2 * n, 2 * n - 2, generator(5), one_order=True)
    total = 0.0
    for a in range(2 * n):
        b = (a + n) % (2 * n)
        negatives = [z[k] for k in range(2 * n) if k not in (a, b)]
        mixed = []
        for m, negative in enumerate(negatives):
            weight = float(share[a, m])
            mixed.append(weight * negative + (1 - weight) * negatives[int(partner[0, m])])
        total += eq5(z[a], z[b], torch.stack(mixed), with_positive=True)
    found = mixed_nt_xent(z[:n], z[n:], TAU, generator(5), interpolation="released")
    assert found.item() == pytest.approx(total / (2 * n), rel=1e-4)


@pytest.mark.parametrize("length", [1.0, 20.0])
def test_mixtures_of_opposite_negatives_have_cosines_of_at_most_one(length: float) -> None:
    """They cancel where features lie on two opposite sides, and rounding is all that is left."""
    anchors, count = 256, 512
    centre = F.normalize(randn(1, 64, seed=3), dim=1).float()
    sides = (torch.arange(count) % 2 * 2 - 1).unsqueeze(1)
    z = length * sides * (centre + 1e-5 * randn(count, 64, seed=4).float())
    anchor = F.normalize(randn(anchors, 64, seed=5), dim=1).float()
    partner, share = draw_mixing(anchors, count, generator(6))
    similarity, gram = anchor @ z.T, z @ z.T
    between = gram[torch.arange(count).expand(anchors, -1), partner]
    squared = gram.diagonal().expand(anchors, -1)
    similarity.requires_grad_()
    found = mix_similarities(similarity, between, partner, share, squared)
    assert found.abs().max() <= 1 + 1e-6
    (gradient,) = torch.autograd.grad(found.sum(), similarity)
    assert gradient.isfinite().all()
    weight = share.double().unsqueeze(2)
    mixed = weight * z.double() + (1 - weight) * z.double()[partner]
    expected = F.cosine_similarity(anchor.double().unsqueeze(1), mixed, dim=2)
    assert (found - expected).abs().median() < 1e-4  # but for the few that cancel
    assert ((found - expected).abs() > 0.01).double().mean() < 0.01


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 9))
def test_mixing_draws_are_permutations_and_shares(seed: int, negatives: int) -> None:
    partner, share = draw_mixing(3, negatives, generator(seed))
    assert torch.equal(partner.sort(dim=1).values, torch.arange(negatives).expand(3, -1))
    assert bool(((share > 0) & (share < 1)).all())
    again = draw_mixing(3, negatives, generator(seed))
    assert torch.equal(partner, again[0])
    assert torch.equal(share, again[1])


def test_mixing_with_share_one_changes_nothing() -> None:
    similarity, between = randn(3, 4).tanh(), randn(3, 4, seed=1).tanh()
    partner = draw_mixing(3, 4, generator())[0]
    mixed = mix_similarities(similarity, between, partner, torch.ones(3, 4, dtype=torch.float64))
    assert torch.allclose(mixed, similarity)


def test_orthogonality_is_half_of_equation_3() -> None:
    f, p = randn(5, 8), randn(5, 8, seed=1)
    expected = sum(sum(float(f[i, d] * p[i, d]) for d in range(8)) ** 2 for i in range(5)) / 5
    assert float(orthogonality(f, p)) == pytest.approx(expected, rel=1e-5)


def test_cross_correlation_against_a_loop() -> None:
    f, p = randn(5, 3), randn(5, 3, seed=1)

    def scaled(x: Tensor) -> Tensor:
        centred = x - x.mean(dim=0)
        return torch.stack([row / (float(row.norm()) + 1e-6) for row in centred])

    a, b = scaled(f), scaled(p)
    total = sum(float(a[:, i] @ b[:, j]) ** 2 for i in range(3) for j in range(3))
    assert float(cross_correlation(f, p)) == pytest.approx(total / 9, rel=1e-5)
