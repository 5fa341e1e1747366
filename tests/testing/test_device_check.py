"""Methods on a GPU that a device without values stands for."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from facebench.errors import PluginError
from facebench.method import Method, MethodInfo, Terms
from facebench.pretrain.augment import draws
from facebench.registry import Registry
from facebench.testing.contract import check_device
from facebench.testing.device_check import check_step, checked_on_device, step_events
from facebench.testing.fake_device import DEVICE, fake_device
from facebench.testing.networks import TwoLayers

REGISTRY = Registry()
# Each has something that no other has: labels and a count of steps, a queue, dropped draws.
FEW = ("datta", "sphereface", "splitbrain")
OTHERS = [name for name in REGISTRY.names("method") if name not in (*FEW, "imported")]


class Own(Method):
    """A method of a plugin, whose loss a test replaces."""

    info = MethodInfo(name="own", title="Own", version=1, paper="none", year=2026)

    def __init__(self) -> None:
        super().__init__(TwoLayers(), None, 16)
        self.scale = nn.Parameter(torch.ones(()))

    def views(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return the images."""
        return images

    def mean(self, views: Tensor) -> Tensor:
        """Return a loss that costs no wait."""
        return self.encode(views).float().square().mean() * self.scale


def faces() -> Tensor:
    return torch.zeros(4, 3, 16, 16, dtype=torch.uint8)


def checked(loss: Any) -> list[str]:
    """Return what the check says of a method with a loss."""
    method = type("Own", (Own,), {"loss": loss})()
    return list(checked_on_device(method, faces(), None))


@pytest.mark.parametrize("name", FEW)
def test_methods_run_on_a_gpu_without_waiting(name: str) -> None:
    lines = list(check_device(REGISTRY.load("method", name)))
    assert any("1 copies, no wait" in line for line in lines)
    assert "features stay there" in lines[-1]


@pytest.mark.nightly
@pytest.mark.parametrize("name", OTHERS)
def test_all_methods_run_on_a_gpu_without_waiting(name: str) -> None:
    cls = REGISTRY.load("method", name)
    lines = list(check_device(cls))
    assert [line for line in lines if "no wait" in line] or not cls.info.learns
    assert "features" in lines[-1]


def waiting(self: Own, views: Tensor, generator: torch.Generator) -> Terms:
    mean = self.mean(views)
    return {"L": mean * (2.0 if mean.item() > 3 else 1.0)}


def choosing(self: Own, views: Tensor, generator: torch.Generator) -> Terms:
    rows = self.encode(views).float().square().mean(dim=1)
    return {"L": rows[rows > 0].mean()}


def copying(self: Own, views: Tensor, generator: torch.Generator) -> Terms:
    weights = [torch.tensor(float(n)).repeat(2).to(views.device) for n in range(3)]
    return {"L": self.mean(views) + torch.stack(weights).mean()}


def mixing(self: Own, views: Tensor, generator: torch.Generator) -> Terms:
    return {"L": (self.mean(views) * torch.ones(3)).sum()}


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (waiting, r"waits for the GPU 1 times: testing/test_device_check.py:\d+ \(aten"),
        (choosing, "waits for the GPU: the size of the result of aten.index depends on values"),
        (copying, r"copies to the GPU 3 times: .*test_device_check.py:\d+ \(8 bytes\) x 3"),
        (mixing, "a step of pretraining: .*same device"),
    ],
)
def test_what_makes_a_step_wait_is_named(loss: Any, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        checked(loss)


def test_draws_come_in_one_copy() -> None:
    def loss(self: Own, views: Tensor, generator: torch.Generator) -> Terms:
        parts = [draws.uniform((4,), 0, 1, generator) for _ in range(5)]
        assert all(part.device == views.device for part in parts)
        return {"L": self.mean(views) + torch.stack(parts).mean()}

    assert "1 copies, no wait" in checked(loss)[0]


def test_a_dynamic_weight_that_is_read_in_each_step_is_found() -> None:
    def weights(self: Any) -> dict[str, float]:
        return {"L": float(self.scale.detach())}

    def loss(self: Own, views: Tensor, generator: torch.Generator) -> Terms:
        return {"L": self.mean(views)}

    method = type("Own", (Own,), {"loss": loss, "term_weights": weights})()
    with fake_device() as device:
        events = step_events(device, method, faces())
    with pytest.raises(PluginError, match="waits for the GPU 1 times"):
        check_step(method, events)


def test_nothing_of_the_device_is_left_behind() -> None:
    before = torch.is_autocast_enabled("cuda"), torch.Tensor._make_subclass
    with fake_device() as device:
        there = torch.rand(3, 4).to(DEVICE)
        assert (there @ there.T).shape == (3, 3)
        assert there.tolist() == [[1.0] * 4] * 3  # values are assumed
        here = torch.rand(2, generator=torch.Generator().manual_seed(0))
        assert math.isclose(float(here.sum()), float(here[0]) + float(here[1]), rel_tol=1e-6)
    assert {event.kind for event in device.events} == {"copy", "launch", "wait"}
    assert (torch.is_autocast_enabled("cuda"), torch.Tensor._make_subclass) == before
