"""The engine: order, resume points, schedules, and that it does what a plain loop does."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facebench.config.spec import PretrainSpec
from facebench.errors import SpecError, StageError
from facebench.pretrain.engine import train
from facebench.pretrain.learner import Learner
from facebench.pretrain.order import EpochOrder
from facebench.pretrain.resume import RESUME_FILE, ResumeFile
from facebench.runtime.workspace import Workspace
from facebench.testing.networks import TwoLayers
from facebench_methods.simclr import SimCLR, SimCLROptions

SPEC = PretrainSpec(epochs=4, batch_size=4, image_size=32, lr=1e-3, checkpoint_minutes=0)


class Faces:
    """Twelve packed random images of four people."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.images = rng.integers(0, 255, (12, 32, 32, 3), dtype=np.uint8)
        self.identity = np.repeat(np.arange(4), 3)

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Any) -> torch.Tensor:
        return torch.from_numpy(self.images[np.asarray(indices)]).permute(0, 3, 1, 2)


def build() -> SimCLR:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SimCLR(TwoLayers(), SimCLROptions(negative_interpolation=False), 32)


def learn(method: SimCLR, spec: PretrainSpec, folder: Path) -> dict[str, Any]:
    workspace = Workspace(cache=folder, results=folder, data=None, device=torch.device("cpu"))
    return train(
        method, Faces(), spec,  # type: ignore[arg-type]
        seed=0, workspace=workspace, precision="32", folder=folder,
    )  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(1, 9), st.integers(0, 5))
def test_an_epoch_is_a_permutation_that_depends_on_seed_and_epoch(
    count: int, batch: int, epoch: int
) -> None:
    batch = min(batch, count)
    order = EpochOrder(np.arange(count), batch, 3, "frames")
    order.set_epoch(epoch)
    batches = list(order)
    flat = [index for indices in batches for index in indices]
    assert len(batches) == len(order) == count // batch
    assert len(set(flat)) == len(flat)
    assert list(order) == batches


def test_identities_give_one_image_each_and_another_one_next_time() -> None:
    groups = np.repeat(np.arange(8), 5)
    order = EpochOrder(groups, 8, 0, "identities")
    seen = set()
    for epoch in range(20):
        order.set_epoch(epoch)
        (batch,) = list(order)
        assert sorted(groups[batch]) == list(range(8))
        seen |= set(batch)
    assert len(seen) > 30


def test_ranks_share_a_batch() -> None:
    ranks = [EpochOrder(np.arange(12), 6, 0, "frames", rank=r, world=2) for r in (0, 1)]
    whole = EpochOrder(np.arange(12), 6, 0, "frames")
    for first, second, both in zip(*ranks, whole, strict=True):
        assert sorted(first + second) == sorted(both)


def test_too_few_images_for_a_batch_is_an_error() -> None:
    with pytest.raises(SpecError, match="takes 16 images per step and has 12"):
        EpochOrder(np.arange(12), 16, 0, "frames")


@pytest.mark.parametrize("schedule", ["cosine", "onecycle"])
def test_the_engine_equals_a_plain_loop(tmp_path: Path, schedule: Any) -> None:
    spec, faces = replace(SPEC, schedule=schedule), Faces()
    trained = build()
    curves = learn(trained, spec, tmp_path)["history"]
    method = build().to(memory_format=torch.channels_last).train()
    adam = torch.optim.Adam(method.parameters(), lr=spec.lr)
    order = EpochOrder(faces.identity, 4, 0, "frames")
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(adam, spec.epochs)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        torch.optim.Adam([torch.zeros(1, requires_grad=True)]), spec.lr,
        total_steps=spec.epochs * len(order) + 1, cycle_momentum=False,
    )  # fmt: skip
    for epoch in range(spec.epochs):
        order.set_epoch(epoch)
        losses, norms = [], []
        for place, indices in enumerate(order):
            if schedule == "onecycle":
                adam.param_groups[0]["lr"] = cycle.get_last_lr()[0]
            word = np.random.SeedSequence([0, epoch, place, 0]).generate_state(1, np.uint64)[0]
            generator = torch.Generator().manual_seed(int(word >> np.uint64(1)))
            images = faces.batch(indices).float() / 255
            (loss,) = method.loss(method.views(images, generator), generator).values()
            adam.zero_grad()
            loss.backward()
            squares = [(p.grad**2).sum() for p in method.parameters() if p.grad is not None]
            norms.append(float(sum(squares)) ** 0.5)
            adam.step()
            if schedule == "onecycle":
                cycle.optimizer.step()
                cycle.step()
            losses.append(float(loss.detach()))
        cosine.step() if schedule == "cosine" else None
        assert curves[epoch]["L_contrast"] == pytest.approx(np.mean(losses), rel=1e-4)
        assert curves[epoch]["gradient_norm"] == pytest.approx(np.mean(norms), rel=1e-3)
        assert 0 < curves[epoch]["feature_std"] < 1
    for name, tensor in method.state_dict().items():
        assert torch.allclose(tensor, trained.state_dict()[name], rtol=1e-3, atol=1e-5), name


