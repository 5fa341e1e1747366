"""SIGKILL in the middle of each stage, then the same command again: the same result."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import Facebench, environment

# Long enough to be caught in each stage, seconds in all.
ARGUMENTS = [
    "run", "--method", "simclr", "--task", "tiny", "--backbone", "tinynet", "--pretrain-data",
    "tiny", "--set", "pretrain.epochs=12", "--set", "pretrain.batch_size=24", "--set",
    "pretrain.image_size=32", "--set", "pretrain.checkpoint_minutes=0", "--set",
    "probe.epochs=400", "--set", "extract.batch_size=8", "--device", "cpu", "--precision", "32",
    "--no-floors",
]  # fmt: skip


def result_of(folder: Path) -> dict[str, Any]:
    (path,) = (folder / "results/runs/tiny").glob("*.json")
    record = json.loads(path.read_text())
    return {"stages": record["stages"], "scores": record["scores"], "details": record["details"]}


def kill_when(folder: Path, data: Path, plugin: Path, pattern: str) -> None:
    """Start the run and kill it as soon as something below its cache matches ``pattern``."""
    process = subprocess.Popen(
        [sys.executable, "-m", "facebench.cli", *ARGUMENTS, "--plugin", str(plugin)],
        cwd=folder, env=environment(folder, data), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 300  # a process may start slowly beside others
    while not list((folder / "cache").glob(pattern)):
        assert process.poll() is None, f"the run ended before {pattern} appeared"
        assert time.monotonic() < deadline, f"{pattern} did not appear"
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
def test_a_killed_run_ends_in_the_result_of_an_undisturbed_one(
    facebench: Facebench, tmp_path: Path, data: Path, plugin: Path
) -> None:
    def finish(folder: Path) -> dict[str, Any]:
        """Run in this process, which saves two starts of another."""
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
        kill_when(killed, data, plugin, stage)
        assert not list(killed.glob("results/runs/*/*.json"))
    assert finish(killed) == expected
