"""ArcFace, CosFace and SphereFace against their equations in float64; none collapses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from facebench.method import Method
from facebench.pretrain.collapse import feature_std
from facebench.targets import LabelledImages
from facebench.testing.networks import TwoLayers
from facebench.testing.random_labels import random_targets
from facebench_methods._margins import arcface_logits, cosface_logits, sphereface_logits
from facebench_methods.arcface import ArcFace
from facebench_methods.cosface import CosFace
from facebench_methods.sphereface import SphereFace

METHODS: tuple[type[Method], ...] = (ArcFace, CosFace, SphereFace)
ANGLES = [0.01, 0.6, 0.79, 1.2, 1.6, 2.2, 2.5, 2.7, 3.0, 3.13]


def cosine_of_true(angle: float) -> torch.Tensor:
    """Return ``[1, 3]`` cosines whose middle one is the true person's."""
    return torch.tensor([[0.3, math.cos(angle), -0.2]], dtype=torch.float64)


TRUE = torch.tensor([1])


@pytest.mark.parametrize("angle", ANGLES)
def test_margins_are_those_of_the_equations(angle: float) -> None:
    cosine = cosine_of_true(angle)
    cosface = cosface_logits(cosine, TRUE, 64.0, 0.35)
    assert cosface[0].tolist() == pytest.approx(
        [64 * 0.3, 64 * (math.cos(angle) - 0.35), 64 * -0.2]
    )
    # Beyond pi - m the released code continues with a line, so that the logit keeps falling.
    wanted = math.cos(angle + 0.5)
    if angle + 0.5 > math.pi:
        wanted = math.cos(angle) - 0.5 * math.sin(0.5)
    arcface = arcface_logits(cosine, TRUE, 64.0, 0.5)
    assert arcface[0].tolist() == pytest.approx([64 * 0.3, 64 * wanted, 64 * -0.2])


@pytest.mark.parametrize("margin", [1, 2, 3, 4])
@pytest.mark.parametrize("angle", ANGLES)
def test_sphereface_is_its_piecewise_cosine(angle: float, margin: int) -> None:
    k = int(angle * margin // math.pi)
    psi = (-1) ** k * math.cos(margin * angle) - 2 * k
    wanted = 7.0 * (5 * math.cos(angle) + psi) / 6
    norm = torch.tensor([7.0], dtype=torch.float64)
    found = sphereface_logits(cosine_of_true(angle), TRUE, norm, margin, 5.0)
    assert found[0].tolist() == pytest.approx([7 * 0.3, wanted, 7 * -0.2])


def test_lambda_of_sphereface_falls_by_optimiser_steps_and_survives_a_stop() -> None:
    method = SphereFace(TwoLayers(), SphereFace.Options(), 32)
    embeddings, people = torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.2], [0.0, 1.0]])
    for steps, mixed in ((0, 1000.0), (10, 1000 / 2.2), (3000, 5.0)):  # max(5, 1000 / (1 + 0.12 i))
        while int(method.iteration) < steps:
            method.after_step()
        resumed = SphereFace(TwoLayers(), SphereFace.Options(), 32)
        resumed.load_state_dict(method.state_dict())
        angle = math.acos(3.8 / 5 / math.hypot(1, 0.2))
        psi = (-1) ** int(angle * 4 // math.pi) * math.cos(4 * angle) - 2 * (angle * 4 // math.pi)
        wanted = 5 * (mixed * math.cos(angle) + psi) / (1 + mixed)
        for one in (method, resumed):
            found = one.logits(embeddings, people, torch.tensor([0]))
            assert found[0].tolist() == pytest.approx([wanted, 4.0], rel=1e-4)


def test_logits_of_the_true_person_fall_with_its_angle_and_have_finite_gradients() -> None:
    angles = torch.linspace(0, math.pi, 400, dtype=torch.float64)
    cosine = angles.cos().requires_grad_()
    labels = torch.zeros(400, dtype=torch.int64)
    ones = torch.ones(400, dtype=torch.float64)
    for logits in (
        arcface_logits(cosine[:, None], labels, 1.0, 0.5),
        cosface_logits(cosine[:, None], labels, 1.0, 0.35),
        sphereface_logits(cosine[:, None], labels, ones, 4, 0.0),
    ):
        assert (logits[1:] - logits[:-1]).max() < 1e-9
        (gradient,) = torch.autograd.grad(logits.sum(), cosine)
        assert bool(gradient.isfinite().all())


@pytest.mark.parametrize("cls", METHODS)
def test_a_few_steps_lower_the_loss_and_features_do_not_collapse(cls: type[Method]) -> None:
    targets = random_targets("identities", 8)
    own = {k: v for k, v in cls.info.presets["quick"].items() if "." not in k}  # of the method
    options: Any = cls.Options(**{**own, "embedding_dim": 16, "flip": False})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        method = cls(TwoLayers(), options, 32)
        method.expect(targets.form)
    images = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    batch: Any = LabelledImages(images, torch.from_numpy(targets.values))
    adam = torch.optim.Adam(method.parameters(), lr=1e-2)
    losses = []
    for step in range(30):
        for terms in method.steps(batch, torch.Generator().manual_seed(step)):
            adam.zero_grad()
            terms["L_identity"].backward()
            adam.step()
            method.after_step()
            losses.append(terms["L_identity"].item())
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])
    assert feature_std(method, images) > 0.05
