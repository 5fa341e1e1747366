"""SIGKILL in the middle of each stage, then the same command again: the same result."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import spread_plugin
from started import Started

from conftest import Facebench

# Long enough to be caught in each stage, seconds in all.
ARGUMENTS = [
    "run", "--method", "spread", "--task", "tiny", "--backbone", "tinynet", "--pretrain-data",
    "tiny", "--set", "pretrain.epochs=12", "--set", "pretrain.batch_size=24", "--set",
    "pretrain.image_size=32", "--set", "pretrain.checkpoint_minutes=0", "--set",
    "probe.epochs=400", "--set", "extract.batch_size=8", "--device", "cpu", "--precision", "32",
    "--no-floors", "--plugin", spread_plugin.__file__,
]  # fmt: skip


def result_of(folder: Path) -> dict[str, Any]:
    (path,) = (folder / "results/runs/tiny").glob("*.json")
    record = json.loads(path.read_text())
    return {"stages": record["stages"], "scores": record["scores"], "details": record["details"]}


@pytest.mark.slow
def test_a_killed_run_ends_in_the_result_of_an_undisturbed_one(
    facebench: Facebench, tmp_path: Path, data: Path, plugin: Path
) -> None:
    def finish(folder: Path) -> dict[str, Any]:
        """Run in this process."""
        places = ["--cache", str(folder / "cache"), "--results", str(folder / "results/runs")]
        facebench(*ARGUMENTS, "--plugin", str(plugin), *places)
        return result_of(folder)

    calm, killed = tmp_path / "calm", tmp_path / "killed"
    calm.mkdir()
    killed.mkdir()
    expected = finish(calm)
    for stage in (
        "checkpoints/*.partial/resume.ckpt",  # pretraining, at a resume point
        "features/*.partial/features.npy",  # extraction, under way
        "features/*/features.json",  # features done, probing
    ):
        run = Started([*ARGUMENTS, "--plugin", str(plugin)], killed, data)
        run.wait_for(stage)
        assert run.end(signal.SIGKILL) == -signal.SIGKILL
        assert not list(killed.glob("results/runs/*/*.json"))
    assert finish(killed) == expected
    left = [path for path in killed.rglob("*") if path.suffix in (".partial", ".tmp")]
    assert not left
