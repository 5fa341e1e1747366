"""DRML: the region layer against a loop over patches, the released sizes, and learning."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from facebench.backbones import NoBackbone
from facebench.pretrain.collapse import feature_std
from facebench.targets import LabelledImages
from facebench.testing.random_labels import random_targets
from facebench.weights.build import make_heads
from facebench_methods.drml import DRML, DRMLOptions, RegionLayer, dropped, fitting_side


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(side: int) -> DRML:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return DRML(NoBackbone(), DRMLOptions(), side)


def test_each_patch_has_a_convolution_of_its_own() -> None:
    layer = RegionLayer(3).double()
    x = torch.randn(4, 3, 16, 16, generator=generator(1), dtype=torch.float64)
    with torch.no_grad():
        made = layer(x)
    for row in range(8):
        for column in range(8):
            place = (slice(None), slice(None), slice(2 * row, 2 * row + 2),
                     slice(2 * column, 2 * column + 2))  # fmt: skip
            patch = x[place]
            mean = patch.mean(dim=(0, 2, 3), keepdim=True)
            variance = patch.var(dim=(0, 2, 3), keepdim=True, unbiased=False)
            normal = F.relu((patch - mean) / (variance + layer.norm.eps).sqrt())
            own = slice(3 * (8 * row + column), 3 * (8 * row + column) + 3)
            added = F.conv2d(normal, layer.conv.weight[own], layer.conv.bias[own], padding=1)  # type: ignore[index]
            torch.testing.assert_close(made[place], F.relu(patch + added))


def test_the_released_sizes() -> None:
    method = build(170)
    assert method.side == 170
    assert method.fc6.in_features == 16 * 27 * 27  # of prototxt/DRML.prototxt
    with torch.no_grad():
        assert method.eval().maps(torch.zeros(1, 3, 170, 170)).shape == (1, 16, 27, 27)
        assert method.features("f_s", torch.zeros(2, 3, 100, 100)).shape == (2, 2048)


@pytest.mark.parametrize(("side", "scaled"), [(16, 66), (64, 66), (67, 74), (100, 106)])
def test_other_images_are_scaled_to_the_next_side_that_the_grid_divides(
    side: int, scaled: int
) -> None:
    assert fitting_side(side) == scaled
    assert (scaled - 10) % 8 == 0


def test_dropout_keeps_the_mean_and_draws_from_the_generator() -> None:
    x = torch.ones(100, 200)
    first = dropped(x, generator())
    assert torch.equal(first, dropped(x, generator()))
    assert set(first.unique().tolist()) == {0.0, 2.0}
    assert first.mean().item() == pytest.approx(1, abs=0.05)


def test_features_of_an_untrained_network_differ_between_images() -> None:
    images = torch.rand(16, 3, 32, 32, generator=generator())
    with torch.no_grad():
        features = build(32).eval().features("f_s", images)
    varying = (features - features.mean(0)).norm() / features.norm()
    assert varying > 0.1  # 0.008 with torch's initial weights


def test_it_learns_action_units_and_does_not_collapse() -> None:
    method = build(32)
    targets = random_targets("labels", 8)
    make_heads(method, targets.form, seed=0)
    batch = LabelledImages(
        torch.rand(8, 3, 32, 32, generator=generator(1)), torch.from_numpy(targets.values)
    )
    adam = torch.optim.Adam(method.parameters(), lr=1e-3)
    losses = []
    for step in range(16):
        (loss,) = method.loss(batch, generator(step)).values()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(0.69, abs=0.3)  # ln 2, and what dropout adds
    assert min(losses[-3:]) < 0.5
    assert feature_std(method, batch.images) > 0.1
    assert isinstance(method.head, nn.Linear)
    assert method.head.in_features == 2048
