"""FaceCycle: pairs and flips, both stages, what is frozen when, and that a resume is exact."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from facebench.contract import TwoLayers
from facebench.errors import SpecError, StageError
from facebench.method import Terms
from facebench.options import PRESETS
from facebench.pretrain.collapse import feature_std
from facebench.pretrain.engine import train
from facebench.pretrain.learner import Learner
from facebench.registry import Registry
from facebench.request import Request, resolve
from facebench.spec import PretrainSpec
from facebench.workspace import Workspace
from facebench_methods._facecycle_losses import (
    gram,
    margin_loss,
    ssim_loss,
    swap_halves,
    symmetry_loss,
    warp,
)
from facebench_methods._facecycle_options import FaceCycleOptions
from facebench_methods.facecycle import FaceCycle

SMALL = FaceCycleOptions(vgg="random", generator_blocks=1, normaliser_blocks=1)
SIZE = 16  # pixels


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(**changes: Any) -> FaceCycle:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return FaceCycle(TwoLayers(), replace(SMALL, **changes), SIZE)


def faces(count: int, seed: int = 0) -> Tensor:
    coarse = torch.rand(count, 3, 4, 4, generator=generator(seed))
    return F.interpolate(coarse, size=SIZE, mode="bilinear")


def total(method: FaceCycle, terms: Terms) -> Tensor:
    weights = method.term_weights()
    return torch.stack([weights.get(name, 1.0) * term for name, term in terms.items()]).sum()


# Pairs --------------------------------------------------------------------------------------------


def test_a_frame_without_a_partner_meets_its_mirror_image() -> None:
    method, images = build(flip_p=0.0), faces(3)
    frames, partners = method.views(torch.cat([images, images]), generator()).chunk(2)
    assert torch.equal(partners, frames.flip(3))


def test_a_partner_is_another_frame_or_by_chance_the_mirror_image() -> None:
    images = faces(400)
    never, half = (build(flip_p=p).views(images, generator()).chunk(2) for p in (0.0, 0.5))
    assert torch.equal(never[0], half[0])
    mirrored = (half[1] == half[0].flip(3)).flatten(1).all(dim=1)
    assert 70 < int(mirrored.sum()) < 130
    assert torch.equal(half[1][~mirrored], never[1][~mirrored])
    assert not (never[1] == never[0].flip(3)).flatten(1).all(dim=1).any()


def test_stage_2_takes_the_images_as_they_come() -> None:
    method, images = build(flip_p=1.0), faces(4)
    method.before_epoch(1, 2)
    frames, partners = method.views(images, generator()).chunk(2)
    assert not (partners == frames.flip(3)).flatten(1).all(dim=1).any()


# Losses -------------------------------------------------------------------------------------------


def perceptual(method: FaceCycle, drawn: list[Tensor], target: Tensor) -> Tensor:
    """Return the perceptual loss by passing every image through VGG by itself."""
    losses = []
    for images in drawn:
        layers = zip(method.vgg(images), method.vgg(target), strict=True)
        losses.append(sum((gram(a) - gram(b)).square().mean() for a, b in layers))
    return torch.stack([torch.as_tensor(loss) for loss in losses]).mean()


def test_stage_1_is_the_sum_that_the_reference_describes() -> None:
    """Written plainly; the method shares passes through VGG-19, whose features are per image."""
    method, views = build(), faces(4)
    x, draws = (views - method.mean) / method.std, generator(1)

    def drawn(images: Tensor, flow: Tensor | None) -> Tensor:
        fine, coarse, _ = method.vgg(images)
        face: Tensor = method.generator((fine, coarse), flow, draws)
        return face

    with torch.no_grad():
        flow, back = method.exptoflow(method.expresscode(method.backbone(views).flatten(1)).tanh())
        neutral = drawn(x, flow)
        autoencoded = drawn(x, None)
        swapped = swap_halves(neutral)
        expressed = drawn(swapped, back)
        moved = warp(x, flow)
        direct, warped = warp(swap_halves(moved), back), warp(swapped, back)
        pixel = sum(
            weight * (image - x).abs().mean()
            for image, weight in ((expressed, 1), (autoencoded, 1), (warped, 1), (direct, 1.5))
        )
        expected = {
            "L_pixel": pixel,
            "L_perceptual": perceptual(method, [neutral, warped, direct, expressed], x),
            "L_ssim": ssim_loss(expressed, x)
            + ssim_loss(autoencoded, x)
            + 1.5 * ssim_loss(direct, x),
            "L_symmetry": symmetry_loss(neutral) + 0.5 * symmetry_loss(moved),
        }
        found = method.loss(views, generator(1))
    assert set(found) == set(expected)
    for name, term in found.items():
        assert term.item() == pytest.approx(float(expected[name]), rel=1e-4), name
    assert method.term_weights() == {"L_perceptual": 0.01, "L_ssim": 5.0, "L_symmetry": 1.5}


def test_stage_2_is_the_sum_that_the_reference_describes() -> None:
    method, views = build(), faces(4)
    method.before_epoch(1, 2)
    x, draws = (views - method.mean) / method.std, generator(1)
    with torch.no_grad():
        flow, back = method.exptoflow(method.expression_code(views))
        neutral = method.generator(method.vgg(x)[:2], flow, draws)
        code = method.id_expresscode(method.id_backbone(views).flatten(1)).tanh()
        means = method.normaliser.without_identity(method.vgg(neutral)[1], code)
        mean_face = torch.stack([means.mean(dim=0)] * 4)
        again = method.normaliser.with_identity(method.vgg(mean_face)[1], code)
        direct = warp(again, back)
        expressed = method.generator(method.vgg(again)[:2], back, draws)
        expected = {
            "L_id_pixel": (expressed - x).abs().mean()
            + 0.8 * (direct - x).abs().mean()
            + (again - neutral).abs().mean(),
            "L_id_perceptual": perceptual(method, [direct, expressed], x),
            "L_id_ssim": ssim_loss(expressed, x) + 0.8 * ssim_loss(direct, x),
            "L_id_symmetry": symmetry_loss(again),
            "L_margin": margin_loss(mean_face, neutral),
        }
        found = method.loss(views, generator(1))
    assert set(found) == set(expected)
    for name, term in found.items():
        assert term.item() == pytest.approx(float(expected[name]), rel=1e-4, abs=1e-6), name
    assert method.term_weights() == {
        "L_id_perceptual": 0.01, "L_id_ssim": 5.0, "L_id_symmetry": 1.5,
    }  # fmt: skip


# Learning -----------------------------------------------------------------------------------------


def alike(count: int) -> Tensor:
    """Return faces that share most of their looks, as real ones do."""
    common, own = (torch.rand(n, 3, 5, 5, generator=generator(n)) for n in (1, count))
    blend = 0.75 * (common + common.flip(3)) / 2 + 0.25 * own
    return F.interpolate(blend, size=SIZE, mode="bilinear")


@pytest.mark.slow
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


def test_vgg_is_neither_kept_nor_learned_and_each_parameter_has_one_group() -> None:
    method = build()
    before = {name: tensor.shape for name, tensor in method.state_dict().items()}
    method.load_published()
    assert {name: tensor.shape for name, tensor in method.state_dict().items()} == before
    assert {name.partition(".")[0] for name in before} == {
        "backbone", "expresscode", "exptoflow", "generator", "id_backbone", "id_expresscode",
        "normaliser",
    }  # fmt: skip
    first, second = method.parameter_groups()
    assert (first["betas"], second["betas"]) == ((0.5, 0.999), (0.5, 0.9))
    grouped = [id(p) for p in (*first["params"], *second["params"])]
    assert sorted(grouped) == sorted(id(p) for p in method.parameters())


class Faces:
    """Six packed random frames of two videos."""

    def __init__(self) -> None:
        self.images = (faces(6) * 255).byte()
        self.identity = np.array([0, 0, 0, 1, 1, 1])
        self.video = self.identity

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Any) -> Tensor:
        return self.images[indices]


SPEC = PretrainSpec(
    epochs=3, batch_size=3, image_size=SIZE, lr=5e-5, schedule="method", checkpoint_minutes=0
)


def learn(method: FaceCycle, folder: Path) -> list[dict[str, float]]:
    workspace = Workspace(cache=folder, results=folder, data=None, device=torch.device("cpu"))
    learned = train(
        method, Faces(), SPEC,  # type: ignore[arg-type]
        seed=0, workspace=workspace, precision="32", folder=folder,
    )  # fmt: skip
    assert learned["images_seen"] == 3 * 6 * 2
    history: list[dict[str, float]] = learned["history"]
    return history


def test_stages_through_the_engine_and_a_stop_in_the_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, states = Learner.training_step, {}

    def watch(self: Learner, images: Tensor, batch_index: int) -> None:
        assert len(images) == 6
        if self.current_epoch == 2 and batch_index == 0:
            states["stage 2"] = {k: v.clone() for k, v in self.method.state_dict().items()}
        step(self, images, batch_index)

    def stop(self: Learner, images: Tensor, batch_index: int) -> None:
        if self.current_epoch == 2 and batch_index == 1:
            raise InterruptedError
        step(self, images, batch_index)

    untouched, whole = build().state_dict(), build()
    with monkeypatch.context() as patch:
        patch.setattr(Learner, "training_step", watch)
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


# What it offers -----------------------------------------------------------------------------------


def test_codes_are_taken_at_the_pretraining_size() -> None:
    method = build().eval()
    images = torch.rand(2, 3, 24, 24, generator=generator())
    small = F.interpolate(images, size=SIZE, mode="bilinear", antialias=True)
    with torch.inference_mode():
        f_s, code, id_code = (method.features(name, images) for name in method.info.features)
        assert torch.equal(f_s, method.backbone(images).flatten(1))
        assert torch.equal(code, method.expresscode(method.encode(small)).tanh())
        assert torch.equal(code, method.features("code", small))
    assert code.shape == id_code.shape == (2, 256)
    assert code.abs().max() < 1


def test_quick_declares_the_substitute_and_paper_asks_for_the_published_weights() -> None:
    specs = {}
    for preset in PRESETS:
        request = Request(
            methods=("facecycle",), tasks=("rafdb",), overrides={}, preset=preset, floors=False,
            backbone="facecycle16_wide",
        )  # fmt: skip
        (specs[preset],) = resolve(request, Registry())
    assert specs["quick"].method_options.vgg == "random"
    assert specs["paper"].method_options == FaceCycleOptions()
    assert specs["paper"].method_options.vgg == "imagenet"
    assert (specs["paper"].pretrain.epochs, specs["paper"].pretrain.batch_size) == (60, 16)


def test_missing_weights_stop_before_anything_is_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network here")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    method = build(vgg="imagenet")
    for attempt in (method.load_published, lambda: method.loss(faces(2), generator())):
        with pytest.raises(StageError, match=r"facecycle\.vgg=random"):
            attempt()


@pytest.mark.parametrize(
    "wrong",
    [{"stage1_share": 0.0}, {"flip_p": 2.0}, {"ssim": -1.0}, {"generator_blocks": 0}],
    ids=str,
)
def test_options_out_of_range_are_errors(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=next(iter(wrong))):
        FaceCycleOptions(**wrong)


def test_a_size_that_the_generator_cannot_draw_is_an_error() -> None:
    with pytest.raises(SpecError, match=r"image_size is 18; expected a multiple of 4"):
        FaceCycle(TwoLayers(), SMALL, 18)