def test_the_norm_of_the_gradient_is_taken_every_k_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    norms: list[float] = []
    norm = Learner._gradient_norm

    def noted(self: Learner) -> torch.Tensor:
        norms.append(float(norm(self)))
        return torch.tensor(norms[-1])

    monkeypatch.setattr(Learner, "_gradient_norm", noted)
    always, seldom = build(), build()
    spec = replace(SPEC, epochs=2)
    learn(always, spec, tmp_path / "always")
    (a, _, c), (d, _, f) = norms[:3], norms[3:]  # three steps in each epoch
    norms.clear()
    rows = learn(seldom, replace(spec, gradient_norm_every=2), tmp_path / "seldom")["history"]
    assert norms == [a, c, d, f]
    found = [row["gradient_norm"] for row in rows]
    assert found == pytest.approx([(a + c) / 2, (d + f) / 2])
    for name, tensor in always.state_dict().items():
        assert torch.equal(tensor, seldom.state_dict()[name]), name


def test_a_run_that_stops_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = build()
    curves = learn(whole, SPEC, tmp_path / "whole")["history"]
    step = Learner.training_step

    def stop_in_epoch_2(self: Learner, images: torch.Tensor, batch_index: int) -> None:
        if self.current_epoch == 2 and batch_index == 1:
            raise InterruptedError
        step(self, images, batch_index)

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "training_step", stop_in_epoch_2)
        with pytest.raises(InterruptedError):
            learn(build(), SPEC, tmp_path / "stopped")
    assert (tmp_path / "stopped" / RESUME_FILE).exists()
    resumed = build()
    resumed_curves = learn(resumed, SPEC, tmp_path / "stopped")["history"]
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    losses = [[row["L_contrast"] for row in rows] for rows in (curves, resumed_curves)]
    assert losses[0] == losses[1]


def test_resume_points_keep_every_kind_of_value(tmp_path: Path) -> None:
    state: dict[Any, Any] = {
        "tensors": [torch.arange(3), torch.ones(2, 2)], "tuple": (1, 2.5, None), 3: "int key",
        "nested": {"empty": {}, "flag": True},
    }  # fmt: skip
    io = ResumeFile()
    io.save_checkpoint(state, tmp_path / "point")
    io.write(tmp_path / "point")
    found = io.load_checkpoint(tmp_path / "point")
    assert torch.equal(found["tensors"][0], torch.arange(3))
    assert {k: v for k, v in found.items() if k != "tensors"} == {
        k: v for k, v in state.items() if k != "tensors"
    }
    assert [p.name for p in tmp_path.iterdir()] == ["point"]


def test_a_write_that_fails_leaves_the_resume_point_before(tmp_path: Path) -> None:
    io = ResumeFile()
    io.save_checkpoint({"epoch": 1}, tmp_path / "point")
    io.write(tmp_path / "point")
    with pytest.raises((AttributeError, pickle.PicklingError)):
        io.save_checkpoint({"epoch": 2, "code": lambda: None}, tmp_path / "point")
    assert io.load_checkpoint(tmp_path / "point") == {"epoch": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["point"]


@pytest.mark.parametrize("content", ["code", "half", "empty"])
def test_a_file_that_is_no_resume_point_is_refused(tmp_path: Path, content: str) -> None:
    point = tmp_path / "point"
    torch.save({"epoch": 1, "code": Path("a") if content == "code" else "a"}, point)
    size = {"code": None, "half": point.stat().st_size // 2, "empty": 0}[content]
    point.write_bytes(point.read_bytes()[:size])
    with pytest.raises(StageError, match="expected a resume point of tensors and plain values"):
        ResumeFile().load_checkpoint(point)
