"""MAE against its definition in float64; hidden patches cannot be seen; other backbones refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from facebench.backbones import FaceCycle16
from facebench.errors import SpecError
from facebench.pretrain.collapse import feature_std
from facebench.registry import Registry
from facebench.request.resolve import Request, resolve
from facebench.testing.networks import TwoBlocks, TwoLayers
from facebench_methods._masked_encoder import masked_encoder
from facebench_methods._mean_face import BOXES, Crops, mean_face, parts_first, touched
from facebench_methods.mae import MAE, MAEOptions

SMALL = MAEOptions(**MAE.info.small)
SIDE, PATCH, PATCHES, HIDDEN = 32, 4, 64, 48


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(**changes: Any) -> MAE:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return MAE(TwoBlocks(), replace(SMALL, **changes), SIDE)


def faces(count: int = 3) -> Tensor:
    return torch.rand(count, 3, SIDE, SIDE, generator=generator(1))


def order(count: int = 3) -> Tensor:
    """Return the permutation of places that ``generator(5)`` gives: hidden ones, then the shown."""
    return torch.rand(count, PATCHES, generator=generator(5)).argsort(dim=1)


def pixels(image: Tensor, place: int) -> list[float]:
    """Return a patch row by row, each pixel as red, green, blue."""
    top, left = place // 8 * PATCH, place % 8 * PATCH
    return [
        float(image[c, top + y, left + x])
        for y in range(PATCH)
        for x in range(PATCH)
        for c in range(3)
    ]


@pytest.mark.parametrize("normalised", [True, False])
def test_the_loss_is_the_error_of_hidden_pixels(normalised: bool) -> None:
    method, images = build(norm_pix_loss=normalised).eval(), faces()
    with torch.no_grad():
        loss = float(method.loss(Crops(images), generator(5))["L_mae"])
        decoded = method._decoded(images, order()[:, HIDDEN:])
        made = method.to_pixels(decoded).double()
    total = 0.0
    for i in range(3):
        for place in order()[i, :HIDDEN].tolist():
            wanted = pixels(images[i].double(), place)
            if normalised:
                mean = sum(wanted) / len(wanted)
                variance = sum((value - mean) ** 2 for value in wanted) / (len(wanted) - 1)
                wanted = [(value - mean) / math.sqrt(variance + 1e-6) for value in wanted]
            row = made[i, 1 + place].tolist()  # after the class token
            total += sum((a - b) ** 2 for a, b in zip(row, wanted, strict=True)) / len(wanted)
    assert loss == pytest.approx(total / 3 / HIDDEN, rel=1e-5)


def test_what_is_decoded_depends_on_shown_patches_alone() -> None:
    method, images = build().eval(), faces()
    shown = order()[:, HIDDEN:]
    changed, other = images.clone(), images.clone()
    for i in range(3):
        for place in order()[i, :HIDDEN].tolist():
            top, left = place // 8 * PATCH, place % 8 * PATCH
            changed[i, :, top : top + PATCH, left : left + PATCH] = 0.5
        top, left = int(shown[i, 0]) // 8 * PATCH, int(shown[i, 0]) % 8 * PATCH
        other[i, :, top : top + PATCH, left : left + PATCH] = 0.5
    with torch.no_grad():
        decoded = method._decoded(images, shown)
        assert torch.equal(method._decoded(changed, shown), decoded)
        assert not torch.allclose(method._decoded(other, shown), decoded, atol=1e-3)


def test_the_encoder_on_all_patches_is_the_backbone() -> None:
    method, images = build().eval(), faces()
    with torch.no_grad():
        tokens = masked_encoder(method.backbone.transformer).encode(images)[:, 1:]
        expected = method.backbone(images).flatten(2).transpose(1, 2)
    torch.testing.assert_close(tokens, expected)
    names = [name for name, _ in method.named_parameters()]
    assert len(names) == len(set(names))
    assert not [name for name in names if "vit" in name]  # weights are stored once


def by_loops(size: int, patch: int) -> list[set[str]]:
    """Return the regions of each patch of the mean face, pixel by pixel."""
    found: list[set[str]] = [set() for _ in range((size // patch) ** 2)]
    for y in range(size):
        for x in range(size):
            height, width = (y + 0.5) / size, (x + 0.5) / size
            on = [
                name
                for name, (top, left, bottom, right) in BOXES.items()
                if top <= height < bottom and left <= width < right
            ]
            found[y // patch * (size // patch) + x // patch].add(on[-1])
    return found


@pytest.mark.parametrize(("size", "patch"), [(96, 16), (32, 4)])
def test_patches_have_the_regions_of_their_pixels(size: int, patch: int) -> None:
    (touches,) = touched(mean_face(size)[None], patch)
    for place, of_patch in enumerate(by_loops(size, patch)):
        found = touches[:, place].nonzero().flatten().tolist()
        assert {list(BOXES)[region] for region in found} == of_patch


def mixed() -> Tensor:
    """Return [7, 64]: patches of one region, as many of each, and a few of two."""
    kinds = torch.arange(64) % 7
    touches = kinds[None] == torch.arange(7)[:, None]
    return touches | ((torch.arange(64) % 11 == 0) & (torch.arange(7)[:, None] == 2))


@pytest.mark.parametrize(
    ("touches", "shown"),
    [
        (touched(mean_face(96)[None], 16)[0], 9),  # the quick preset
        (touched(mean_face(32)[None], 4)[0], 16),
        (mixed(), 5),
        (mixed(), 15),
        (mixed(), 40),
        (mixed(), 63),
    ],
    ids=["quick", "small", "background", "skin", "parts", "all"],
)
def test_parts_are_hidden_first(touches: Tensor, shown: int) -> None:
    """Against a count by loops: nothing is shown that is opened after enough other patches."""
    regions = [
        set(touches[:, place].nonzero().flatten().tolist()) for place in range(len(touches.T))
    ]

    def count(opened: set[int]) -> int:
        return sum(bool(of_patch & opened) for of_patch in regions)

    order = parts_first(touches.expand(40, -1, -1), shown, generator())
    assert torch.equal(order.sort(dim=1).values, torch.arange(len(regions)).expand(40, -1))
    draws, parts_of = set(), set()
    for row in order[:, -shown:].tolist():
        draws.add(tuple(sorted(row)))
        opened = {0} if count({0}) >= shown else {0, 2}  # background, skin
        parts = set[int]().union(*(regions[p] for p in row if not regions[p] & opened))
        parts_of.add(frozenset(parts))
        if count(opened) >= shown:
            assert not parts
        else:
            assert count(opened | parts) >= shown
            assert any(count(opened | parts - {part}) < shown for part in parts)
    assert len(draws) > 1
    assert (len(parts_of) > 1) == (count({0, 2}) < shown < 60)  # their order is drawn, too


def test_the_regions_are_cropped_and_mirrored_with_the_image() -> None:
    """An image that shows its own regions has, in every view, those that the method is told."""
    method = build(masking="face", crop_scale=0.2)
    grey = mean_face(SIDE).mul(torch.arange(7.0)[:, None, None] / 8).sum(dim=0)
    views = method.views(grey.expand(6, 3, -1, -1), generator(3))
    assert views.touches is not None
    checked = 0
    for crop, touches in zip(views.images[:, 0], views.touches, strict=True):
        for place in range(PATCHES):
            top, left = place // 8 * PATCH, place % 8 * PATCH
            pure = (crop[top : top + PATCH, left : left + PATCH] * 8).unique()
            if len(pure) == 1 and float(pure) == round(float(pure)):
                assert touches[:, place].nonzero().flatten().tolist() == [int(pure)]
                checked += 1
    assert checked > PATCHES
    plain = build(crop_scale=0.2).views(grey.expand(6, 3, -1, -1), generator(3))
    assert plain.touches is None
    torch.testing.assert_close(plain.images, views.images)  # the crops are the same


@pytest.mark.nightly
def test_the_mean_face_is_where_rendered_faces_have_their_parts() -> None:
    from facebench.synth import FaceSampler
    from facebench_tasks._synthetic_landmarks import landmarks

    points = {"right eye": range(36, 42), "left eye": range(42, 48), "nose": range(30, 36),
              "mouth": range(48, 68)}  # fmt: skip
    sampler = FaceSampler(5)
    faces_ = [sampler.face(i, expression="neutral", pose_spread=0.3, jitter=0.3, aligned=True)
              for i in range(12)]  # fmt: skip
    for name, which in points.items():
        top, left, bottom, right = BOXES[name]
        x, y = np.concatenate([landmarks(face)[:, list(which)] for face in faces_], axis=1)
        inside = (x >= left) & (x < right) & (y >= top) & (y < bottom)
        assert inside.mean() > 0.9, name


def test_it_learns_and_does_not_collapse() -> None:
    method = build(mask_ratio=0.5)
    images = torch.nn.functional.interpolate(faces(16)[:, :, :4, :4], size=SIDE)
    adam = torch.optim.Adam(method.parameters(), lr=1e-3)
    losses = []
    for step in range(40):
        (loss,) = method.loss(Crops(images), generator(step)).values()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])
    assert feature_std(method, images) > 0.1


@pytest.mark.parametrize("ratio", [0.01, 0.99])
def test_a_patch_is_hidden_and_one_is_shown_at_any_ratio(ratio: float) -> None:
    assert 1 <= build(mask_ratio=ratio).hidden <= PATCHES - 1


def test_images_of_one_patch_and_wrong_widths_are_refused() -> None:
    with pytest.raises(SpecError, match="1 patch of 4 px"):
        MAE(TwoBlocks(), SMALL, 4)
    with pytest.raises(SpecError, match="expected a vision transformer"):
        MAE(TwoLayers(), SMALL, SIDE)
    with pytest.raises(SpecError, match=r"multiple of 4, and of mae\.decoder_heads, 16"):
        MAEOptions(decoder_width=24)
    assert FaceCycle16().transformer is None


def request(*methods: str, backbone: str = "facecycle16") -> Request:
    return Request(methods=methods, tasks=("rafdb",), overrides={}, backbone=backbone, floors=False)


def test_another_backbone_is_refused_or_left_out(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SpecError, match="'mae' hides patches .* facecycle16 is not"):
        resolve(request("mae"), Registry())
    runs = resolve(request("mae", "simclr"), Registry())
    assert [run.spec.method for run in runs] == ["simclr"]
    assert "left out: 'mae' hides patches" in caplog.text
    with pytest.raises(SpecError, match="resnet18 is not"):
        resolve(request("mae", backbone="timm:resnet18"), Registry())


def test_a_vision_transformer_is_taken() -> None:
    (run,) = resolve(request("mae", backbone="timm:vit_tiny_patch16_224"), Registry())
    assert (run.spec.pretrain.image_size, run.spec.extract.image_size) == (96, 96)
