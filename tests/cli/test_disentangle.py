"""``facebench disentangle`` on a handful of small faces and a two-layer backbone."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from conftest import Facebench
from facebench.disentangle.factor_scores import score_factors, scores_record
from facebench.synth import factor_faces
from facebench.synth.factor_faces import FACTORS

TINY = ["disentangle", "--device", "cpu", "--precision", "32", "--backbone", "tinynet"]


@pytest.fixture(autouse=True)
def _few_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PEOPLE", 8), ("IMAGES", 8), ("SIDE", 32)):
        monkeypatch.setattr(factor_faces, name, value)


def numbers(path: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(path.read_text())
    return {key: record[key] for key in ("faces", "settings", "methods", "rows")}


def test_a_report_is_printed_written_and_drawn(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    command = [*TINY, "--method", "random", "--plugin", str(plugin)]
    shown = facebench(*command, "--out", "a.json", "--heatmap", "a.png").stdout
    for text in ("64 SYNTHETIC faces of 8 persons", "Untrained", "baseline", "identity"):
        assert text in shown
    record = json.loads((tmp_path / "a.json").read_text())
    assert (record["format"], record["kind"]) == (1, "disentanglement")
    assert [(row["method"], row["feature"]) for row in record["rows"]] == [("random", "f_s")]
    assert set(record["rows"][0]["scores"]["factors"]) == set(FACTORS)

    # The numbers are those of the stored predictions, and nothing else.
    stored = pd.read_parquet(tmp_path / "a.parquet")
    assert len(stored) == 64
    assert scores_record(score_factors(stored)) == record["rows"][0]["scores"]

    facebench("figure", "disentanglement", "a.json", "--out", "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.nightly
def test_a_report_is_the_same_again(facebench: Facebench, plugin: Path, tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        facebench(*TINY, "--method", "random", "--plugin", str(plugin), "--out", name)
    assert numbers(tmp_path / "a.json") == numbers(tmp_path / "b.json")
    assert len(list((tmp_path / "cache/synthetic").glob("factor_faces-*"))) == 1


@pytest.mark.nightly
def test_every_feature_of_a_checkpoint_stands_beside_the_floor(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    facebench("run", "--method", "pcl", "--task", "tiny", "--backbone", "tinynet", "--plugin",
              str(plugin), "--pretrain-data", "tiny", "--set", "pretrain.epochs=1", "--set",
              "pretrain.batch_size=24", "--set", "pretrain.limit=24", "--set",
              "pcl.pdd_images=2", "--set", "pcl.pose_images=2", "--set",
              "pretrain.image_size=32", "--set", "probe.epochs=1",
              "--device", "cpu", "--precision", "32", "--no-floors")  # fmt: skip
    (checkpoint,) = [path.parent for path in tmp_path.glob("cache/checkpoints/*/checkpoint.json")]
    facebench(*TINY, "--method", "pcl", "--checkpoint", str(checkpoint), "--plugin", str(plugin),
              "--out", "a.json")  # fmt: skip
    record = numbers(tmp_path / "a.json")
    assert record["methods"]["pcl"]["checkpoint"] == checkpoint.name
    assert [(row["method"], row["feature"]) for row in record["rows"]] == [
        *(("pcl", name) for name in ("f_s", "f_f", "f_p", "f_f+f_p")), ("random", "f_s")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no method given"),
        (["--method", "plc"], "Did you mean 'pcl'"),
        (["--method", "random", "--out", "a.txt"], "ends in .json"),
        (["--method", "random", "--heatmap", "a.jpg"], ".png or .svg"),
        (["--method", "pcl", "--set", "pcl.temprature=1"], "Did you mean 'pcl.temperature'"),
        (["--method", "pcl", "--checkpoint", "absent"], "no such file or folder"),
    ],
)
def test_misuse_is_one_line_and_status_2(
    facebench: Facebench, plugin: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = facebench(*TINY, "--plugin", str(plugin), *arguments, status=2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "cache/synthetic").exists()


def test_another_kind_of_file_is_no_report(facebench: Facebench, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"format": 1}')
    done = facebench("figure", "disentanglement", "a.json", status=2)
    assert "no disentanglement report" in done.stderr
