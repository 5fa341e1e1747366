from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from facebench.errors import DataError, SpecError
from facebench.evaluation.probe.disk_rows import DiskRows
from facebench.evaluation.probe.feature_matrix import FeatureMatrix
from facebench.evaluation.probe.grid import Head
from facebench.evaluation.probe.heads import Heads
from facebench.evaluation.probe.losses import CrossEntropy
from facebench.evaluation.probe.training import ProbeSettings, epoch_batches, train_heads

ROWS, WIDTH, CLASSES = 101, 33, 5
SETTINGS = ProbeSettings(epochs=6, batch_size=16)
HEADS = (
    Head(0.01, 0.0, 0),
    Head(0.03, 1e-2, 1),
    Head(0.001, 1e-1, 2),
    Head(0.03, 1e-2, 3),
)


def _data(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    features = torch.rand(ROWS, WIDTH, generator=generator)
    return features, torch.randint(0, CLASSES, (ROWS,), generator=generator)


def _train(
    features: torch.Tensor | FeatureMatrix | npt.NDArray[np.floating],
    labels: torch.Tensor,
    heads: tuple[Head, ...] = HEADS,
) -> Heads:
    return train_heads(
        features, labels, heads, loss=CrossEntropy(CLASSES), settings=SETTINGS, generator_seed=7
    )


def _plain_loop(
    features: torch.Tensor, labels: torch.Tensor, head: Head, dtype: torch.dtype
) -> nn.Linear:
    """The recipe with torch's own layer, loss, optimiser and schedule."""
    linear = nn.Linear(WIDTH, CLASSES)
    generator = torch.Generator().manual_seed(head.seed)
    nn.init.normal_(linear.weight, 0, 0.01, generator=generator)
    nn.init.zeros_(linear.bias)
    linear.to(dtype)
    optimiser = torch.optim.Adam(linear.parameters(), head.lr, weight_decay=head.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, SETTINGS.epochs)
    criterion = nn.CrossEntropyLoss()
    shuffle = torch.Generator().manual_seed(7)
    for _ in range(SETTINGS.epochs):
        for index in epoch_batches(ROWS, SETTINGS.batch_size, shuffle):
            optimiser.zero_grad()
            criterion(linear(features[index].to(dtype)), labels[index]).backward()
            optimiser.step()
        schedule.step()
    return linear


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_head_equals_torchs_own_loop(dtype: torch.dtype) -> None:
    features, labels = _data()
    trained = _train(features, labels)
    for number, head in enumerate(HEADS):
        plain = _plain_loop(features, labels, head, dtype)
        torch.testing.assert_close(trained.weights[number], plain.weight.float(), rtol=0, atol=2e-5)
        torch.testing.assert_close(trained.bias[number], plain.bias.float(), rtol=0, atol=2e-5)


def test_a_head_does_not_depend_on_its_neighbours() -> None:
    features, labels = _data()
    together, alone = _train(features, labels), _train(features, labels, HEADS[2:3])
    torch.testing.assert_close(together.weights[2:3], alone.weights, rtol=0, atol=2e-6)


def test_the_same_seeds_give_the_same_bits() -> None:
    features, labels = _data()
    assert torch.equal(_train(features, labels).weights, _train(features, labels).weights)


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    _train(*_data())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("budget", [0, 2**30])
def test_a_memory_map_trains_as_the_same_rows_in_memory(
    tmp_path: Path, dtype: type[np.floating], budget: int
) -> None:
    features, labels = _data()
    stored = features.numpy().astype(dtype)
    np.save(tmp_path / "features.npy", stored)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    matrix = FeatureMatrix(mapped, memory_budget=budget)
    assert isinstance(matrix._source, DiskRows) == (budget == 0)
    expected = _train(torch.from_numpy(stored.astype(np.float32)), labels)
    assert torch.equal(_train(matrix, labels).weights, expected.weights)
    assert torch.equal(expected.logits(matrix), expected.logits(stored.astype(np.float32)))


@pytest.mark.parametrize("budget", [0, 2**30])
def test_some_rows_train_as_if_they_were_all(tmp_path: Path, budget: int) -> None:
    features, labels = _data()
    rows = torch.randperm(ROWS, generator=torch.Generator().manual_seed(1))[:40]
    np.save(tmp_path / "features.npy", features.numpy())
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    expected = _train(features[rows].clone(), labels[rows]).weights
    for source in (features, mapped):
        matrix = FeatureMatrix(source, rows=rows, memory_budget=budget)
        assert torch.equal(_train(matrix, labels[rows]).weights, expected)
    nested = FeatureMatrix(FeatureMatrix(mapped, rows=rows, memory_budget=budget), rows=[3, 1])
    found = [block.clone() for _, block in nested.blocks(8)]
    assert torch.equal(torch.cat(found), features[rows[[3, 1]]])


def test_read_only_and_strided_arrays_are_read(recwarn: pytest.WarningsRecorder) -> None:
    features, labels = _data()
    expected = _train(features, labels).weights
    frozen = features.numpy().copy()
    frozen.flags.writeable = False
    wide = torch.zeros(ROWS, 2 * WIDTH)
    wide[:, ::2] = features
    for source in (frozen, wide[:, ::2], wide.numpy()[:, ::2]):
        assert torch.equal(_train(source, labels).weights, expected)
    assert not recwarn.list


def test_scores_predictions_and_accuracy_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facebench.evaluation.probe.heads._BLOCK", 7)
    features, labels = _data()
    heads = _train(features, labels)
    expected = torch.einsum("hcd,nd->hnc", heads.weights, features) + heads.bias[:, None]
    torch.testing.assert_close(heads.logits(features), expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(heads.predict(features), expected.argmax(2))
    right = (expected.argmax(2) == labels).double().mean(1)
    torch.testing.assert_close(heads.accuracy(features, labels), right)
    chosen = heads.select([2, 0])
    assert torch.equal(chosen.weights, heads.weights[[2, 0]])
    # A product of fewer rows may add up in another order.
    again = chosen.logits(features)
    torch.testing.assert_close(again, heads.logits(features)[[2, 0]], rtol=0, atol=1e-6)


def test_each_epoch_is_announced_with_the_heads_as_they_stand() -> None:
    features, labels = _data()
    seen: list[tuple[int, torch.Tensor]] = []
    trained = train_heads(
        features,
        labels,
        HEADS[:1],
        loss=CrossEntropy(CLASSES),
        settings=SETTINGS,
        generator_seed=7,
        on_epoch=lambda epoch, heads: seen.append((epoch, heads.weights.clone())),
    )
    assert [epoch for epoch, _ in seen] == [1, 2, 3, 4, 5, 6]
    assert torch.equal(seen[-1][1], trained.weights)
    assert not torch.equal(seen[0][1], seen[1][1])


def test_it_learns_what_can_be_learnt() -> None:
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(CLASSES, WIDTH, generator=generator)
    labels = torch.arange(200) % CLASSES
    features = centres[labels] + 0.1 * torch.randn(200, WIDTH, generator=generator)
    assert _train(features, labels, HEADS[:1]).accuracy(features, labels).item() == 1


def test_batches_of_an_epoch_are_a_uniform_permutation() -> None:
    generator = torch.Generator().manual_seed(0)
    first = torch.zeros(10)
    for _ in range(3000):
        batches = epoch_batches(10, 4, generator)
        assert [len(batch) for batch in batches] == [4, 4, 2]
        assert torch.equal(torch.cat(batches).sort().values, torch.arange(10))
        first[batches[0]] += 1
    # Each position falls into the first batch with probability 0.4; five standard deviations.
    assert (first / 3000 - 0.4).abs().max() < 5 * math.sqrt(0.4 * 0.6 / 3000)


def test_mistakes_are_named() -> None:
    features, labels = _data()
    with pytest.raises(DataError, match="found values that are not finite"):
        _train(features.index_fill(0, torch.tensor([50]), math.nan), labels)
    with pytest.raises(DataError, match="expected 101 integers from 0 to 4"):
        _train(features, labels + 1)
    with pytest.raises(DataError, match=r"found torch.int64 of shape \(100,\)"):
        _train(features, labels[1:])
    with pytest.raises(DataError, match="expected floating numbers"):
        _train(features.long(), labels)
    with pytest.raises(DataError, match="these rows do not exist"):
        FeatureMatrix(features, rows=[0, ROWS])
    with pytest.raises(DataError, match=r"found torch.bool of shape \(101,\)"):
        FeatureMatrix(features, rows=np.ones(ROWS, dtype=bool))
    with pytest.raises(DataError, match="found values that are not finite"):
        _train(features, labels).predict(features + math.inf)
    with pytest.raises(DataError, match="found 32 values in a row; expected 33"):
        _train(features, labels).logits(features[:, 1:])
    with pytest.raises(SpecError, match="probe grid is empty"):
        _train(features, labels, ())
    with pytest.raises(SpecError, match="found lr 0"):
        Head(lr=0)
    with pytest.raises(SpecError, match="found epochs 0"):
        ProbeSettings(epochs=0)
