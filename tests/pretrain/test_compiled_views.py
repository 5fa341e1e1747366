"""Compiled augmentation: the same images, and the reason where there is none."""

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from test_engine import SPEC, build, learn
from torch import Generator, Tensor

from conftest import Facebench
from facebench.pretrain.augment import color, geometry, transforms
from facebench.pretrain.augment.compiled import Compiler, compiled_views
from facebench.pretrain.augment.transforms import Compose, Flip, GaussianNoise
from facebench.registry import Registry
from facebench.testing.networks import TwoLayers

SIZE = 16
IMAGES = torch.rand((4, 3, SIZE, SIZE), generator=Generator().manual_seed(0))


def made(views: Any, compiler: Compiler | None, seed: int = 5) -> list[Tensor]:
    """Return what views give, and the state of the generator after them."""
    generator = Generator().manual_seed(seed)
    with compiled_views(compiler):
        views = views(IMAGES, generator)
    return [*(views if isinstance(views, tuple) else [views]), generator.get_state()]


def assert_equal_views(views: Any, compiler: Compiler) -> None:
    """Check views of two batches against those of single operations, and their draws."""
    for seed in (5, 6):
        found, expected = made(views, compiler, seed), made(views, None, seed)
        for one, other in zip(found[:-1], expected[:-1], strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=2e-6)
            assert one.stride() == other.stride()
        assert torch.equal(found[-1], expected[-1])


def of_method(name: str) -> tuple[Any, Any]:
    """Return a method of a tiny backbone, and a function that makes all its views."""
    cls: Any = Registry().load("method", name)
    method = cls(TwoLayers(), cls.Options(), SIZE)
    if name != "pcl":
        return method, method.views

    def views(images: Tensor, generator: Generator) -> tuple[Tensor, ...]:
        makers = (method.pdd_views, method.face_views, method.pose_views)
        return tuple(make(images, generator) for make in makers)

    return method, views


def test_all_images_by_masks_give_the_views_of_single_operations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What a graph computes, without the tracing, which takes long: see the nightly tests.
    for module in (color, geometry, transforms):
        monkeypatch.setattr(module, "known_to_host", lambda mask: False)
    monkeypatch.setattr(torch, "compile", lambda graph, **_: graph)
    for name, graphs in (("simclr", 3), ("pcl", 7)):
        compiler = Compiler("views")
        assert_equal_views(of_method(name)[1], compiler)
        assert compiler.record() == {"asked": "views", "graphs": graphs, "reasons": []}


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "graphs"), [("simclr", 3), ("pcl", 7)])
def test_inductor_gives_the_views_of_single_operations(name: str, graphs: int) -> None:
    compiler = Compiler("views")
    assert_equal_views(of_method(name)[1], compiler)
    assert compiler.record() == {"asked": "views", "graphs": graphs, "reasons": []}


@pytest.mark.nightly
def test_a_run_learns_the_same_with_compiled_views(tmp_path: Path) -> None:
    curves = learn(build(), SPEC, tmp_path / "plain")["history"]
    found = learn(build(), replace(SPEC, compile="views"), tmp_path / "compiled")
    assert found["compiled"]["graphs"] > 0
    assert found["compiled"]["reasons"] == []
    for one, other in zip(found["history"], curves, strict=True):
        # Not the weights: Adam moves a bias before batch normalisation, whose gradient is 0, by the
        # sign of what rounding leaves of it.
        assert one["L_contrast"] == pytest.approx(other["L_contrast"], rel=1e-4)
        assert one["gradient_norm"] == pytest.approx(other["gradient_norm"], rel=1e-3)


@pytest.mark.nightly
@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_a_command_learns_with_compiled_views_and_says_so(
    facebench: Facebench, tmp_path: Path, plugin: Path, precision: str
) -> None:
    facebench(
        "run", "--method", "simclr", "--task", "tiny", "--backbone", "tinynet", "--plugin",
        str(plugin), "--pretrain-data", "tiny", "--set", "pretrain.compile=views", "--set",
        "pretrain.epochs=2", "--set", "pretrain.batch_size=24", "--set", "pretrain.image_size=32",
        "--set", "probe.epochs=2", "--device", "cpu", "--precision", precision, "--no-floors",
    )  # fmt: skip
    (path,) = tmp_path.glob("results/runs/tiny/*.json")
    record = json.loads(path.read_text())
    assert record["spec"]["pretrain"]["compile"] == "views"
    assert record["spec"]["precision"] == precision
    assert record["pretrain"]["compiled"] == {"asked": "views", "graphs": 3, "reasons": []}


def test_without_a_gpu_there_are_no_cuda_graphs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain, asked = build(), build()
    spec = replace(SPEC, epochs=1)
    assert "compiled" not in learn(plain, spec, tmp_path / "plain")
    with caplog.at_level(logging.WARNING):
        found = learn(asked, replace(spec, compile="graphs"), tmp_path / "graphs")
    reason = "CUDA graphs need a GPU, and the device is cpu"
    assert found["compiled"] == {"asked": "graphs", "graphs": 0, "reasons": [reason]}
    assert [one.getMessage() for one in caplog.records] == [
        f"pretrain.compile=graphs: not compiled: {reason}"
    ]
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, asked.state_dict()[name]), name


def test_what_no_compiler_takes_is_computed_as_always(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        def fail(*_: Any) -> Any:
            raise RuntimeError("no compiler\n  here")

        return fail

    monkeypatch.setattr(torch, "compile", refuse)
    compiler, views = Compiler("views"), of_method("simclr")[1]
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            for one, other in zip(made(views, compiler), made(views, None), strict=True):
                assert torch.equal(one, other)
    assert compiler.count == 0
    assert compiler.reasons == [
        "RandomResizedCrop: RuntimeError: no compiler here",
        "Compose: RuntimeError: no compiler here",
    ]
    assert len(caplog.records) == 1


@dataclass(frozen=True)
class Dimmed:
    """An augmentation that draws from the generator itself."""

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        return images * float(torch.rand((), generator=generator))


@pytest.mark.parametrize("step", [Dimmed(), GaussianNoise(0.5)])
def test_a_number_that_is_drawn_is_not_kept_in_a_graph(step: Any) -> None:
    compiler = Compiler("views")
    views = Compose((Flip(), step))
    for seed in (5, 6):
        for one, other in zip(made(views, compiler, seed), made(views, None, seed), strict=True):
            assert torch.equal(one, other)
    assert compiler.reasons == ["Compose draws something that is no row for each image"]
    assert compiler.count == 0
