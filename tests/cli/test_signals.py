"""SIGINT and SIGTERM end real processes with the status of the shell, one line, and a resume point.

``tests/pretrain/test_stops.py`` shows in this process that learning goes on to equal weights.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from conftest import environment

SWEEP = """
method: simclr
task: tiny
backbone: tinynet
pretrain_data: tiny
device: cpu
precision: "32"
floors: false
pretrain: {epochs: 100000, batch_size: 24, image_size: 32, checkpoint_minutes: 0}
grid: {simclr.temperature: [0.1, 0.5]}
"""


def stopped(
    arguments: list[str], folder: Path, data: Path, pattern: str, signum: int, found: int = 1
) -> tuple[int, str]:
    """Start a command, send a signal when its cache has files, and return status and errors."""
    process = subprocess.Popen(
        [sys.executable, "-m", "facebench.cli", *arguments],
        cwd=folder, env=environment(folder, data) | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 300
        while len(list((folder / "cache").glob(pattern))) < found:
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < deadline, f"{pattern} did not appear"
            time.sleep(0.02)
        children = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signum)
        _, errors = process.communicate(timeout=120)
        _, alive = psutil.wait_procs(children, timeout=60)
        assert not alive
    finally:
        process.kill()
    return process.returncode, errors


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signum", "status"),
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.nightly),
    ],
)
def test_a_stopped_run_says_where_it_goes_on(
    tmp_path: Path, data: Path, plugin: Path, signum: int, status: int
) -> None:
    (tmp_path / "run.yaml").write_text(SWEEP.partition("grid")[0])
    arguments = ["run", "--config", "run.yaml", "--plugin", str(plugin)]
    code, errors = stopped(arguments, tmp_path, data, "checkpoints/*.partial/resume.ckpt", signum)
    assert code == status, errors
    lines = [line for line in errors.splitlines() if "simclr on tiny" not in line]
    assert len(lines) == 1, errors
    name = signal.Signals(signum).name
    found = re.fullmatch(
        rf"stopped by {name}: pretraining was in epoch (\d+) of 100000, and goes on from epoch "
        r"(\d+) when it is run again", lines[0],
    )  # fmt: skip
    assert found is not None, errors
    assert int(found[1]) - int(found[2]) in (0, 1)


@pytest.mark.nightly
def test_a_stopped_sweep_stops_its_workers(tmp_path: Path, data: Path, plugin: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    arguments = ["sweep", "sweep.yaml", "--jobs", "2", "--plugin", str(plugin)]
    pattern = "checkpoints/*.partial/resume.ckpt"
    code, errors = stopped(arguments, tmp_path, data, pattern, signal.SIGTERM, found=2)
    assert code == 143, errors
    assert "Traceback" not in errors
    assert errors.count("stopped by SIGTERM: ") == 1
    assert len(list((tmp_path / "cache").glob(pattern))) == 2
