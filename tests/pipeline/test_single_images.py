"""LFW has no videos: every built-in method that needs frames says so, or records what it does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from facebench.api.runs import prepare_runs
from facebench.cli import app
from facebench.method import Method
from facebench.pipeline.stages import open_stages
from facebench.registry import Registry
from facebench.request.arguments import RunArguments
from facebench.results.records import source_record

FOLDS = "2\t1\nAnn\t1\t2\nAnn\t1\tBo\t1\nCy\t1\t2\nCy\t1\tDi\t1\n"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an LFW of eight images."""
    data = tmp_path_factory.mktemp("data")
    for place, name in enumerate(("Ann", "Bo", "Cy", "Di")):
        home = data / "lfw/lfw-deepfunneled" / name
        home.mkdir(parents=True)
        for number in (1, 2):
            pixels = np.full((250, 250, 3), 20 * place + number, dtype=np.uint8)
            Image.fromarray(pixels).save(home / f"{name}_{number:04d}.jpg")
    (data / "lfw/pairs.txt").write_text(FOLDS)
    return data


@pytest.fixture(scope="module")
def needing() -> dict[str, type[Method]]:
    """Return the built-in methods that learn from several frames of a video."""
    registry = Registry()
    methods = {name: registry.load("method", name) for name in registry.names("method")}
    return {name: cls for name, cls in methods.items() if cls.info.frames_of_video > 1}


def test_a_method_without_a_fallback_is_an_error(
    data: Path, needing: dict[str, type[Method]], tmp_path: Path
) -> None:
    refused = [name for name, cls in needing.items() if cls.info.needs_videos]
    assert {"fabnet", "tcae", "datta", "temporal"} <= set(refused)
    for name in refused:
        count = needing[name].info.frames_of_video
        done = CliRunner().invoke(
            app,
            ["run", "--method", name, "--task", "lfw", "--pretrain-data", "lfw", "--data",
             str(data), "--cache", str(tmp_path), "--no-floors", "--dry-run"],
        )  # fmt: skip
        said = " ".join(done.output.split())
        assert done.exit_code == 2, name
        assert f"{name} learns from {count} or more frames of a video; lfw has single" in said
        assert "--pretrain-data video:FOLDER or voxceleb" in said
        assert "Traceback" not in said


def test_a_fallback_is_in_the_record(
    data: Path, needing: dict[str, type[Method]], tmp_path: Path
) -> None:
    kept = {name: cls.info for name, cls in needing.items() if not cls.info.needs_videos}
    assert "facecycle" in kept
    for name, info in kept.items():
        flags = {"method": name, "task": "lfw", "pretrain_data": "lfw", "data": data,
                 "baselines": False, "results": str(tmp_path / "results")}  # fmt: skip
        prepared = prepare_runs(RunArguments(flags=flags, cache=tmp_path / "cache"))
        (run,) = prepared.runs
        stages = open_stages(run.loaded, prepared.workspace)
        assert stages.source is not None
        text = f"{name} learned from {info.single_images} for 8 of 8 images"
        assert any(text in warning for warning in source_record(stages.source)["warnings"])
