"""SIGKILL during a sweep: no process remains, and restarting gives the same results."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import Result

from conftest import Facebench, environment

SWEEP = """
method: simclr
task: tiny
backbone: tinynet
pretrain_data: tiny
device: cpu
precision: "32"
floors: false
pretrain: {epochs: 6, batch_size: 24, image_size: 32, checkpoint_minutes: 0}
probe: {epochs: 5, resamples: 100}
grid:
  simclr.temperature: [0.1, 0.5]
  extract.pool: [flatten, mean]
"""


def results_of(folder: Path) -> dict[str, Any]:
    records = [json.loads(path.read_text()) for path in folder.glob("results/runs/tiny/*.json")]
    return {r["stages"]["result"]: [r["stages"], r["scores"], r["details"]] for r in records}


def kill_when(command: list[str], folder: Path, variables: dict[str, str], pattern: str) -> None:
    """Start the sweep, kill it when ``pattern`` is in its cache, and see its processes end."""
    process = subprocess.Popen(
        command, cwd=folder, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 240
    while not list((folder / "cache").glob(pattern)):
        assert process.poll() is None, f"the sweep ended before {pattern} appeared"
        assert time.monotonic() < deadline, f"{pattern} did not appear"
        time.sleep(0.005)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_a_killed_sweep_goes_on_to_the_results_of_an_undisturbed_one(
    facebench: Facebench, tmp_path: Path, data: Path, plugin: Path
) -> None:
    def finish(folder: Path) -> Result:
        """Run in this process, which saves two starts of another."""
        places = ["--cache", str(folder / "cache"), "--results", str(folder / "results/runs")]
        return facebench("sweep", str(folder / "sweep.yaml"), "--plugin", str(plugin), *places)

    calm, killed = tmp_path / "calm", tmp_path / "killed"
    for folder in (calm, killed):
        folder.mkdir()
        (folder / "sweep.yaml").write_text(SWEEP)
    base = [sys.executable, "-m", "facebench.cli", "sweep", "sweep.yaml", "--plugin", str(plugin)]
    finish(calm)
    expected = results_of(calm)
    assert len(expected) == 4

    variables = environment(killed, data) | {"OMP_NUM_THREADS": "1"}
    kill_when([*base, "--jobs", "2"], killed, variables,
              "checkpoints/*.partial/resume.ckpt")  # fmt: skip
    assert not results_of(killed)
    assert list((killed / "cache").glob("checkpoints/*.partial"))
    done = finish(killed)
    assert results_of(killed) == expected
    assert "4 of 4" in done.stderr
    assert not list((killed / "cache").glob("*/*.partial"))
