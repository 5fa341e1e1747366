"""A request is resolved once: nothing behind it asks the registry for a plugin again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

import facebench as fb
from facebench.errors import UnknownNameError
from facebench.pipeline.stages import Stages, open_stages
from facebench.registry import Registry
from facebench.request.loaded import LoadedRun, load_run
from facebench.request.resolve import Request, resolve
from facebench.runtime.workspace import Workspace

SETTINGS = {
    "pretrain.epochs": 1, "pretrain.batch_size": 24, "pretrain.image_size": 32, "probe.epochs": 2,
}  # fmt: skip
# Every public function of the registry: those that look up, import or register a plugin.
LOOK_UPS = ("add", "backbone", "find", "load", "load_all", "names", "plugins")


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note each call of the registry from outside; what it calls of itself is part of that call."""
    calls: list[str] = []
    depth = [0]

    def noting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if not depth[0]:
                calls.append(name)
            depth[0] += 1
            try:
                return function(*args, **kwargs)
            finally:
                depth[0] -= 1

        return call

    for name in LOOK_UPS:
        monkeypatch.setattr(Registry, name, noting(name, getattr(Registry, name)))
    return calls


def test_every_look_up_is_counted() -> None:
    assert {name for name in vars(Registry) if not name.startswith("_")} == set(LOOK_UPS)


@pytest.mark.parametrize("floors", [False, True])
def test_a_run_enters_the_registry_twice(
    floors: bool, tmp_path: Path, data: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for the methods, which say what else is needed, and once for all of that."""
    calls = counted(monkeypatch)

    def run(learned: str) -> fb.Results:
        calls.clear()
        return fb.run(
            method="simclr", task="tiny", backbone="tinynet", pretrain_data=learned,
            floors=floors, data=data, cache=tmp_path / "cache", results=tmp_path / "results",
            device="cpu", settings=SETTINGS, plugins=[plugin],
        )  # fmt: skip

    cold = run("tiny")  # which is a task, opened like the one that is tested on
    assert calls == ["load_all", "load_all"]
    assert len(cold) == 1 + floors
    warm = run("tiny")
    assert calls == ["load_all", "load_all"]
    assert [result.path for result in warm] == [result.path for result in cold]
    run(f"images:{data / 'tiny' / 'train'}")
    assert calls == ["load_all", "load_all"]


@pytest.fixture
def workspace(tmp_path: Path, data: Path) -> Workspace:
    import torch

    return Workspace(
        cache=tmp_path / "cache", results=tmp_path / "results", data=data,
        device=torch.device("cpu"),
    )  # fmt: skip


def test_stages_are_frozen_and_replaced(workspace: Workspace, plugin: Path) -> None:
    request = Request(
        methods=("random", "lbp"), tasks=("tiny",), overrides={}, backbone="tinynet", floors=False
    )
    runs = resolve(request, Registry((plugin,)))
    stages = open_stages(runs[0], workspace)
    with pytest.raises(FrozenInstanceError):
        stages.run = runs[1]  # type: ignore[misc]
    other = replace(stages, run=runs[1])
    assert other == open_same(runs[1], workspace, other)
    assert other.checkpoint_key() != stages.checkpoint_key()
    assert stages.run is runs[0]


def open_same(run: LoadedRun, workspace: Workspace, like: Stages) -> Stages:
    """Return newly opened stages, with the data of others, which are compared by identity."""
    opened = open_stages(run, workspace)
    assert opened.dataset.fingerprint == like.dataset.fingerprint
    return replace(opened, dataset=like.dataset, source=like.source)


def test_a_spec_alone_loads_what_a_request_loads(plugin: Path) -> None:
    registry = Registry((plugin,))
    request = Request(methods=("simclr", "lbp"), tasks=("tiny",), overrides={}, backbone="tinynet")
    runs = resolve(request, registry)
    assert {run.spec.method for run in runs} >= {"simclr", "lbp", "random"}
    for run in runs:
        assert load_run(run.spec, registry) == run
        assert bool(run.sources["task"])  # a single file, whose source counts
        assert bool(run.sources["backbone"]) == (run.spec.method != "lbp")
        assert not run.sources["method"]
    with pytest.raises(UnknownNameError, match="unknown backbone 'tinynett'"):
        load_run(replace(runs[0].spec, backbone="tinynett"), registry)
