"""Two devices learn what one learns: gradients, weights and curves of every method that learns."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import spread_plugin
import torch
from together import Learned, Lesson, Processes, largest_difference
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.pretrain.batch_norm import synchronised
from facebench.pretrain.devices import averaged, gathered, share_of_mean
from facebench.pretrain.resume import RESUME_FILE
from facebench.registry import Registry
from facebench_methods._pcl_options import OFFICIAL, QUICK

ODD = {"pose_images": 3, "pdd_images": 3, "negatives": 2}  # the first device has one more image
RELEASED = {name: value for name, value in OFFICIAL.items() if "." not in name}
SMALL_FACECYCLE = {"generator_blocks": 1, "normaliser_blocks": 1, "stage1_share": 0.34}
FEW = replace(Lesson(method="", options={}).spec, batch_size=4)
TWO = replace(FEW, batch_size=2)

LESSONS = {
    "simclr": Lesson(method="simclr", options={}),
    "moco": Lesson(method="moco", options={"queue": 20, "projection_norm": True}, steps=2),
    "byol": Lesson(method="byol", options={"hidden": 16}),
}
MORE = {  # which the README's command leaves out, and .ci/run runs
    "pcl": Lesson(method="pcl", options=ODD),
    "pcl official": Lesson(method="pcl", options={**RELEASED, **ODD}),
    "facecycle": Lesson(method="facecycle", options=SMALL_FACECYCLE, spec=TWO),
    "pcl quick": Lesson(method="pcl", options={**QUICK, **ODD}),
    "simclr plain": Lesson(method="simclr", options={"negative_interpolation": False}),
    "pcl one pose image": Lesson(
        method="pcl",  # of which the second device has none
        options={"pose_images": 1, "pdd_images": 1, "negatives": 3, "projection": True},
    ),
    "pcl ablation": Lesson(
        method="pcl", options={"l_pose": False, "orth": "cross_correlation", "pdd_noise": 0.4}
    ),
    "vicreg": Lesson(method="vicreg", options={}),
    "barlowtwins": Lesson(method="barlowtwins", options={}),
    "simsiam": Lesson(method="simsiam", options={}),
    "dino": Lesson(method="dino", options={"frozen_epochs": 0}),
    "fra": Lesson(method="fra", options={}, spec=replace(FEW, image_size=32)),
    "mae": Lesson(method="mae", options={}),
    "mae face": Lesson(method="mae", options={"masking": "face"}),
    "splitbrain": Lesson(method="splitbrain", options={}),
    "deformae": Lesson(method="deformae", options={"intrinsic": True}),
    "fabnet": Lesson(method="fabnet", options={}),
    "tcae": Lesson(method="tcae", options={}),
    "temporal": Lesson(method="temporal", options={}),
    "datta": Lesson(method="datta", options={}),
    "arcface": Lesson(method="arcface", options={}, kind="identities"),
    "cosface": Lesson(method="cosface", options={}, kind="identities"),
    "sphereface": Lesson(method="sphereface", options={}, kind="identities"),
    "supervised": Lesson(method="supervised", options={}, kind="classes"),
    "supervised balanced": Lesson(
        method="supervised",
        options={"class_weights": "balanced", "label_smoothing": 0.1},
        kind="classes",
    ),
    "supervised labels": Lesson(
        method="supervised", options={"class_weights": "balanced"}, kind="labels"
    ),
    "supervised numbers": Lesson(method="supervised", options={}, kind="numbers"),
    "drml": Lesson(method="drml", options={}, spec=FEW, kind="labels"),
}


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    started = Processes(tmp_path_factory.mktemp("together"))
    yield started
    started.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [*LESSONS, *(pytest.param(name, marks=pytest.mark.distributed) for name in MORE)]
)
def test_two_devices_learn_what_one_learns(
    processes: Processes, name: str, record_property: Any
) -> None:
    first, second, alone = processes.learn((LESSONS | MORE)[name])
    assert len(alone.gradients) >= 3
    gradients, weights = zip(*(differences(found, alone) for found in (first, second)), strict=True)
    record_property("gradients", max(gradients))
    record_property("weights", max(weights))
    print(f"| {name} | {max(gradients):.1e} | {max(weights):.1e} |")  # noqa: T201 - shown with -rP
    assert max(gradients) < 1e-6
    assert max(weights) < 1e-6
    for found in (first, second):
        for row, expected in zip(found.curves, alone.curves, strict=True):
            compared = {name: v for name, v in expected.items() if name != "images_per_second"}
            assert {name: row[name] for name in compared} == pytest.approx(compared, rel=1e-6)


def differences(found: Learned, expected: Learned) -> tuple[float, float]:
    """Return the largest relative differences of gradients and of weights."""
    steps = zip(expected.gradients, found.gradients, strict=True)
    return (
        max(largest_difference(*step) for step in steps),
        largest_difference(expected.state, found.state),
    )


def test_every_method_that_learns_is_compared() -> None:
    registry = Registry()
    learning = {
        name
        for name in registry.names("method")
        if registry.load("method", name).info.needs not in ("nothing", "weights", "file")
    }
    assert {lesson.method for lesson in (LESSONS | MORE).values()} == learning


@pytest.mark.distributed
def test_learning_that_was_stopped_goes_on_with_as_many_or_fewer_devices(
    processes: Processes, tmp_path: Path
) -> None:
    lesson = LESSONS["moco"]
    often = replace(lesson, spec=replace(lesson.spec, checkpoint_minutes=0))
    (whole,) = processes.learn_in(tmp_path / "whole", often, 1)
    for devices in (2, 1):
        folder = tmp_path / f"on {devices}"
        processes.learn_in(folder, replace(often, stop=2), 2)
        assert (folder / RESUME_FILE).exists()
        for resumed in processes.learn_in(folder, often, devices):
            assert len(resumed.gradients) == 2  # those of the last epoch
            assert largest_difference(whole.state, resumed.state) < 1e-6
            losses = [[row["L_q"] for row in found.curves] for found in (whole, resumed)]
            assert losses[0] == pytest.approx(losses[1], rel=1e-9)


@pytest.mark.slow
def test_draws_that_devices_would_not_share_are_refused(
    processes: Processes, tmp_path: Path
) -> None:
    """``spread`` draws its noise from the generator itself, which one device may do."""
    lesson = Lesson(method="spread", options={}, plugins=(Path(spread_plugin.__file__),))
    first, second, alone = processes.refusals(tmp_path, lesson)
    assert alone == ""
    assert first == second
    assert first.startswith("method 'spread' draws from its generator directly")
    assert "facebench.pretrain.augment.draws" in first
    assert len(first.splitlines()) == 1


ROWS = torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
WEIGHTS = torch.linspace(-1, 2, ROWS.numel(), dtype=torch.float64).view_as(ROWS)


def normalised_here(count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Normalise this device's part of the first rows, and return the gradients of a sum."""
    rank = torch.distributed.get_rank()
    rows = ROWS[:count][rank::2].clone().requires_grad_()
    layer = nn.BatchNorm2d(3, dtype=torch.float64)
    with synchronised(layer) as layers:
        made = layer(rows)
    assert (layers, type(layer)) == (1, nn.BatchNorm2d)
    (made * WEIGHTS[:count][rank::2]).sum().backward()
    assert rows.grad is not None
    assert layer.weight.grad is not None
    return made.detach(), rows.grad, layer.weight.grad, layer.running_var  # type: ignore[return-value]


