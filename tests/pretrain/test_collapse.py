"""Feature standard deviation: 0 for a collapse, 1 for features spread over the sphere."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facebench.pretrain.collapse import feature_std
from facebench.testing.networks import TwoLayers
from facebench_methods.simclr import SimCLR, SimCLROptions


class Encoder(nn.Module):
    """Returns given features, and records whether a batch statistic was updated."""

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.given = features
        self.norm = nn.BatchNorm1d(3)

    def encode(self, images: Tensor) -> Tensor:
        self.norm(torch.ones(4, 3))
        return self.given


def test_one_feature_for_all_images_is_a_collapse() -> None:
    same = Encoder(torch.ones(16, 50) * torch.rand(16, 1, generator=torch.Generator()))
    assert feature_std(same, torch.empty(0)) == pytest.approx(0, abs=1e-6)  # type: ignore[arg-type]


def test_features_all_over_the_sphere_have_one() -> None:
    spread = torch.randn(4000, 64, generator=torch.Generator().manual_seed(0))
    found = feature_std(Encoder(spread), torch.empty(0))  # type: ignore[arg-type]
    assert found == pytest.approx(1, abs=0.01)


def test_it_equals_the_formula_and_ignores_the_length_of_features() -> None:
    features = np.random.default_rng(1).normal(2, 1, (8, 5))
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    naive = np.mean([unit[:, d].std() for d in range(5)]) * np.sqrt(5)
    for scale in (1.0, 1e-3):
        encoder = Encoder(torch.tensor(features * scale))
        assert feature_std(encoder, torch.empty(0)) == pytest.approx(naive)  # type: ignore[arg-type]


def test_looking_changes_nothing() -> None:
    encoder = Encoder(torch.eye(4))
    encoder.train()
    encoder.norm.eval()
    before = encoder.norm.running_mean
    assert before is not None
    before = before.clone()
    feature_std(encoder, torch.empty(0))  # type: ignore[arg-type]
    assert encoder.training
    assert not encoder.norm.training
    assert torch.equal(before, encoder.norm.running_mean)  # type: ignore[arg-type]


def test_a_new_encoder_of_faces_has_not_collapsed() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        method = SimCLR(TwoLayers(), SimCLROptions(), 32)
    images = torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert 0.01 < feature_std(method, images) < 1
