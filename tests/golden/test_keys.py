"""The keys that name stages, frozen: a cache and results made before a change are found after it.

A key of ``keys.json`` may change only together with a version that says so (of a method, a task, a
protocol, or a stage), or with an option that is new. Then write the file anew::

    python tests/golden/test_keys.py
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from facebench.config.options import Override, Overrides
from facebench.config.spec import RunSpec, digest, spec_record
from facebench.disentangle.disentanglement import TASK, factor_registry
from facebench.pipeline.plan import plan
from facebench.pipeline.run import run
from facebench.pipeline.stages import open_stages
from facebench.registry import Registry
from facebench.request.loaded import LoadedRun, load_run
from facebench.request.resolve import Request, resolve
from facebench.runtime.workspace import Workspace
from facebench.weights.import_ import import_weights

HERE = Path(__file__).parent
EXPECTED = HERE / "keys.json"

METHODS = (
    "arcface", "barlowtwins", "byol", "cosface", "datta", "deformae", "dino", "drml", "fabnet",
    "facecycle", "fra", "frozen", "hog", "lbp", "moco", "pcl", "random", "simclr", "simsiam",
    "sphereface", "splitbrain", "supervised", "tcae", "temporal", "vicreg",
)  # fmt: skip
TASKS = ("aflw2000", "bu3dfe", "cplfw", "disfa", "fer2013", "lfw", "rafdb")

# What is asked for beyond method and task -> the request's other fields, and options that are set.
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "quick": ({}, {}),
    "paper": ({"preset": "paper"}, {}),
    "seed 3, bf16": ({"seeds": (3,), "precision": "bf16"}, {}),
    "limit, broken, dedup": ({"limit": 8, "skip_broken": True, "dedup_test": True}, {}),
    "budget": ({}, {"pretrain.epochs": 2, "pretrain.batch_size": 8, "pretrain.lr": 0.01}),
    "probe": ({}, {"probe.epochs": 3, "extract.image_size": 32}),
}
RECIPES = {"lbp": "ahonen", "moco": "pcl", "pcl": "official"}


def set_(options: dict[str, Any]) -> Overrides:
    return {key: Override(value, f"--set {key}={value}") for key, value in options.items()}


def specs(registry: Registry, tasks: tuple[str, ...]) -> Iterator[tuple[str, RunSpec]]:
    """Yield what a row is called, and its spec."""
    for method in METHODS:
        variants = dict(VARIANTS)
        if method in RECIPES:
            recipe = RECIPES[method]
            variants[f"recipe {recipe}"] = ({}, {f"{method}.recipe": recipe})
        for name, (fields, options) in variants.items():
            request = Request(
                methods=(method,), tasks=tasks, overrides=set_(options), floors=False, **fields
            )
            for one in resolve(request, registry):
                yield f"{method}, {one.spec.task}, {name}", one.spec


def write_squares(data: Path) -> None:
    """Write the images of ``squares``, byte by byte: an encoder's version must not matter."""
    for split, count in (("train", 24), ("test", 12)):
        folder = data / "squares" / split
        folder.mkdir(parents=True)
        for n in range(count):
            pixels = bytes((64 + 96 * (n % 2) + 7 * n + i) % 256 for i in range(16 * 16 * 3))
            (folder / f"{n % 2}_{n}.ppm").write_bytes(b"P6 16 16 255\n" + pixels)


def write_clips(folder: Path) -> Path:
    """Write clips of four frames, for methods that learn from videos, and return their folder."""
    for n in range(24):
        clip = folder / f"p{n // 4}" / "v"
        clip.mkdir(parents=True, exist_ok=True)
        pixels = bytes((5 * n + i) % 256 for i in range(16 * 16 * 3))
        (clip / f"{n % 4}.ppm").write_bytes(b"P6 16 16 255\n" + pixels)
    return folder


def world(folder: Path) -> tuple[Workspace, Registry]:
    """Return a workspace with the images of ``squares``, and a registry that knows the task."""
    if not (folder / "data").exists():
        write_squares(folder / "data")
    workspace = Workspace(
        cache=folder / "cache", results=folder / "results", data=folder / "data",
        device=torch.device("cpu"),
    )  # fmt: skip
    return workspace, Registry((HERE / "squares.py",))


def spec_digests() -> dict[str, str]:
    """Return the digest of every built-in method's spec on every built-in task."""
    registry = Registry()
    return {name: digest(spec_record(spec)) for name, spec in specs(registry, TASKS)}