@pytest.mark.slow
@pytest.mark.parametrize("count", [5, 1])
def test_batches_are_normalised_over_devices_that_have_unlike_parts(
    processes: Processes, count: int
) -> None:
    """Against torch's own, in one process; with one row the second device has none."""
    rows = ROWS[:count].clone().requires_grad_()
    layer = nn.BatchNorm2d(3, dtype=torch.float64)
    expected = layer(rows)
    (expected * WEIGHTS[:count]).sum().backward()
    parts = processes.call(normalised_here, count)
    weights = torch.zeros(3, dtype=torch.float64)
    for rank, (made, gradient, weight, variance) in enumerate(parts):
        assert torch.allclose(made, expected[rank::2], rtol=1e-12)
        assert torch.allclose(gradient, rows.grad[rank::2], rtol=1e-9)  # type: ignore[index]
        assert torch.allclose(variance, layer.running_var, rtol=1e-12)  # type: ignore[arg-type]
        weights += weight
    assert torch.allclose(weights, layer.weight.grad, rtol=1e-9)  # type: ignore[arg-type]


def shared_loss(count: int) -> tuple[Tensor, Tensor, float]:
    """Return this device's gradients of a loss over a batch, and of a mean; and the mean."""
    rank = torch.distributed.get_rank()
    rows = ROWS[:count, 0, 0][rank::2].clone().requires_grad_()
    everything = gathered(rows, count)
    assert torch.equal(everything.detach(), ROWS[:count, 0, 0])
    (everything @ everything.T).softmax(dim=1).square().sum().backward()
    assert rows.grad is not None
    of_batch, rows.grad = rows.grad, None
    mean = share_of_mean(rows.square(), count)
    mean.backward()
    assert rows.grad is not None
    return of_batch, rows.grad, float(averaged(mean))


@pytest.mark.slow
def test_losses_over_a_batch_have_the_gradient_of_one_device(processes: Processes) -> None:
    """Which is the mean over devices of what each computes."""
    rows = ROWS[:, 0, 0].clone().requires_grad_()
    (rows @ rows.T).softmax(dim=1).square().sum().backward()
    assert rows.grad is not None
    of_batch, rows.grad = rows.grad, None
    mean = rows.square().mean()
    mean.backward()
    for rank, found in enumerate(processes.call(shared_loss, 5)):
        assert torch.allclose(found[0] / 2, of_batch[rank::2], rtol=1e-12)
        assert torch.allclose(found[1] / 2, rows.grad[rank::2], rtol=1e-12)  # type: ignore[index]
        assert found[2] == pytest.approx(mean.item(), rel=1e-12)


def test_with_one_device_nothing_is_changed() -> None:
    assert gathered(ROWS) is ROWS
    layer = nn.BatchNorm2d(3, dtype=torch.float64)
    with synchronised(layer):
        made = layer(ROWS)
    assert torch.equal(made, F.batch_norm(ROWS, None, None, training=True))
