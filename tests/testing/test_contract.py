"""Every registered plugin fulfils its contract; a violation is named in the error."""

from pathlib import Path

import pytest

from facebench.errors import PluginError
from facebench.registry import CONTRACTS, Registry
from facebench.testing.contract import check_plugin

REGISTRY = Registry()
# Many variants to learn with, or large networks.
LONG = ("pcl", "facecycle", "moco", "vicreg", "barlowtwins", "dino", "drml", "mae")
NAMES = [
    pytest.param(name, marks=pytest.mark.slow) if name in LONG else name
    for kind in CONTRACTS
    for name in REGISTRY.names(kind)  # type: ignore[arg-type]
]
TRAINED = [name for name in REGISTRY.names("method") if REGISTRY.load("method", name).info.learns]


@pytest.mark.parametrize("name", NAMES)
def test_built_in(name: str, stand_ins: Path) -> None:
    lines = list(check_plugin(name, REGISTRY, stand_ins, thorough=False))
    assert lines[0].startswith(("method", "task", "backbone"))
    assert len(lines) > 1
    assert not [line for line in lines if "on one device alone" in line]


@pytest.mark.nightly
@pytest.mark.parametrize("name", TRAINED)
def test_every_variant_learns_in_both_precisions(name: str) -> None:
    in_float32, in_bf16 = (line for line in check_plugin(name, REGISTRY) if "learns" in line)
    assert "in float32" in in_float32
    assert in_bf16 == in_float32.replace("float32", "bf16")


BROKEN = {
    "global random state": (
        "def views(self, images, generator):\n        return images + torch.rand_like(images)",
        "draws from the global random state",
    ),
    "no gradient": (
        "def loss(self, views, generator):\n"
        "        return {'L': self.scale.square() + self.encode(views).detach().mean()}",
        "no gradient reaches the backbone",
    ),
    "not finite": (
        "def loss(self, views, generator):\n        return {'L': self.encode(views).mean() / 0}",
        "expected finite numbers",
    ),
    "a weight without a term": (
        "def term_weights(self):\n        return {'L_other': 2.0}",
        r"term_weights\(\) names \['L_other'\]",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_method_is_told_what_is_wrong(tmp_path: Path, fault: str) -> None:
    code, message = BROKEN[fault]
    file = tmp_path / "broken.py"
    file.write_text(f"""
import torch
from facebench.method import Method, MethodInfo


class Broken(Method):
    info = MethodInfo(name="broken", title="Broken", version=1, paper="none", year=2026)

    def __init__(self, backbone, options, image_size):
        super().__init__(backbone, options, image_size)
        self.scale = torch.nn.Parameter(torch.ones(()))

    def views(self, images, generator):
        return images

    def loss(self, views, generator):
        return {{"L": self.encode(views).square().mean()}}

    {code}
""")
    with pytest.raises(PluginError, match=message):
        list(check_plugin("broken", Registry((file,))))
