"""Compiled training of a few softmax heads, against autograd in float64."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from facebench.errors import DataError
from facebench.evaluation.probe import softmax_heads
from facebench.evaluation.probe import training as probe
from facebench.evaluation.probe.feature_matrix import FeatureMatrix
from facebench.evaluation.probe.grid import Head
from facebench.evaluation.probe.heads import Heads
from facebench.evaluation.probe.losses import BinaryCrossEntropy, CrossEntropy, Loss
from facebench.evaluation.probe.softmax_heads import SoftmaxHeads
from facebench.evaluation.probe.softmax_kernel import BLOCK, ROWS, _compiled, _softmax_error
from facebench.evaluation.probe.training import ProbeSettings, epoch_batches, train_heads

ONE, TWO = (Head(),), (Head(0.003, 1e-2, 1), Head(0.03, 0.0, 2))


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[SoftmaxHeads]:
    """Compiled code however little there is to do and whichever threads numba has; its users."""
    made: list[SoftmaxHeads] = []

    class Listed(SoftmaxHeads):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            made.append(self)

    monkeypatch.setattr(probe, "COMPILED_WORK", 0)
    monkeypatch.setattr(numba, "threading_layer", lambda: "omp")
    monkeypatch.setattr(softmax_heads, "SoftmaxHeads", Listed)
    return made


def faces(rows: int, width: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(rows, width, generator=generator)
    return features, torch.randint(0, classes, (rows,), generator=generator)


def train(
    features: torch.Tensor | FeatureMatrix | npt.NDArray[np.floating],
    labels: torch.Tensor,
    heads: tuple[Head, ...],
    settings: ProbeSettings,
    loss: Loss | None = None,
) -> Heads:
    loss = loss or CrossEntropy(int(labels.max()) + 1)
    return train_heads(features, labels, heads, loss=loss, settings=settings, generator_seed=7)


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


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("heads", [ONE, TWO])
@pytest.mark.parametrize(
    ("rows", "width", "classes", "batch_size"),
    [
        (50, 33, 7, 16),
        (41, BLOCK + 5, 2, 10),
        (9, 2 * BLOCK, 3, 256),
        (7, 1, 8, 3),
        (6 * ROWS, BLOCK - 1, 3, 2 * ROWS + 5),
    ],
)
def test_heads_equal_autograd(
    compiled: list[SoftmaxHeads],
    monkeypatch: pytest.MonkeyPatch,
    rows: int,
    width: int,
    classes: int,
    batch_size: int,
    heads: tuple[Head, ...],
    threads: int,
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    features, labels = faces(rows, width, classes)
    labels[0] = classes - 1
    settings = ProbeSettings(epochs=3, batch_size=batch_size)
    trained = train(features, labels, heads, settings)
    assert len(compiled) == 1
    for head, weights, bias in zip(heads, trained.weights, trained.bias, strict=True):
        exact = by_autograd(features, labels, head, settings)
        torch.testing.assert_close(weights, exact.weight.float(), rtol=0, atol=2e-5)
        torch.testing.assert_close(bias, exact.bias.float(), rtol=0, atol=2e-5)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_some_rows_of_a_store_train_as_if_they_were_all(
    compiled: list[SoftmaxHeads], tmp_path: Path, dtype: type[np.floating]
) -> None:
    features, labels = faces(60, 40, 4)
    stored, rows = features.numpy().astype(dtype), np.arange(0, 60, 3)[::-1].copy()
    np.save(tmp_path / "store.npy", stored)
    store = np.load(tmp_path / "store.npy", mmap_mode="r")
    settings = ProbeSettings(epochs=2, batch_size=8)
    some = train(FeatureMatrix(store, rows=rows), labels[rows.tolist()], TWO, settings)
    alone = torch.from_numpy(stored[rows].astype(np.float32))
    assert torch.equal(some.weights, train(alone, labels[rows.tolist()], TWO, settings).weights)
    assert len(compiled) == 2


def test_the_same_seeds_give_the_same_bits(compiled: list[SoftmaxHeads]) -> None:
    features, labels = faces(70, 50, 5)
    first, second = (train(features, labels, TWO, ProbeSettings(4, 16)) for _ in range(2))
    assert torch.equal(first.weights, second.weights)
    assert torch.equal(first.bias, second.bias)
    assert len(compiled) == 2


def test_each_epoch_is_announced_with_a_copy_of_the_heads(compiled: list[SoftmaxHeads]) -> None:
    features, labels = faces(40, 20, 3)
    seen: list[Heads] = []
    last = train_heads(
        features, labels, ONE, loss=CrossEntropy(3), settings=ProbeSettings(3, 16),
        generator_seed=0, on_epoch=lambda _, heads: seen.append(heads),
    )  # fmt: skip
    assert len(seen) == 3
    assert not torch.equal(seen[0].weights, seen[1].weights)
    assert torch.equal(seen[2].weights, last.weights)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_feature_that_is_not_finite_is_refused(
    compiled: list[SoftmaxHeads], value: float
) -> None:
    features, labels = faces(40, 20, 3)
    features[17, 3] = value
    with pytest.raises(DataError, match="not finite"):
        train(features, labels, ONE, ProbeSettings(2, 16))
    assert len(compiled) == 1


def test_no_error_is_denormal() -> None:
    scores = np.array([90, 0, 60, 0, np.nan, 0], dtype=np.float32)
    _softmax_error(scores, 0, 2, np.float32(0.5))
    assert scores[:4].tolist() == [0, 0, 0, pytest.approx(np.exp(-60) / 2)]
    assert np.isnan(scores[4:]).all()


def test_machine_code_that_cannot_be_kept_is_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    njit = numba.njit

    def keep_nothing(function: Any, *, cache: bool = False, **options: Any) -> Any:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(function, **options)

    monkeypatch.setattr(numba, "njit", keep_nothing)
    assert _compiled()(lambda number: number + 1)(1) == 2


def test_torch_trains_where_compiled_code_cannot(
    compiled: list[SoftmaxHeads], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    features, labels = faces(40, 20, 3)
    settings = ProbeSettings(2, 16)
    np.save(tmp_path / "store.npy", features.half().numpy())
    store = np.load(tmp_path / "store.npy", mmap_mode="r")
    both = store.nbytes + 4 * store.size
    train(FeatureMatrix(store, memory_budget=both - 1), labels, ONE, settings)
    train(features, labels, ONE * 6, settings)
    train(features, labels, ONE, ProbeSettings(2, 16, optimiser="adamw"))
    train(features, labels, ONE, ProbeSettings(2, 16, batch_norm=True))
    binary = nn.functional.one_hot(labels).float()
    train(features, binary, ONE, settings, BinaryCrossEntropy(3))
    monkeypatch.setattr(probe, "COMPILED_WORK", 40 * 20 * 3 + 1)
    train(features, labels, ONE, settings)
    monkeypatch.setattr(probe, "COMPILED_WORK", 40 * 20 * 3)
    monkeypatch.setattr(numba, "threading_layer", lambda: "workqueue")
    train(features, labels, ONE, settings)
    assert not compiled
    monkeypatch.setattr(numba, "threading_layer", lambda: "omp")
    train(FeatureMatrix(store, memory_budget=both), labels, ONE, settings)
    assert len(compiled) == 1


_ONE_THREAD = """
import torch
from facebench.evaluation.probe import training
from facebench.evaluation.probe.grid import Head
from facebench.evaluation.probe.losses import CrossEntropy
from facebench.evaluation.probe.training import ProbeSettings, train_heads

training.COMPILED_WORK = 0
torch.set_num_threads(1)
features, labels = torch.rand(40, 8), torch.arange(40) % 4
settings = ProbeSettings(epochs=1, batch_size=16)
train_heads(features, labels, (Head(lr=0.01, weight_decay=0.0),), loss=CrossEntropy(4),
            settings=settings, generator_seed=0)
print(torch.get_num_threads())
"""


def test_a_probe_leaves_the_process_its_number_of_threads() -> None:
    """A fresh process, since numba starts its threads once."""
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    found = subprocess.run(
        [sys.executable, "-c", _ONE_THREAD], env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert found.stdout.split() == ["1"]
