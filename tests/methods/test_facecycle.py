"""FaceCycle: pairs and flips, the sums of both stages, features and options."""

from pathlib import Path
from typing import Any

import pytest
import torch
from facecycle_world import SIZE, SMALL, build, faces, generator
from torch import Tensor
from torch.nn import functional as F

from facebench.config.options import PRESETS
from facebench.errors import SpecError, StageError
from facebench.registry import Registry
from facebench.request.resolve import Request, resolve
from facebench.testing.networks import TwoLayers
from facebench_methods._facecycle_losses import (
    gram,
    margin_loss,
    ssim_loss,
    swap_halves,
    symmetry_loss,
)
from facebench_methods._facecycle_options import FaceCycleOptions
from facebench_methods._flow import warp
from facebench_methods.facecycle import FaceCycle

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


# What it offers -----------------------------------------------------------------------------------


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
        (run,) = resolve(request, Registry())
        specs[preset] = run.spec
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
