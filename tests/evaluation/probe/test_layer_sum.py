"""A learned weighted sum of layers: equal to torch's autograd and Adam, and judged end to end."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import facebench as fb
from facebench.errors import SpecError
from facebench.evaluation.probe.grid import Head, initialise
from facebench.evaluation.probe.losses import CrossEntropy
from facebench.evaluation.probe.training import ProbeSettings, epoch_batches, train_heads
from facebench.progress import Silent

ROWS, LAYERS, WIDTH, CLASSES, EPOCHS, BATCH, SEED = 90, 3, 6, 4, 5, 32, 1


class Weighted(nn.Module):
    """What s3prl computes: softmax weights of layers, and a linear head on their sum."""

    def __init__(self, weights: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.z = nn.Parameter(torch.zeros(LAYERS))
        self.head = nn.Linear(WIDTH, CLASSES)
        with torch.no_grad():
            self.head.weight.copy_(weights)
            self.head.bias.copy_(bias)

    def forward(self, rows: Tensor) -> Tensor:
        """Return scores ``[B, C]`` of rows ``[B, L * D]``."""
        layers = rows.unflatten(1, (LAYERS, WIDTH))
        given: Tensor = self.head((self.z.softmax(0)[:, None] * layers).sum(1))
        return given


@pytest.fixture(scope="module")
def problem() -> tuple[Tensor, Tensor]:
    """Return rows in which the second layer alone tells the classes, and these."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, CLASSES, (ROWS,), generator=generator)
    rows = torch.randn(ROWS, LAYERS, WIDTH, generator=generator)
    rows[:, 1] += 2 * nn.functional.one_hot(labels, WIDTH)
    return rows.flatten(1), labels


def test_heads_equal_autograd(problem: tuple[Tensor, Tensor]) -> None:
    rows, labels = problem
    grid = [Head(lr, decay, 7) for lr, decay in product((0.02, 0.1), (0.0, 0.01))]
    found = train_heads(
        rows, labels, grid, loss=CrossEntropy(CLASSES),
        settings=ProbeSettings(EPOCHS, BATCH, layers=LAYERS), generator_seed=SEED,
    )  # fmt: skip
    assert found.layers is not None
    start = torch.empty(len(grid), CLASSES, WIDTH), torch.empty(len(grid), CLASSES)
    initialise(grid, *start)
    for number, head in enumerate(grid):
        model = Weighted(start[0][number], start[1][number])
        adam = torch.optim.Adam(model.parameters(), lr=head.lr, weight_decay=head.weight_decay)
        annealed = torch.optim.lr_scheduler.CosineAnnealingLR(adam, EPOCHS)
        generator = torch.Generator().manual_seed(SEED)
        for _ in range(EPOCHS):
            for index in epoch_batches(ROWS, BATCH, generator):
                adam.zero_grad()
                nn.functional.cross_entropy(model(rows[index]), labels[index]).backward()
                adam.step()
            annealed.step()
        with torch.no_grad():
            torch.testing.assert_close(found.layers[number], model.z.softmax(0), atol=1e-4, rtol=0)
            torch.testing.assert_close(
                found.logits(rows)[number], model(rows), atol=1e-3, rtol=1e-3
            )


def test_the_layer_that_tells_the_classes_has_the_largest_weight(
    problem: tuple[Tensor, Tensor],
) -> None:
    rows, labels = problem
    settings = ProbeSettings(60, BATCH, layers=LAYERS)
    found = train_heads(
        rows, labels, [Head(0.05)], loss=CrossEntropy(CLASSES), settings=settings,
        generator_seed=SEED,
    )  # fmt: skip
    assert found.layers is not None
    (shares,) = found.layers
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == 1
    assert shares[1] > 0.5


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory, data: Path, plugin: Path) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("weighted")
    return {
        "tasks": "tiny", "floors": False, "device": "cpu", "precision": "32", "data": data,
        "plugins": [plugin], "cache": folder / "cache", "results": folder / "results",
        "probe": "weighted", "progress": Silent(),
        "settings": {"probe.epochs": 3, "probe.resamples": 100, "extract.feature": "layers"},
    }  # fmt: skip


def test_layers_are_judged_by_their_weighted_sum(words: dict[str, Any]) -> None:
    import timm

    torch.manual_seed(0)
    model: Any = timm.create_model("test_vit", num_classes=0, img_size=32).eval()
    (result,) = fb.evaluate(model, preprocess={"image_size": 32}, **words)
    assert result.record.task.protocol == ("weighted", 1)
    shares = result.record.details.plain()["layer_weights"]
    for kind in ("honest", "paper"):
        assert len(shares[kind]) == len(model.blocks)
        assert sum(shares[kind]) == pytest.approx(1, abs=1e-5)
        assert min(shares[kind]) > 0
    assert result.record.details.plain()["held_out_items"] > 0
    (file,) = words["cache"].glob("features/*/features.npy")
    assert np.load(file).shape == (144, len(model.blocks) * model.num_features)
    assert all(not checked.findings for checked in fb.validate(words["results"]))
    other = {**words, "settings": {**words["settings"], "extract.feature": "cls"}}
    with pytest.raises(SpecError, match=r"weighted evaluates the feature layers; found .*cls"):
        fb.evaluate(model, preprocess={"image_size": 32}, **other)
