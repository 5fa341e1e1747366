"""BYOL, SimSiam, VICReg, Barlow Twins and DINO against their equations; none collapses."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from facebench.errors import SpecError
from facebench.method import Method
from facebench.pretrain.collapse import feature_std
from facebench.report.reference import later_numbers
from facebench.testing.networks import TwoLayers
from facebench_methods._two_views import TwoViewMethod
from facebench_methods.barlowtwins import BarlowTwins
from facebench_methods.byol import BYOL
from facebench_methods.dino import DINO
from facebench_methods.simsiam import SimSiam
from facebench_methods.vicreg import VICReg

METHODS: tuple[type[TwoViewMethod], ...] = (BarlowTwins, BYOL, DINO, SimSiam, VICReg)
SMALL: dict[type[Method], dict[str, Any]] = {
    BarlowTwins: {"projection_dim": 24},
    BYOL: {"projection_dim": 16, "hidden": 48, "momentum": 0.9},
    DINO: {"outputs": 32, "local_crops": 2, "momentum": 0.9, "warmup_epochs": 4},
    SimSiam: {"projection_dim": 24, "prediction_hidden": 12},
    VICReg: {"projection_dim": 24},
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(cls: type[TwoViewMethod], **changes: Any) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return cls(TwoLayers(), replace(cls.Options(), **{**SMALL[cls], **changes}), 32)


def views(count: int = 5) -> tuple[Tensor, Tensor]:
    first, second = (torch.rand(count, 3, 32, 32, generator=generator(s)) for s in (1, 2))
    return first, second


def projections(method: Any) -> list[Tensor]:
    """Return ``[N, D]`` float64 of each view; a view has batch statistics of its own."""
    with torch.no_grad():
        return [method.head(method.encode(view)).double() for view in views()]


def unit(rows: Tensor) -> Tensor:
    return F.normalize(rows, dim=1)


def test_simsiam_is_the_mean_of_both_negative_cosines() -> None:
    method = build(SimSiam)
    z = projections(method)
    with torch.no_grad():
        p = [method.predictor(rows.float()).double() for rows in z]
    total = 0.0
    for i in range(5):
        total -= float(unit(p[0])[i] @ unit(z[1])[i]) / 2 / 5
        total -= float(unit(p[1])[i] @ unit(z[0])[i]) / 2 / 5
    assert method.loss(views(), generator())["L_cosine"].item() == pytest.approx(total, abs=1e-5)


def test_byol_is_the_squared_distance_of_unit_vectors_both_ways() -> None:
    method = build(BYOL)
    with torch.no_grad():
        for parameter in method.target.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator(7))
        target = [method.target(view).double() for view in views()]
        p = [method.predictor(rows.float()).double() for rows in projections(method)]
    total = 0.0
    for i in range(5):
        for online, other in ((p[0], target[1]), (p[1], target[0])):
            total += float((unit(online)[i] - unit(other)[i]).square().sum()) / 5
    assert method.loss(views(), generator())["L_byol"].item() == pytest.approx(total, abs=1e-4)


def test_vicreg_is_its_three_terms() -> None:
    method = build(VICReg, invariance=10.0, variance=20.0, covariance=2.0)
    z = projections(method)
    invariance = sum(float((z[0][i] - z[1][i]).square().sum()) for i in range(5)) / 5 / 24
    variance = covariance = 0.0
    for rows in z:
        middle = rows - rows.mean(0)
        for j in range(24):
            spread = math.sqrt(float(middle[:, j].square().sum()) / 4 + 1e-4)
            variance += max(0.0, 1 - spread) / 24 / 2
            for k in range(24):
                if j != k:
                    covariance += (float(middle[:, j] @ middle[:, k]) / 4) ** 2 / 24
    total = 10 * invariance + 20 * variance + 2 * covariance
    assert method.loss(views(), generator())["L_vicreg"].item() == pytest.approx(total, rel=1e-4)


def test_barlow_twins_is_the_distance_of_the_cross_correlation_from_the_identity() -> None:
    method = build(BarlowTwins, redundancy=0.1)
    normal = [unit((z - z.mean(0)).T) for z in projections(method)]  # Eq. 2
    total = 0.0
    for j in range(24):
        for k in range(24):
            correlation = float(normal[0][j] @ normal[1][k])
            total += (1 - correlation) ** 2 if j == k else 0.1 * correlation**2
    # lightly's batch normalisation adds 1e-5 to each variance.
    assert method.loss(views(), generator())["L_barlow"].item() == pytest.approx(total, rel=1e-3)


def test_the_target_of_byol_follows_more_and_more_slowly() -> None:
    method = build(BYOL)
    learned = {name.split(".")[0] for name, p in method.named_parameters() if p.requires_grad}
    assert learned == {"backbone", "head", "predictor"}
    method.loss(views(), generator())["L_byol"].backward()
    assert all(parameter.grad is None for parameter in method.target.parameters())
    online = [*method.backbone.parameters(), *method.head.parameters()]
    with torch.no_grad():
        for parameter in online:
            parameter += 1
    for epoch, share in ((0, 0.1), (2, 0.05)):  # of 4: 1 - (1 - 0.9) (1 + cos(pi e / 4)) / 2
        method.before_epoch(epoch, 4)
        before = [parameter.clone() for parameter in method.target.parameters()]
        method.after_step()
        for old, new, goal in zip(before, method.target.parameters(), online, strict=True):
            assert torch.allclose(new, old + share * (goal - old), atol=1e-6)


def test_dino_is_the_cross_entropy_of_other_crops_with_a_centred_teacher() -> None:
    method = build(DINO)
    crops = method.views(torch.rand(5, 3, 32, 32, generator=generator()), generator())
    assert [crop.shape[-1] for crop in crops] == [32, 32, 16, 16]
    centre = torch.randn(32, generator=generator(3))
    method.criterion.center.copy_(centre)
    with torch.no_grad():
        student = [method.head(method.backbone(c).mean((2, 3))).double() for c in crops]
        teacher = student[:2]  # equal networks before the first step
    method.before_epoch(2, 4)
    assert method.temperature == pytest.approx(0.055)  # half of the warm-up
    total = 0.0
    for i in range(2):
        for j in range(4):
            if i != j:
                target = ((teacher[i] - centre.double()) / 0.055).softmax(1)
                total -= float((target * (student[j] / 0.1).log_softmax(1)).sum()) / 5 / 6
    assert method.loss(crops, generator())["L_dino"].item() == pytest.approx(total, rel=1e-4)
    moved = 0.9 * centre.double() + 0.1 * torch.stack(teacher).mean((0, 1))
    assert torch.allclose(method.criterion.center.flatten().double(), moved, atol=1e-5)


def test_the_last_layer_of_dino_waits_and_its_teacher_follows() -> None:
    method = build(DINO)
    method.before_epoch(0, 4)
    assert not method.head.last_layer.weight_v.requires_grad
    method.before_epoch(1, 4)
    assert method.head.last_layer.weight_v.requires_grad
    assert not any(p.requires_grad for p in method.teacher.parameters())
    student = [*method.backbone.parameters(), *method.head.parameters()]
    with torch.no_grad():
        for parameter in student:
            parameter += 1
    share = 0.1 * (1 + math.cos(math.pi / 4)) / 2
    before = [parameter.clone() for parameter in method.teacher.parameters()]
    method.after_step()
    for old, new, goal in zip(before, method.teacher.parameters(), student, strict=True):
        assert torch.allclose(new, old + share * (goal - old), atol=1e-6)


def test_only_the_second_view_is_solarised_and_seldom_blurred() -> None:
    method = build(BYOL, jitter_p=0.0, grayscale_p=0.0, blur_p=0.0, second_blur_p=0.0,
                   second_solarize_p=1.0, pose_augmentation="none", crop_scale=1.0)  # fmt: skip
    images = torch.full((4, 3, 32, 32), 0.75)
    first, second = method.views(images, generator())
    assert torch.allclose(first, images)
    assert torch.allclose(second, torch.full_like(images, 0.25))


@pytest.mark.parametrize(
    "cls",
    [pytest.param(cls, marks=pytest.mark.nightly) if cls is DINO else cls for cls in METHODS],
)
def test_learning_lowers_the_loss_and_does_not_collapse_the_features(
    cls: type[TwoViewMethod],
) -> None:
    method = build(cls, crop_scale=0.6, jitter=0.2, hue=0.0, blur_p=0.0, grayscale_p=0.0,
                   second_solarize_p=0.0, pose_augmentation="none")  # fmt: skip
    patches = torch.rand(32, 3, 4, 4, generator=generator())
    images = F.interpolate(patches, size=32, mode="nearest")
    adam = torch.optim.Adam([p for p in method.parameters() if p.requires_grad], lr=2e-3)
    losses = []
    for step in range(60):
        ((_, loss),) = method.loss(method.views(images, generator(step)), generator(step)).items()
        adam.zero_grad()
        loss.backward()
        adam.step()
        method.after_step()
        losses.append(loss.item())
    first, last = (sum(part) / 10 for part in (losses[:10], losses[-10:]))
    assert last < first - 0.05 * abs(first)
    assert feature_std(method, images) > 0.1


def test_dino_with_the_head_of_its_quick_preset_learns_and_does_not_collapse() -> None:
    """As above, in fewer steps, since its head has layers of 2,048."""
    method = build(DINO, projection_norm=True, crop_scale=0.6, jitter=0.2, hue=0.0, blur_p=0.0,
                   grayscale_p=0.0, second_solarize_p=0.0, pose_augmentation="none")  # fmt: skip
    images = F.interpolate(torch.rand(16, 3, 4, 4, generator=generator()), size=32)
    adam = torch.optim.Adam([p for p in method.parameters() if p.requires_grad], lr=1e-3)
    losses = []
    for step in range(12):
        (loss,) = method.loss(method.views(images, generator(step)), generator(step)).values()
        adam.zero_grad()
        loss.backward()
        adam.step()
        method.after_step()
        losses.append(loss.item())
    assert sum(losses[-3:]) < 0.95 * sum(losses[:3])
    assert feature_std(method, images) > 0.1


def test_they_have_rows_in_the_table_of_later_methods() -> None:
    assert {cls.info.title for cls in METHODS} <= {number.method for number in later_numbers()}


@pytest.mark.parametrize(
    ("cls", "wrong"),
    [
        (BYOL, {"momentum": 1.0}),
        (BYOL, {"second_blur_p": 1.5}),
        (DINO, {"local_crops": -1}),
        (DINO, {"student_temperature": 0.0}),
        (SimSiam, {"prediction_hidden": 0}),
        (VICReg, {"covariance": 0.0}),
        (BarlowTwins, {"redundancy": -1.0}),
    ],
    ids=str,
)
def test_options_out_of_range_are_errors(cls: type[TwoViewMethod], wrong: Any) -> None:
    with pytest.raises(SpecError, match=next(iter(wrong))):
        cls.Options(**wrong)
