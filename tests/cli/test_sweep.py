"""``facebench sweep`` and ``facebench ablate``, end to end on a tiny task."""

import json
from pathlib import Path
from typing import Any

import pytest
import spread_plugin
import started

from conftest import Facebench

BASE = """
title: Temperatures
task: tiny
backbone: tinynet
pretrain_data: tiny
device: cpu
precision: "32"
floors: false
pretrain: {epochs: 2, batch_size: 24, image_size: 32}
probe: {epochs: 5, resamples: 100}
"""
ROWS = """
rows:
  - {name: sharp, method: simclr, set: {simclr.temperature: 0.05}, printed: {tiny: 71.06}}
  - {name: soft, method: simclr, set: {simclr.temperature: 0.5}}
  - {name: soft by mean, method: simclr, set: {simclr.temperature: 0.5, extract.pool: mean}}
"""

# Two more methods: one ends its process, one has a bug.
METHODS = """
import os
import signal

from spread_plugin import Spread


class Dies(Spread):
    info = type(Spread.info)(name="dies", title="Dies", version=1, paper="none", year=2026)

    def loss(self, views, generator):
        os.kill(os.getpid(), signal.SIGKILL)


class Wrong(Spread):
    info = type(Spread.info)(name="wrong", title="Wrong", version=1, paper="none", year=2026)

    def loss(self, views, generator):
        raise ZeroDivisionError("a bug")
"""


def write(folder: Path, text: str) -> str:
    path = folder / "sweep.yaml"
    path.write_text(BASE + text)
    return str(path)


def measured(folder: Path) -> dict[str, Any]:
    records = [json.loads(path.read_text()) for path in folder.glob("*/*.json")]
    return {
        record["stages"]["result"]: [record["stages"], record["scores"], record["details"]]
        for record in records
    }


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_two_jobs_give_the_numbers_of_one_and_a_failure_stops_no_other_run(
    facebench: Facebench, plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # From a process that has imported torch; test_sweep_kill.py starts workers as users do.
    monkeypatch.setattr("facebench.sweep.executors.processes.CONTEXT", started.CONTEXT)
    rows = ROWS.replace("simclr", "spread")
    plugins = ["--plugin", str(plugin), "--plugin", spread_plugin.__file__]
    sweep = ["sweep", write(tmp_path, rows), *plugins]
    alone = facebench(*sweep, "--results", "alone", "--cache", "one")
    assert "[3/3]" in alone.stderr
    assert "soft by mean on tiny, seed 0" in alone.stderr
    expected = measured(tmp_path / "alone")
    assert len(expected) == 3
    assert len([p for p in (tmp_path / "one/checkpoints").iterdir() if p.is_dir()]) == 2

    failing = """
  - {name: dies, method: dies}
  - {name: wrong, method: wrong}
  - {name: greedy, method: spread, set: {pretrain.batch_size: 500}}
  - {name: greedy by mean, method: spread, set: {pretrain.batch_size: 500, extract.pool: mean}}
"""
    more = tmp_path / "more.py"
    more.write_text(METHODS)
    sweep = ["sweep", write(tmp_path, rows + failing), *plugins, "--plugin", str(more)]
    done = facebench(*sweep, "--results", "both", "--cache", "two", "--jobs", "2", status=1)
    assert measured(tmp_path / "both") == expected
    failures = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    assert len(failures) == 4
    for error in ("dies on tiny, seed 0: its process was ended by SIGKILL",
                  "wrong on tiny, seed 0: ZeroDivisionError: a bug",
                  "takes 500 images per step and has 96",
                  "greedy by mean on tiny, seed 0: not tried"):  # fmt: skip
        assert sum(error in line for line in failures) == 1, done.stderr
    assert "[7/7]" in done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.strip().startswith("greedy  ")]
    assert row.split() == ["greedy", "–", "–"]


