"""MoCo against its equations; its queue and key encoder through training, stop and resume."""

import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from facebench.config.spec import PretrainSpec
from facebench.errors import SpecError
from facebench.pretrain.engine import train
from facebench.pretrain.learner import Learner
from facebench.runtime.workspace import Workspace
from facebench.testing.networks import TwoLayers
from facebench_methods._views import ViewOptions
from facebench_methods.moco import MoCo, MoCoOptions

SMALL = MoCoOptions(queue=8, projection_hidden=32, projection_dim=16, momentum=0.9)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(seed: int = 0, **changes: Any) -> MoCo:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return MoCo(TwoLayers(), replace(SMALL, **changes), 32)


def faces(count: int = 3, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, 32, 32, generator=generator(seed))


def queue(method: MoCo) -> Tensor:
    bank: Tensor = method.state_dict()["info_nce.memory_bank.bank"]
    return bank.clone()


def keys(method: MoCo, views: tuple[Tensor, Tensor]) -> Tensor:
    with torch.no_grad():
        projected: Tensor = method.encoder_k(views[1])
        unit: Tensor = projected / projected.norm(dim=1, keepdim=True)
    return unit


def test_the_loss_is_info_nce_over_the_positive_key_and_the_queue() -> None:
    method = build(temperature=0.3)
    views = (faces(seed=1), faces(seed=2))
    negatives = queue(method).double()
    with torch.no_grad():
        projected = method.head(method.backbone(views[0]).flatten(1)).double()
    k = keys(method, views).double()
    total = 0.0
    for i in range(3):
        q = projected[i] / projected[i].norm()
        positive = math.exp(float(q @ k[i]) / 0.3)
        others = sum(math.exp(float(q @ negative) / 0.3) for negative in negatives)
        total -= math.log(positive / (positive + others)) / 3
    found = method.loss(views, generator())["L_q"]
    assert found.item() == pytest.approx(total, rel=1e-5)


def test_new_keys_take_the_place_of_the_oldest() -> None:
    method, batches = build(), [(faces(seed=i), faces(seed=i + 9)) for i in range(4)]
    noise = queue(method)
    assert torch.allclose(noise.norm(dim=1), torch.ones(8))
    expected = noise.clone()
    # Eight places, three keys a time: the last of the third batch finds no place.
    for views, (start, stop) in zip(batches, [(0, 3), (3, 6), (6, 8), (0, 3)], strict=True):
        method.loss(views, generator())
        expected[start:stop] = keys(method, views)[: stop - start]
        assert torch.allclose(queue(method), expected, atol=1e-6)


def test_the_first_queue_comes_from_the_seed() -> None:
    assert torch.equal(queue(build(seed=1)), queue(build(seed=1)))
    assert not torch.equal(queue(build(seed=1)), queue(build(seed=2)))


def test_the_key_encoder_follows_and_is_not_trained() -> None:
    method = build()
    learned = {name for name, p in method.named_parameters() if p.requires_grad}
    assert {name.split(".")[0] for name in learned} == {"backbone", "head"}
    pairs = list(
        zip(
            [*method.backbone.parameters(), *method.head.parameters()],
            method.encoder_k.parameters(),
            strict=True,
        )
    )
    assert all(torch.equal(q, k) for q, k in pairs)
    adam = torch.optim.Adam([p for p in method.parameters() if p.requires_grad], lr=0.1)
    method.loss((faces(seed=1), faces(seed=2)), generator())["L_q"].backward()
    assert all(k.grad is None for _, k in pairs)
    adam.step()
    expected = [0.9 * k.double() + 0.1 * q.double() for q, k in pairs]
    method.after_step()
    for (_, k), wanted in zip(pairs, expected, strict=True):
        assert torch.allclose(k.double(), wanted, atol=1e-6)


class Faces:
    """Twelve packed random images."""

    def __init__(self) -> None:
        self.images = np.random.default_rng(0).integers(0, 255, (12, 32, 32, 3), dtype=np.uint8)
        self.identity = np.arange(12)

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Any) -> Tensor:
        return torch.from_numpy(self.images[np.asarray(indices)]).permute(0, 3, 1, 2)


def learn(method: MoCo, folder: Path) -> MoCo:
    spec = PretrainSpec(epochs=3, batch_size=4, image_size=32, lr=1e-3, checkpoint_minutes=0)
    workspace = Workspace(cache=folder, results=folder, data=None, device=torch.device("cpu"))
    train(
        method, Faces(), spec,  # type: ignore[arg-type]
        seed=0, workspace=workspace, precision="32", folder=folder,
    )  # fmt: skip
    return method


def test_queue_and_key_encoder_survive_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = learn(build(queue=10), tmp_path / "whole").state_dict()
    step = Learner.training_step

    def stop_in_epoch_1(self: Learner, images: Tensor, batch_index: int) -> None:
        if self.current_epoch == 1 and batch_index == 1:
            raise InterruptedError
        step(self, images, batch_index)

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "training_step", stop_in_epoch_1)
        with pytest.raises(InterruptedError):
            learn(build(queue=10), tmp_path / "stopped")
    resumed = learn(build(queue=10), tmp_path / "stopped").state_dict()
    assert {"info_nce.memory_bank.bank", "info_nce.memory_bank.bank_ptr"} < set(whole)
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


def test_learning_lowers_the_loss_and_does_not_collapse_the_features() -> None:
    method = build(
        queue=24, momentum=0.99, crop_scale=0.6, jitter=0.1, hue=0.0, grayscale_p=0.0, blur_p=0.0,
        pose_augmentation="none",
    )  # fmt: skip
    patches = torch.rand(48, 3, 4, 4, generator=generator())
    images = torch.nn.functional.interpolate(patches, size=32, mode="nearest")
    adam = torch.optim.Adam([p for p in method.parameters() if p.requires_grad], lr=2e-3)
    losses = []
    for step in range(60):
        chosen = torch.randperm(48, generator=generator(step))[:12]
        (terms,) = method.steps(images[chosen], generator(step))
        adam.zero_grad()
        terms["L_q"].backward()
        adam.step()
        method.after_step()
        losses.append(terms["L_q"].item())
    # In the first steps the queue is noise, which is easily distinguished from a face.
    assert np.mean(losses[-10:]) < np.mean(losses[5:15]) - 0.3
    with torch.inference_mode():
        features = torch.nn.functional.normalize(method.encode(images), dim=1)
    spread = features.std(dim=0).mean() * features.shape[1] ** 0.5  # 1: uniform on the sphere
    assert spread > 0.3


def test_the_recipe_pcl_has_the_views_of_pcls_baseline() -> None:
    options = replace(MoCoOptions(), **MoCo.info.recipes["pcl"])
    baseline = ViewOptions()
    for field in fields(ViewOptions):
        assert getattr(options, field.name) == getattr(baseline, field.name)
    assert (options.temperature, options.pose_augmentation) == (0.07, "none")


@pytest.mark.parametrize(
    "wrong", [{"temperature": 0.0}, {"queue": 0}, {"momentum": 1.0}, {"blur_p": 2.0}], ids=str
)
def test_options_out_of_range_are_errors(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=next(iter(wrong))):
        MoCoOptions(**wrong)
