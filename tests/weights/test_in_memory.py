"""The digest of a model changes with everything that it says to cover, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from facebench.weights.in_memory import model_digest


def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.LeakyReLU(0.1), nn.Dropout(0.1))


def renamed(net: Any) -> None:
    net.add_module("4", net[3])


def value(net: Any) -> None:
    net[0].bias.data[0] += 1e-6


def statistics(net: Any) -> None:
    net[1].running_mean.add_(1)


def kind(net: Any) -> None:
    net.half()


def slope(net: Any) -> None:
    net[2].negative_slope = 0.2


def activation(net: Any) -> None:
    net[2] = nn.ReLU()


def constant(net: Any) -> None:
    net.register_buffer("mean", torch.zeros(3), persistent=False)


@pytest.mark.parametrize("change", [renamed, value, statistics, kind, slope, activation, constant])
def test_it_changes_with_weights_structure_and_attributes(
    change: Callable[[Any], None],
) -> None:
    net = model()
    before = model_digest(net)
    change(net)
    assert model_digest(net) != before


def test_it_does_not_change_with_mode_gradient_copy_or_memory() -> None:
    net = model()
    before = model_digest(net)
    net(torch.rand(2, 3, 8, 8)).sum().backward()
    net = model()
    net.eval().requires_grad_(False)
    assert model_digest(deepcopy(net)) == before
    assert model_digest(net.to(memory_format=torch.channels_last)) == before


def test_it_changes_with_the_source_of_the_model_and_of_what_it_inherits(tmp_path: Path) -> None:
    digests = set()
    for number, (parent, child) in enumerate([("x", "x"), ("2 * x", "x"), ("x", "x + 1")]):
        file = tmp_path / f"source{number}.py"
        file.write_text(
            "from torch import nn\n"
            "class Parent(nn.Module):\n"
            f"    def before(self, x):\n        return {parent}\n"
            "class Child(Parent):\n"
            f"    def forward(self, x):\n        return self.before({child})\n"
        )
        scope = {"__name__": "written"}
        exec(compile(file.read_text(), str(file), "exec"), scope)
        digests.add(model_digest(scope["Child"]()))  # type: ignore[operator]
    assert len(digests) == 3
