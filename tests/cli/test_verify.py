"""A stored result runs again to the same numbers, or it is said what differs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from whole_results import reseal

from conftest import Facebench

SMALL = (
    "--task", "tiny", "--backbone", "tinynet", "--set", "probe.epochs=3",
    "--set", "probe.resamples=100", "--set", "pretrain.epochs=1",
    "--set", "pretrain.batch_size=32", "--no-floors",
)  # fmt: skip


def run(facebench: Facebench, plugin: Path, *more: str) -> Path:
    facebench("run", *SMALL, "--plugin", str(plugin), *more)
    (path,) = Path("results/runs/tiny").glob("*.json")
    return path


def test_a_learned_result_reproduces_from_its_checkpoint_alone(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    path = run(facebench, plugin, "--method", "simclr", "--pretrain-data", "tiny", "--dedup-test")
    before = sorted(p for p in (tmp_path / "cache").rglob("*") if p.is_dir())
    done = facebench("verify", str(path), "--plugin", str(plugin))
    assert "reproduced exactly" in done.stdout
    assert "48 of 48 are the same" in done.stdout
    assert sorted(p for p in (tmp_path / "cache").rglob("*") if p.is_dir()) == before

    key = json.loads(path.read_text())["stages"]["checkpoint"]
    kept = Path(shutil.move(tmp_path / "cache" / "checkpoints" / key, tmp_path / "kept"))
    gone = facebench("verify", str(path), "--plugin", str(plugin), status=2)
    assert "its checkpoint is gone" in gone.stderr
    given = facebench("verify", str(path), "--plugin", str(plugin), "--checkpoint", str(kept))
    assert "reproduced exactly" in given.stdout


def test_other_scores_and_other_weights_are_said(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    path = run(facebench, plugin, "--method", "random")
    record = json.loads(path.read_text())
    record["scores"]["honest"]["accuracy"] -= 0.25  # still a share
    path.write_text(json.dumps(record))
    reseal(path)
    wrong = facebench("verify", str(path), "--plugin", str(plugin), status=1)
    assert "scores.honest.accuracy" in wrong.stdout
    assert "largest difference 0.25 (scores.honest.accuracy)" in wrong.stdout
    assert "NOT reproduced" in wrong.stdout
    near = facebench("verify", str(path), "--plugin", str(plugin), "--tolerance", "0.3")
    assert "reproduced within 0.3" in near.stdout
    # Nothing was learned: without a checkpoint the seed makes the weights again.
    shutil.rmtree(tmp_path / "cache" / "checkpoints")
    facebench("verify", str(path), "--plugin", str(plugin), "--tolerance", "0.3")
    record["stages"]["weights_digest"] = "0" * 64
    path.write_text(json.dumps(record))
    reseal(path)
    other = facebench("verify", str(path), "--plugin", str(plugin), "--tolerance", "0.3", status=1)
    assert "expected 0000000000000000" in other.stdout


def test_another_dataset_is_said_and_nothing_is_run(
    facebench: Facebench, plugin: Path, tmp_path: Path, data: Path
) -> None:
    path = run(facebench, plugin, "--method", "random")
    changed = Path(shutil.copytree(data, tmp_path / "changed"))
    Image.new("RGB", (32, 32)).save(next((changed / "tiny" / "test").glob("*.png")))
    done = facebench("verify", str(path), "--plugin", str(plugin), "--data", str(changed), status=1)
    assert "the dataset is another one, so nothing was run" in done.stdout
    assert "scores" not in done.stdout


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("method_options", {"old": 1}, "unknown option 'random.old'"),
        ("probe", {}, "not a whole result: 'spec.probe.batch_size': found nothing"),
    ],
)
def test_a_spec_of_another_version_is_refused(
    facebench: Facebench, plugin: Path, place: str, value: object, message: str
) -> None:
    path = run(facebench, plugin, "--method", "random")
    record = json.loads(path.read_text())
    record["spec"][place] = value
    path.write_text(json.dumps(record))
    reseal(path)
    done = facebench("verify", str(path), "--plugin", str(plugin), status=2)
    assert message in done.stderr


def test_a_tolerance_below_zero_is_refused(facebench: Facebench, plugin: Path) -> None:
    path = run(facebench, plugin, "--method", "random")
    done = facebench("verify", str(path), "--plugin", str(plugin), "--tolerance", "-1", status=2)
    assert "--tolerance is -1" in done.stderr


def test_features_are_drawn_from_the_cache_and_coloured_by_class(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    path = run(facebench, plugin, "--method", "random")
    call = ("figure", "features", str(path), "--plugin", str(plugin), "--projection", "pca")
    for name in ("a.png", "b.png"):
        facebench(*call, "--out", name)
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    done = facebench(*call, "--by", "colour", status=2)
    assert "unknown column 'colour'" in done.stderr
    shutil.rmtree(tmp_path / "cache" / "features")
    done = facebench(*call, status=2)
    assert "its features are not in the cache" in done.stderr
