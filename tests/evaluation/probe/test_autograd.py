"""Heads of many shapes, against autograd in float64."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from facebench.evaluation.probe.grid import Head
from facebench.evaluation.probe.losses import CrossEntropy
from facebench.evaluation.probe.training import ProbeSettings, epoch_batches, train_heads

ONE, TWO = (Head(),), (Head(0.003, 1e-2, 1), Head(0.03, 0.0, 2))


def faces(rows: int, width: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(rows, width, generator=generator)
    return features, torch.randint(0, classes, (rows,), generator=generator)


def by_autograd(
    features: torch.Tensor, labels: torch.Tensor, head: Head, settings: ProbeSettings
) -> nn.Linear:
    linear = nn.Linear(features.shape[1], int(labels.max()) + 1)
    nn.init.normal_(linear.weight, 0, 0.01, generator=torch.Generator().manual_seed(head.seed))
    nn.init.zeros_(linear.bias)
    linear.double()
    optimiser = torch.optim.Adam(linear.parameters(), head.lr, weight_decay=head.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs)
    shuffle = torch.Generator().manual_seed(7)
    for _ in range(settings.epochs):
        for index in epoch_batches(len(features), settings.batch_size, shuffle):
            optimiser.zero_grad()
            nn.functional.cross_entropy(linear(features[index].double()), labels[index]).backward()
            optimiser.step()
        schedule.step()
    return linear


@pytest.mark.parametrize("heads", [ONE, TWO])
@pytest.mark.parametrize(
    ("rows", "width", "classes", "batch_size"),
    [(50, 33, 7, 16), (41, 453, 2, 10), (9, 896, 3, 256), (7, 1, 8, 3), (96, 447, 3, 37)],
)
def test_heads_equal_autograd(
    rows: int, width: int, classes: int, batch_size: int, heads: tuple[Head, ...]
) -> None:
    features, labels = faces(rows, width, classes)
    labels[0] = classes - 1
    settings = ProbeSettings(epochs=3, batch_size=batch_size)
    trained = train_heads(
        features, labels, heads, loss=CrossEntropy(classes), settings=settings, generator_seed=7
    )
    for head, weights, bias in zip(heads, trained.weights, trained.bias, strict=True):
        exact = by_autograd(features, labels, head, settings)
        torch.testing.assert_close(weights, exact.weight.float(), rtol=0, atol=2e-5)
        torch.testing.assert_close(bias, exact.bias.float(), rtol=0, atol=2e-5)
