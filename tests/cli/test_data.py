"""``facebench data`` and ``facebench run --dedup-test``, from the command line."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import Facebench
from facebench.api.words import arguments_of
from facebench.request.arguments import open_workspace

FAST = [
    "--backbone", "tinynet", "--pretrain-data", "tiny", "--set", "probe.epochs=3", "--device",
    "cpu", "--precision", "32", "--no-floors", "--method", "random", "--task", "tiny",
]  # fmt: skip


@pytest.fixture
def leaky(data: Path, tmp_path: Path) -> Path:
    """Return a data folder whose test split holds five training images, one with another label."""
    root = tmp_path / "leaky"
    shutil.copytree(data / "tiny", root / "tiny")
    for n in range(4):
        shutil.copy(root / f"tiny/train/{n % 3}_{n}.png", root / f"tiny/test/{n % 3}_{n}.png")
    shutil.copy(root / "tiny/train/1_4.png", root / "tiny/test/2_5.png")
    return root


def result(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("results/runs/*/*.json")
    record: dict[str, Any] = json.loads(path.read_text())
    return record


def test_list_says_what_is_there(facebench: Facebench, plugin: Path, leaky: Path) -> None:
    shown = facebench("data", "list", "--plugin", str(plugin)).stdout
    (tiny,) = [line for line in shown.splitlines() if line.strip().startswith("tiny")]
    assert tiny.split() == ["tiny", "tiny", "real", "complete", "96", "train,", "48", "test"]
    (lfw,) = [line for line in shown.splitlines() if line.strip().startswith("lfw")]
    assert "absent" in lfw
    assert "voxceleb" in shown


def test_info_tells_how_to_get_it(facebench: Facebench, plugin: Path) -> None:
    shown = facebench("data", "info", "tiny", "--plugin", str(plugin)).stdout
    for text in ("Written by the tests.", "train/0_1.png", "96 train, 48 test", "version 1",
                 "32 x 32 px (PCL section 4.1)", "classification"):  # fmt: skip
        assert text in shown
    assert "withdrawn" in facebench("data", "info", "voxceleb").stdout
    assert "Did you mean 'rafdb'" in facebench("data", "info", "rafbd", status=2).stderr


def test_check_passes_and_fails_by_exit_status(
    facebench: Facebench, plugin: Path, leaky: Path, tmp_path: Path
) -> None:
    check = ["data", "check", "tiny", "--plugin", str(plugin)]
    assert "real data: passes" in facebench(*check).stdout
    report = tmp_path / "report.json"
    shown = facebench(*check, "--data", str(leaky), "--json", str(report)).stdout
    assert "5 of 48 test images have a pixel-identical training image (10.4%)" in shown
    assert "1 of 5 duplicates have another label in training" in shown
    stored = json.loads(report.read_text())
    assert (stored["format"], stored["passed"], stored["leaks"]["exact"]) == (1, True, 5)
    (leaky / "tiny/test/0_6.png").unlink()
    failed = facebench(*check, "--data", str(leaky), "--json", str(report), status=1)
    assert "47 test images; expected 48" in failed.stdout
    assert "does NOT pass" in failed.stdout
    assert json.loads(report.read_text())["passed"] is False


def test_check_needs_data(facebench: Facebench, plugin: Path, tmp_path: Path) -> None:
    check = ["data", "check", "tiny", "--plugin", str(plugin), "--data"]
    (tmp_path / "Tiny_dataset").mkdir()
    failed = facebench(*check, str(tmp_path), status=2).stderr
    assert "found none of the folders tiny below" in failed
    assert "nearest in name: Tiny_dataset" in failed
    assert "does not exist" in facebench(*check, str(tmp_path / "no"), status=2).stderr


def test_get_says_how_to_get_what_it_cannot(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    failed = facebench("data", "get", "tiny", "--plugin", str(plugin), "--out", str(out), status=2)
    assert "cannot be downloaded by a program" in failed.stderr
    assert "Written by the tests." in failed.stderr
    assert not out.exists()
    failed = facebench("data", "get", "voxceleb", "--out", str(out), status=2)
    assert "official download was withdrawn" in failed.stderr


def test_synth_writes_a_marked_stand_in(facebench: Facebench, plugin: Path, tmp_path: Path) -> None:
    synth = ["data", "synth", "rafdb", "--scale", "0.02", "--out"]
    assert "SYNTHETIC" in facebench(*synth, str(tmp_path / "a/rafdb")).stdout
    facebench(*synth, str(tmp_path / "b/rafdb"))
    files = [sorted((tmp_path / side).rglob("*.*")) for side in "ab"]
    assert [file.read_bytes() for file in files[0]] == [file.read_bytes() for file in files[1]]
    assert json.loads((tmp_path / "a/rafdb/synthetic.json").read_text())["task"] == "rafdb"
    shown = facebench("data", "check", "rafdb", "--data", str(tmp_path / "a")).stdout
    assert "SYNTHETIC faces: passes" in shown
    taken = facebench(*synth, str(tmp_path / "a/rafdb"), status=2)
    assert "exists; expected a new folder" in taken.stderr
    assert (
        "--scale is 0.0"
        in facebench(
            "data", "synth", "rafdb", "--scale", "0", "--out", str(tmp_path / "c"), status=2
        ).stderr
    )
    refused = facebench("data", "synth", "tiny", "--plugin", str(plugin), "--out",
                        str(tmp_path / "c"), status=2)  # fmt: skip
    assert "no synthetic stand-in" in refused.stderr
    assert not (tmp_path / "c").exists()


def test_every_result_says_what_leaks(
    facebench: Facebench, plugin: Path, leaky: Path, tmp_path: Path
) -> None:
    shown = facebench("run", *FAST, "--plugin", str(plugin), "--data", str(leaky)).stdout
    sentence = "5 of 48 test images have a pixel-identical training image (10.4%)"
    assert sentence in shown
    record = result(tmp_path)
    assert (record["task"]["leaks"]["exact"], record["task"]["leaks"]["tested"]) == (5, 48)
    assert record["task"]["warnings"] == [sentence]
    assert "without_leaks" not in record["scores"]
    assert record["pretrain"]["data"] is None


def test_dedup_test_prints_both(
    facebench: Facebench, plugin: Path, leaky: Path, tmp_path: Path
) -> None:
    run = ["run", *FAST, "--plugin", str(plugin), "--data", str(leaky)]
    shown = facebench(*run, "--dedup-test").stdout
    assert "without 5 images (exact)" in shown
    record = result(tmp_path)
    assert record["spec"]["dedup_test"] is True
    level = record["scores"]["without_leaks"]["exact"]
    assert level["removed"] == 5
    (path,) = tmp_path.glob("results/runs/*/*.json")
    assert "5 exact and 0 near duplicates" in facebench("show", str(path)).stdout

    import pandas as pd

    predictions = pd.read_parquet(path.with_suffix(".parquet"))
    twins = [f"test/{n % 3}_{n}.png" for n in range(4)] + ["test/2_5.png"]
    kept = predictions[~predictions["path"].isin(twins)]
    assert len(kept) == 43
    for kind in ("honest", "paper"):
        right = (kept[kind] == kept["label"]).mean()
        assert level[kind]["accuracy"] == pytest.approx(right)
        low, high = level[kind]["intervals"]["accuracy"]
        assert low <= right <= high


def test_dedup_test_is_another_result_and_a_key_of_the_configuration(
    facebench: Facebench, plugin: Path, leaky: Path, tmp_path: Path
) -> None:
    run = ["run", *FAST, "--plugin", str(plugin), "--data", str(leaky)]
    facebench(*run)
    config = tmp_path / "run.yaml"
    config.write_text("dedup_test: true\n")
    facebench(*run, "--config", str(config))
    paths = list(tmp_path.glob("results/runs/*/*.json"))
    found = [json.loads(path.read_text()) for path in paths]
    assert sorted(record["spec"]["dedup_test"] for record in found) == [False, True]
    assert len({record["stages"]["features"] for record in found}) == 1


def test_a_dry_run_scans_nothing(
    facebench: Facebench, plugin: Path, leaky: Path, tmp_path: Path
) -> None:
    facebench("run", *FAST, "--plugin", str(plugin), "--data", str(leaky), "--dry-run",
              "--dedup-test")  # fmt: skip
    assert not (tmp_path / "cache/scans").exists()
    assert not (tmp_path / "cache/leaks").exists()


def test_listing_datasets_imports_no_torch(tmp_path: Path, data: Path) -> None:
    code = (
        "import sys\nfrom facebench.cli import app\n"
        "app(['data', 'list'], standalone_mode=False)\n"
        "assert 'torch' not in sys.modules\n"
    )
    environment = os.environ | {"FACEBENCH_DATA": str(data)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_rendered_faces_are_asked_for_where_a_data_folder_is_given(
    facebench: Facebench, tmp_path: Path
) -> None:
    """The same words in the command, a configuration file and Python; nothing else is run first."""
    (tmp_path / "FER2013_dataset").mkdir()
    run = ["run", "--method", "simclr", "--task", "fer2013", "--data", str(tmp_path), "--dry-run"]
    for more in ([], ["--synthetic", "allways"]):
        assert not (tmp_path / "cache").exists()
        failed = facebench(*run, *more, status=2).stderr
        assert ("FER2013_dataset" in failed) == (not more)
    assert "expected one of missing, always" in failed
    config = tmp_path / "run.yaml"
    config.write_text(f"method: random\ntask: fer2013\ndata: {tmp_path}\nsynthetic: missing\n")
    top = arguments_of({"config": config}, "run").merged()[0]
    assert top["synthetic"] == "missing"
    workspace = open_workspace(top, arguments_of({}, "run"))
    assert workspace.synthetic == "missing"
