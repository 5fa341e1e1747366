"""SIGKILL during a sweep: no process remains, and restarting gives the same results."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import spread_plugin
from started import Started
from typer.testing import Result

from conftest import Facebench

SWEEP = """
method: spread
task: tiny
backbone: tinynet
pretrain_data: tiny
device: cpu
precision: "32"
floors: false
pretrain: {epochs: 6, batch_size: 24, image_size: 32, checkpoint_minutes: 0}
probe: {epochs: 5, resamples: 100}
grid:
  spread.temperature: [0.1, 0.5]
  extract.pool: [flatten, mean]
"""


def results_of(folder: Path) -> dict[str, Any]:
    records = [json.loads(path.read_text()) for path in folder.glob("results/runs/tiny/*.json")]
    return {r["stages"]["result"]: [r["stages"], r["scores"], r["details"]] for r in records}


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_a_killed_sweep_goes_on_to_the_results_of_an_undisturbed_one(
    facebench: Facebench, tmp_path: Path, data: Path, plugin: Path
) -> None:
    plugins = ["--plugin", str(plugin), "--plugin", spread_plugin.__file__]

    def finish(folder: Path) -> Result:
        """Run in this process."""
        places = ["--cache", str(folder / "cache"), "--results", str(folder / "results/runs")]
        return facebench("sweep", str(folder / "sweep.yaml"), *plugins, *places)

    calm, killed = tmp_path / "calm", tmp_path / "killed"
    for folder in (calm, killed):
        folder.mkdir()
        (folder / "sweep.yaml").write_text(SWEEP)
    finish(calm)
    expected = results_of(calm)
    assert len(expected) == 4

    sweep = Started(["sweep", "sweep.yaml", *plugins, "--jobs", "2"], killed, data)
    sweep.wait_for("checkpoints/*.partial/resume.ckpt")
    assert sweep.children()
    assert sweep.end(signal.SIGKILL) == -signal.SIGKILL  # and its workers end, too
    assert not results_of(killed)
    assert list((killed / "cache").glob("checkpoints/*.partial"))
    done = finish(killed)
    assert results_of(killed) == expected
    assert "[4/4]" in done.stderr
    assert not list((killed / "cache").glob("*/*.partial"))