def test_the_table_has_a_row_per_setting_with_mean_and_deviation_over_seeds(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    sweep = ["sweep", write(tmp_path, ROWS), "--plugin", str(plugin), "--floors", "--seeds", "0,1"]
    done = facebench(*sweep)
    assert "Temperatures, real data" in done.stdout
    records = [json.loads(p.read_text()) for p in tmp_path.glob("results/runs/tiny/*.json")]
    sharp = [
        100 * r["scores"]["honest"]["accuracy"]
        for r in records
        if r["spec"]["method_options"].get("temperature") == 0.05
    ]
    mean, spread = sum(sharp) / 2, abs(sharp[0] - sharp[1]) / 2**0.5
    rows = {line[:20].strip(): line for line in done.stdout.splitlines()}
    assert f"{mean:.2f} ± {spread:.2f} (2)" in rows["sharp"]
    assert rows["sharp"].split()[-1] == "71.06"
    assert rows["soft"].split()[-1] == "–"
    assert any(name.startswith("Untrained backbone") for name in rows)

    again = facebench(*sweep)
    assert again.stdout == done.stdout
    assert (
        "10 runs, 10 on disk: found, nothing to do" in again.stderr
    )  # a floor for each of the two poolings

    paths = [*tmp_path.glob("results/runs/tiny/*.json")]
    for path in paths:
        path.write_text(path.read_text().replace('"title": "SimCLR"', '"title": "edited"'))
    forced = facebench(*sweep, "--force")
    assert "10 runs, 0 on disk" in forced.stderr
    assert forced.stdout == done.stdout
    assert not any("edited" in path.read_text() for path in paths)


def test_a_dry_run_shows_stages_and_makes_none(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    sweep = ["sweep", write(tmp_path, ROWS), "--plugin", str(plugin)]
    shown = facebench(*sweep, "--dry-run").stdout
    assert "3 runs" in shown
    rows = {line[:16].strip(): line.split() for line in shown.splitlines()}
    assert rows["pretrainings"][1:] == ["3", "2", "0", "2", "1"]
    assert rows["extractions"][1:] == ["3", "3", "0", "3", "0"]
    assert rows["evaluations"][1:] == ["3", "3", "0", "3", "0"]
    assert shown.count("shared") == 2  # a heading, and the second run of one checkpoint
    assert not (tmp_path / "cache/checkpoints").exists()
    assert not (tmp_path / "cache/features").exists()
    assert not (tmp_path / "results").exists()

    facebench("run", "--method", "simclr", "--task", "tiny", "--backbone", "tinynet",
              "--pretrain-data", "tiny", "--plugin", str(plugin), "--device", "cpu",
              "--precision", "32", "--no-floors", "--set", "pretrain.epochs=2", "--set",
              "pretrain.batch_size=24", "--set", "pretrain.image_size=32", "--set",
              "probe.epochs=5", "--set", "probe.resamples=100", "--set",
              "simclr.temperature=0.5")  # fmt: skip
    rows = {
        line[:16].strip(): line.split()
        for line in facebench(*sweep, "--dry-run").stdout.splitlines()
    }
    assert rows["pretrainings"][1:] == ["3", "2", "1", "1", "1"]
    assert rows["evaluations"][1:] == ["3", "3", "1", "2", "0"]


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("rows: [{name: a, method: simcrl}]", [], "unknown method 'simcrl'. Did you mean 'simclr'"),
        ("rows: [{name: a, method: simclr, set: {simclr.temprature: 1}}]", [],
         "sweep.yaml, rows[0].set, simclr.temprature"),
        ("method: simclr\ngrid: {simclr.temperature: [warm]}", [], "expected a number"),
        ("method: simclr\ngrid: {backbone: [tinynt]}", [], "Did you mean 'tinynet'"),
        ("grid: {pretrain.epochs: [1]}", [], "no method given"),
        ("method: simclr", ["--jobs", "0"], "--jobs is 0"),
        ("method: simclr", ["--set", "simclr=1"], "expected GROUP.KEY=VALUE"),
        ("method: simclr\ngrid: {pretrain.lr: [1]}", ["--set", "pretrain.lr=2"],
         "is what this sweep varies"),
    ],
)  # fmt: skip
def test_misuse_is_one_line_and_status_2(
    facebench: Facebench, plugin: Path, tmp_path: Path, text: str, arguments: list[str],
    message: str,
) -> None:  # fmt: skip
    done = facebench("sweep", write(tmp_path, text), "--plugin", str(plugin), *arguments, status=2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()


def test_ablate_lists_what_there_is_and_runs_one(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    listed = facebench("ablate").stdout
    for name, words in (("table5", "SimCLR, + L_dis"), ("negatives", "M, the pose")):
        (line,) = [line for line in listed.splitlines() if line.strip().startswith(name)]
        assert words in line
    assert "Did you mean 'table5'" in facebench("ablate", "tabel5", status=2).stderr

    tiny = ["--task", "tiny", "--backbone", "tinynet", "--pretrain-data", "tiny", "--device", "cpu",
            "--precision", "32", "--no-floors", "--plugin", str(plugin), "--set",
            "pretrain.epochs=1", "--set", "pretrain.batch_size=48", "--set",
            "pretrain.image_size=32", "--set", "probe.epochs=2"]  # fmt: skip
    shown = facebench("ablate", "table7", *tiny).stdout
    records = [json.loads(p.read_text()) for p in tmp_path.glob("results/runs/tiny/*.json")]
    assert {r["spec"]["extract"]["feature"] for r in records} == {"f_s", "f_f", "f_p", "f_f+f_p"}
    assert len({r["stages"]["checkpoint"] for r in records}) == 1
    for name in ("F_f", "F_p", "F_s", "F_f + F_p"):
        assert any(line.strip().startswith(f"{name} ") for line in shown.splitlines())
