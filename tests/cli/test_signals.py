"""SIGINT and SIGTERM end real processes with the status of the shell, one line, and a resume point.

``tests/pretrain/test_stops.py`` shows in this process that learning goes on to equal weights.
"""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import spread_plugin
from started import Started

SWEEP = """
method: spread
task: tiny
backbone: tinynet
pretrain_data: tiny
device: cpu
precision: "32"
floors: false
pretrain: {epochs: 100000, batch_size: 24, image_size: 32, checkpoint_minutes: 0}
grid: {spread.temperature: [0.1, 0.5]}
"""
RESUME = "checkpoints/*.partial/resume.ckpt"
SIGNALS = [(signal.SIGTERM, 143), (signal.SIGINT, 130)]


@pytest.mark.slow
@pytest.mark.parametrize(("signum", "status"), SIGNALS)
def test_a_stopped_run_says_where_it_goes_on(
    tmp_path: Path, data: Path, plugin: Path, signum: signal.Signals, status: int
) -> None:
    (tmp_path / "run.yaml").write_text(SWEEP.partition("grid")[0])
    plugins = ["--plugin", str(plugin), "--plugin", spread_plugin.__file__]
    run = Started(["run", "--config", "run.yaml", *plugins], tmp_path, data)
    run.wait_for(RESUME)
    assert run.end(signum) == status, run.errors()
    lines = [line for line in run.errors().splitlines() if "spread on tiny" not in line]
    assert len(lines) == 1, run.errors()
    found = re.fullmatch(
        rf"stopped by {signum.name}: pretraining was in epoch (\d+) of 100000, and goes on from "
        r"epoch (\d+) when it is run again", lines[0],
    )  # fmt: skip
    assert found is not None, run.errors()
    # One less: the signal came between the resume point of an epoch and the next epoch.
    assert int(found[1]) - int(found[2]) in (-1, 0, 1)


@pytest.mark.nightly
@pytest.mark.parametrize(("signum", "status"), SIGNALS)
def test_a_stopped_sweep_stops_its_workers(
    tmp_path: Path, data: Path, plugin: Path, signum: signal.Signals, status: int
) -> None:
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    plugins = ["--plugin", str(plugin), "--plugin", spread_plugin.__file__]
    sweep = Started(["sweep", "sweep.yaml", "--jobs", "2", *plugins], tmp_path, data)
    sweep.wait_for(RESUME, count=2)
    assert len(sweep.children()) >= 2
    assert sweep.end(signum) == status, sweep.errors()
    assert "Traceback" not in sweep.errors()
    assert sweep.errors().count(f"stopped by {signum.name}: ") == 1
    assert len(list((tmp_path / "cache").glob(RESUME))) == 2


@pytest.mark.parametrize("when", ["imported", "ended"])
def test_ctrl_c_before_and_after_a_command_says_nothing(when: str) -> None:
    program = f"""
import atexit, os, signal, sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == "facebench.cli.application" and {when!r} == "imported":
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal
sys.meta_path.insert(0, Interrupting())
atexit.register(os.kill, os.getpid(), signal.SIGINT)
from facebench.cli import main
sys.argv = ["facebench", "--version"]
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGINT  # 130 in a shell
    assert done.stdout.startswith("facebench ") == (when == "ended")
    assert done.stderr == ""
