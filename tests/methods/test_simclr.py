"""SimCLR learns: its loss falls and its features stay apart, which is not so of any loss."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from facebench.pretrain.collapse import feature_std
from facebench.testing.networks import TwoLayers
from facebench_methods.simclr import SimCLR, SimCLROptions

Loss = Callable[[SimCLR, tuple[Tensor, Tensor], torch.Generator], Tensor]


def contrast(method: SimCLR, views: tuple[Tensor, Tensor], generator: torch.Generator) -> Tensor:
    return method.loss(views, generator)["L_contrast"]


def pull(method: SimCLR, views: tuple[Tensor, Tensor], generator: torch.Generator) -> Tensor:
    """A loss of positives alone, without negatives."""
    first, second = (method.encode(view) for view in views)
    return F.mse_loss(first, second)


def learn(loss: Loss) -> tuple[list[float], float]:
    """Return the losses of 60 steps on patches, and how far features lie apart in the end."""
    patches = torch.rand(32, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    images = F.interpolate(patches, size=32, mode="nearest")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        method = SimCLR(TwoLayers(), SimCLROptions(negative_interpolation=False), 32)
    adam = torch.optim.Adam(method.parameters(), lr=2e-3)
    losses = []
    for step in range(60):
        generator = torch.Generator().manual_seed(step)
        value = loss(method, method.views(images, generator), generator)
        adam.zero_grad()
        value.backward()
        adam.step()
        losses.append(float(value.detach()))
    return losses, feature_std(method, images)


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


@pytest.fixture(scope="module")
def learned() -> tuple[list[float], float]:
    return learn(contrast)


def test_learning_lowers_the_loss_and_does_not_collapse_the_features(
    learned: tuple[list[float], float],
) -> None:
    losses, spread = learned
    assert mean(losses[-10:]) < mean(losses[:10]) - 0.2
    assert spread > 0.1


def test_a_loss_that_only_attracts_collapses_and_the_figure_shows_it(
    learned: tuple[list[float], float],
) -> None:
    losses, collapsed = learn(pull)
    assert losses[-1] < losses[0]
    assert collapsed < learned[1] / 2
