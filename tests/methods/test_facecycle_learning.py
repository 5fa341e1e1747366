"""FaceCycle learns: both stages, what is frozen when, and that a resume is exact."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from facecycle_world import SIZE, build, faces, generator, total
from torch import Tensor
from torch.nn import functional as F

from facebench.config.spec import PretrainSpec
from facebench.pretrain.collapse import feature_std
from facebench.pretrain.engine import train
from facebench.pretrain.learner import Learner
from facebench.runtime.workspace import Workspace
from facebench_methods.facecycle import FaceCycle


def alike(count: int) -> Tensor:
    """Return faces that share most of their looks, as real ones do."""
    common, own = (torch.rand(n, 3, 5, 5, generator=generator(n)) for n in (1, count))
    blend = 0.75 * (common + common.flip(3)) / 2 + 0.25 * own
    return F.interpolate(blend, size=SIZE, mode="bilinear")


@pytest.mark.nightly
def test_both_stages_lower_their_loss_and_the_features_do_not_collapse() -> None:
    method, images = build(jitter=0.0), alike(4)
    untrained = feature_std(method, images)
    adam = torch.optim.Adam(method.parameter_groups(), lr=5e-4)
    for epoch, steps in ((0, 32), (1, 24)):
        method.before_epoch(epoch, 2)
        losses = []
        for _ in range(steps):
            (terms,) = method.steps(images, generator())
            loss = total(method, terms)
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses.append(loss.item())
        assert np.mean(losses[-3:]) < 0.85 * np.mean(losses[:3]), (method.stage, losses)
    assert feature_std(method, images) > 0.5 * untrained


class Faces:
    """Four packed random frames of two videos."""

    def __init__(self) -> None:
        self.images = (faces(4) * 255).byte()
        self.identity = np.array([0, 0, 1, 1])
        self.video = self.identity

    def __len__(self) -> int:
        return len(self.images)

    def tracks(self) -> tuple[Any, Any]:
        return self.video, np.array([0, 1, 0, 1])

    def batch(self, indices: Any) -> Tensor:
        return self.images[indices]


SPEC = PretrainSpec(
    epochs=3, batch_size=2, image_size=SIZE, lr=5e-5, schedule="method", checkpoint_minutes=0
)


def learn(method: FaceCycle, folder: Path) -> list[dict[str, float]]:
    workspace = Workspace(cache=folder, results=folder, data=None, device=torch.device("cpu"))
    learned = train(
        method, Faces(), SPEC,
        seed=0, workspace=workspace, precision="32", folder=folder,
    )  # fmt: skip
    assert learned["images_seen"] == 3 * 4 * 2
    history: list[dict[str, float]] = learned["history"]
    return history


@pytest.mark.slow
def test_stages_through_the_engine_and_a_stop_in_the_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, states = Learner.training_step, {}

    def record(self: Learner, images: Tensor, batch_index: int) -> None:
        assert len(images) == 4
        if self.current_epoch == 2 and batch_index == 0:
            states["stage 2"] = {k: v.clone() for k, v in self.method.state_dict().items()}
        step(self, images, batch_index)

    def stop(self: Learner, images: Tensor, batch_index: int) -> None:
        if self.current_epoch == 2 and batch_index == 1:
            raise InterruptedError
        step(self, images, batch_index)

    untouched, whole = build().state_dict(), build()
    with monkeypatch.context() as patch:
        patch.setattr(Learner, "training_step", record)
        curves = learn(whole, tmp_path / "whole")
    second = ("id_backbone", "id_expresscode", "normaliser")
    for name, tensor in whole.state_dict().items():
        same = [torch.equal(states["stage 2"][name], other) for other in (untouched[name], tensor)]
        assert same == ([True, False] if name.startswith(second) else [False, True]), name
    assert [row["lr"] for row in curves] == pytest.approx([1e-5, 1e-5, 5e-5])
    assert ["L_pixel" in row for row in curves] == [True, True, False]
    assert ["L_margin" in row for row in curves] == [False, False, True]

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "training_step", stop)
        with pytest.raises(InterruptedError):
            learn(build(), tmp_path / "stopped")
    resumed = build()
    learn(resumed, tmp_path / "stopped")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_the_rates_of_the_paper_preset_are_the_released_ones() -> None:
    method, preset = build(), FaceCycle.info.presets["paper"]
    epochs, lr = preset["pretrain.epochs"], preset["pretrain.lr"]
    rates = [lr * method.lr_factor(epoch, epochs) for epoch in range(epochs)]
    stage_1 = [1e-5] + [5e-5] * 19 + [1e-5] * 20
    assert rates == pytest.approx(stage_1 + [5e-5] + [1e-4] * 9 + [1e-5] * 10)
    stages = []
    for epoch in range(epochs):
        method.before_epoch(epoch, epochs)
        stages.append(method.stage)
    assert stages == [1] * 40 + [2] * 20