def stage_keys(folder: Path) -> dict[str, list[str]]:
    """Return the three keys of every method's run on ``squares``, which it also learns from.

    Methods that cannot learn from single images learn from clips.
    """
    workspace, registry = world(folder)
    clips = write_clips(folder / "clips")
    rows = {}
    for name, spec in specs(registry, ("squares",)):
        info = registry.load("method", spec.method).info
        sources = ["squares", f"images:{folder / 'data' / 'squares'}"]
        if info.needs_videos or info.needs == "identities":
            sources = [f"video:{clips}"]
        elif info.needs == "labels":  # limited, there are too few to choose a probe's settings on
            sources = [] if spec.limit else ["squares"]
        for data in sources:
            learning = replace(spec, pretrain=replace(spec.pretrain, data=data))
            steps = plan(open_stages(load_run(learning, registry), workspace))
            rows[f"{name}, from {data.partition(':')[0]}"] = [step.key for step in steps]
    return rows


def small_run(registry: Registry) -> LoadedRun:
    """Return a run that takes a second; local binary patterns have no weights to be rounded."""
    request = Request(
        methods=("lbp",), tasks=("squares",), overrides=set_({"probe.epochs": 1}), floors=False
    )
    (run,) = resolve(request, registry)
    return run


def import_keys(folder: Path) -> dict[str, str]:
    """Return the keys of imported files whose tensors match by name: bare and in a wrapper."""
    with torch.random.fork_rng():
        model = timm.create_model("test_resnet", num_classes=3)
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    rows = {}
    for wrapper in ("", "module."):
        file = folder / f"{wrapper}weights.safetensors"
        folder.mkdir(parents=True, exist_ok=True)
        save_file({wrapper + name: torch.ones(shape) for name, shape in shapes.items()}, file)
        made = import_weights(file, "imported", "timm:test_resnet", Registry(), cache=folder)
        rows[file.name] = made.folder.name
    return rows


def plugin_digests() -> dict[str, str]:
    """Return the digests of tasks that are single files: they are part of keys."""
    return {TASK: factor_registry().find("task", TASK).digest}


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(EXPECTED.read_text(encoding="utf-8"))
    return loaded


def test_every_method_of_the_project_is_in_the_table() -> None:
    registry = Registry()
    builtin = {p.name for p in registry.plugins("method") if p.target.startswith("facebench_")}
    # Weights from a file alone; a transformer instead of the backbone of the table.
    assert set(METHODS) == builtin - {"imported", "mae"}
    assert set(TASKS) == {
        p.name for p in registry.plugins("task") if p.target.startswith("facebench_")
    }


def test_specs_are_what_they_were(expected: dict[str, Any]) -> None:
    assert spec_digests() == expected["specs"]


def test_keys_of_stages_are_what_they_were(expected: dict[str, Any], tmp_path: Path) -> None:
    assert stage_keys(tmp_path) == expected["stages"]


def test_keys_of_imports_are_what_they_were(expected: dict[str, Any], tmp_path: Path) -> None:
    assert import_keys(tmp_path) == expected["imports"]


def test_sources_of_single_file_tasks_are_what_they_were(expected: dict[str, Any]) -> None:
    assert plugin_digests() == expected["plugins"]


def test_a_run_leaves_what_its_plan_named(expected: dict[str, Any], tmp_path: Path) -> None:
    workspace, registry = world(tmp_path)
    small = small_run(registry)
    planned = plan(open_stages(small, workspace))
    assert not any(step.done for step in planned)
    stages = run(small, workspace).record.stages.plain()
    first, features, result = plan(open_stages(small, workspace))
    assert first.key == planned[0].key == stages["checkpoint"] == expected["run"][0]
    assert [features.key, result.key] == [stages["features"], stages["result"]]
    assert [features.key, result.key] == expected["run"][1:]
    assert first.done
    assert features.done
    assert result.done


def main() -> None:
    """Write the keys as they are now."""
    with tempfile.TemporaryDirectory() as folder:
        workspace, registry = world(Path(folder, "run"))
        stages = run(small_run(registry), workspace).record.stages.plain()
        keys = {
            "specs": spec_digests(),
            "stages": stage_keys(Path(folder, "keys")),
            "plugins": plugin_digests(),
            "imports": import_keys(Path(folder, "imports")),
            "run": [stages[name] for name in ("checkpoint", "features", "result")],
        }
    EXPECTED.write_text(json.dumps(keys, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
