"""A run on very few images: refused before it learns, or judged with a warning."""

import json
from pathlib import Path

import pytest

from conftest import Facebench

RUN = [
    "run", "--task", "tiny", "--backbone", "tinynet", "--device", "cpu", "--precision", "32",
    "--no-floors", "--set", "probe.epochs=1", "--set", "probe.resamples=100",
]  # fmt: skip


def test_too_few_images_are_refused_before_anything_is_learned(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    few = [*RUN, "--plugin", str(plugin), "--method", "simclr", "--pretrain-data", "tiny"]
    done = facebench(*few, "--limit", "1", status=2)
    assert "cannot hold out 10% of 1 training items" in done.stderr
    assert "Traceback" not in done.stderr
    left = {path.name for path in (tmp_path / "cache").iterdir()}
    assert left <= {"digests", "locks"}


def test_what_a_score_says_little_of_is_said_once_while_it_runs(
    facebench: Facebench, plugin: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    few = [*RUN, "--plugin", str(plugin), "--method", "random", "--set", "probe.holdout=0.4"]
    facebench(*few, "--limit", "9")
    said = "Tiny: the score is of 9 test images alone."
    assert caplog.messages.count(said) == 1
    (path,) = tmp_path.glob("results/runs/tiny/*.json")
    assert said in json.loads(path.read_text())["task"]["warnings"]
    caplog.clear()
    facebench(*few, "--limit", "9")  # nothing is computed; the table's notes have it
    assert said not in caplog.messages
