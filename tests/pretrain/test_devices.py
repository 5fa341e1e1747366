"""Two devices train one representation, and one result is written."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import environment


@pytest.mark.slow
def test_two_processes_train_together(tmp_path: Path, data: Path, plugin: Path) -> None:
    arguments = [
        "run", "--method", "simclr", "--task", "tiny", "--backbone", "tinynet", "--pretrain-data",
        "tiny", "--set", "pretrain.epochs=2", "--set", "pretrain.batch_size=24", "--set",
        "pretrain.checkpoint_minutes=0", "--set",  # saving waits for both: the first one decides
        "pretrain.image_size=32", "--set", "probe.epochs=3", "--device", "cpu", "--precision",
        "32", "--devices", "2", "--no-floors", "--plugin", str(plugin),
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "facebench.cli", *arguments],
        cwd=tmp_path, env=environment(tmp_path, data), capture_output=True, text=True,
        check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("SimCLR f_s, seed 0") == 1
    (path,) = tmp_path.glob("results/runs/tiny/*.json")
    record = json.loads(path.read_text())
    assert record["pretrain"]["images_seen"] == 2 * 96
