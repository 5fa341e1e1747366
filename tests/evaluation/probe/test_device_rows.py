"""Probes on a GPU: the rows of a CPU, and no wait in a step, on a device without values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from facebench.evaluation.probe import feature_matrix
from facebench.evaluation.probe.device_rows import CPU, DeviceRows, probing_device
from facebench.evaluation.probe.feature_matrix import FeatureMatrix
from facebench.evaluation.probe.grid import Head
from facebench.evaluation.probe.heads import Heads
from facebench.evaluation.probe.losses import AbsoluteError, BinaryCrossEntropy, CrossEntropy, Loss
from facebench.evaluation.probe.neighbours import nearest
from facebench.evaluation.probe.training import ProbeSettings, train_heads
from facebench.testing.fake_device import DEVICE, fake_device

ROWS, WIDTH, EPOCHS, BATCH = 40, 6, 3, 16
RNG = np.random.default_rng(0)
VALUES = RNG.standard_normal((ROWS, WIDTH)).astype(np.float16)
GRID = [Head(0.1, 0.0, 0), Head(0.01, 1e-3, 0)]
PROBES: dict[str, tuple[Loss, Any, ProbeSettings]] = {
    "classes": (CrossEntropy(3), RNG.integers(0, 3, ROWS), ProbeSettings(EPOCHS, BATCH)),
    "layers": (CrossEntropy(3), RNG.integers(0, 3, ROWS), ProbeSettings(EPOCHS, BATCH, layers=2)),
    "labels": (
        BinaryCrossEntropy(2), RNG.integers(0, 2, (ROWS, 2)), ProbeSettings(EPOCHS, BATCH)
    ),
    "numbers": (
        AbsoluteError(2),
        RNG.standard_normal((ROWS, 2)),
        ProbeSettings(EPOCHS, BATCH, "adamw", "constant", batch_norm=True),
    ),
}  # fmt: skip


def learned(matrix: FeatureMatrix, name: str, on_epoch: Callable[[int, Heads], None]) -> Heads:
    loss, targets, settings = PROBES[name]
    return train_heads(
        matrix, targets[: len(matrix)], GRID, loss=loss, settings=settings, generator_seed=1,
        on_epoch=on_epoch,
    )  # fmt: skip


def placed(*, kept: bool) -> FeatureMatrix:
    """Return rows that a device holds or is brought, the CPU in the place of that device."""
    matrix = FeatureMatrix(VALUES)
    matrix._source = DeviceRows(FeatureMatrix(VALUES), torch.float16, CPU, kept=kept)
    return matrix


@pytest.mark.parametrize("kept", [True, False])
def test_rows_of_a_device_are_those_of_the_host(*, kept: bool) -> None:
    rows = np.array([30, 2, 11, 5, 39])
    part = FeatureMatrix(placed(kept=kept), rows=rows)
    expected = VALUES[rows].astype(np.float32)
    for size in (2, 5):
        found = [(cut, values.clone()) for cut, values in part.blocks(size)]
        assert all(np.array_equal(values, expected[cut]) for cut, values in found)
    order = torch.tensor([4, 1, 3, 0])
    for index, values in part.batches(order.split(3), torch.empty(3, WIDTH)):
        assert np.array_equal(values, expected[index.numpy()])
    out = torch.empty(2, WIDTH)
    part.gather(torch.tensor([1, 0]), out)
    assert np.array_equal(out, expected[[1, 0]])
    name = "classes"
    ours, plain = (
        learned(matrix, name, lambda *_: None).weights
        for matrix in (placed(kept=kept), FeatureMatrix(VALUES))
    )
    assert torch.equal(ours, plain)


@pytest.mark.parametrize(("name", "kept"), [*((n, True) for n in PROBES), ("classes", False)])
def test_a_probe_on_a_gpu_copies_once_a_batch_and_waits_for_results_alone(
    monkeypatch: pytest.MonkeyPatch, name: str, *, kept: bool
) -> None:
    monkeypatch.setattr(
        feature_matrix, "space_for_features", lambda _: VALUES.nbytes if kept else 0
    )
    with fake_device() as device:
        matrix = FeatureMatrix(VALUES, device=DEVICE)
        assert matrix.device == DEVICE
        first = len(device.events)
        marks: list[int] = []
        heads = learned(matrix, name, lambda *_: marks.append(len(device.events)))
        steps = device.events[marks[0] : marks[-1]]  # all epochs but the first
        batches = -(-ROWS // BATCH)
        assert [e for e in steps if e.kind == "wait"] == []
        copies = [e for e in steps if e.kind == "copy"]
        assert len(copies) == (EPOCHS - 1) * batches
        assert all(e.pinned for e in copies)
        # Of the first epoch: the targets' copy and those of what is learned, and whether all
        # weights are finite.
        before = device.events[first : marks[0]]
        assert sum(e.kind == "wait" for e in before) == 1
        learned_from = 4 if PROBES[name][2].batch_norm else 2  # scale, shift; weights, bias
        assert sum(e.kind == "copy" for e in before) == batches + 1 + learned_from
        after = len(device.events)
        scores = heads.logits(matrix)
        assert scores.device == CPU
        assert sum(e.kind == "wait" for e in device.events[after:]) == 2  # finite; read back


def test_neighbours_on_a_gpu_are_read_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_matrix, "space_for_features", lambda _: VALUES.nbytes)
    with fake_device() as device:
        whole = FeatureMatrix(VALUES, device=DEVICE)
        queries, rows = (FeatureMatrix(whole, rows=r) for r in (np.arange(10), np.arange(10, ROWS)))
        first = len(device.events)
        similar, places = nearest(queries, rows, 3)
        assert (similar.device, places.device) == (CPU, CPU)
        assert sum(e.kind == "wait" for e in device.events[first:]) == 2
        assert all(e.pinned for e in device.events[first:] if e.kind == "copy")


def test_other_devices_leave_probes_to_the_cpu() -> None:
    assert probing_device(None) == CPU
    assert probing_device(torch.device("mps")) == CPU
    assert probing_device(torch.device("cuda", 1)) == torch.device("cuda", 1)
    assert FeatureMatrix(VALUES, device=torch.device("mps")).device == CPU
