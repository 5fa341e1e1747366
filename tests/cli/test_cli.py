"""The command line, end to end on a tiny task, and every way to misuse it."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from conftest import Facebench

FAST = [
    "--backbone", "tinynet", "--pretrain-data", "tiny", "--set", "pretrain.epochs=2", "--set",
    "pretrain.batch_size=24", "--set", "pretrain.image_size=32", "--set", "probe.epochs=5",
    "--device", "cpu", "--precision", "32", "--no-floors",
]  # fmt: skip


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("results/runs/*/*.json"))]


def folders(cache: Path, stage: str) -> set[str]:
    return {path.name for path in (cache / stage).iterdir() if path.is_dir()}


@pytest.mark.wheel
def test_a_run_writes_results_that_can_be_computed_again(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    done = facebench("run", "--method", "random,simclr", "--task", "tiny", "--plugin", str(plugin),
                     "--seeds", "0,1", *FAST)  # fmt: skip
    assert "Untrained backbone" in done.stdout
    assert "SYNTHETIC" not in done.stdout
    assert not done.stderr.count("\x1b")
    found = records(tmp_path)
    assert len(found) == 4
    lines = done.stderr.splitlines()
    assert [line[:5] for line in lines if line.startswith("[")] == [f"[{n}/4]" for n in range(1, 5)]
    assert sum("validated" in line and "test-selected" in line for line in lines) == 4
    paths = sorted(
        str(path.relative_to(tmp_path)) for path in tmp_path.glob("results/runs/*/*.json")
    )
    assert sorted(line.strip() for line in done.stdout.splitlines() if ".json" in line) == paths
    assert "  facebench leaderboard --results results/runs" in lines
    assert {(r["spec"]["method"], r["spec"]["seed"]) for r in found} == {
        ("random", 0), ("random", 1), ("simclr", 0), ("simclr", 1)
    }  # fmt: skip
    for record, path in zip(found, sorted(tmp_path.glob("results/runs/*/*.parquet")), strict=True):
        predictions = pd.read_parquet(path)
        assert record["n_test"] == record["n_scored"] == len(predictions) == 48
        for kind in ("honest", "paper"):
            right = (predictions[kind] == predictions["label"]).mean()
            assert record["scores"][kind]["accuracy"] == pytest.approx(right)
            low, high = record["scores"][kind]["intervals"]["accuracy"]
            assert low <= right <= high
        paper = record["scores"]["paper"]
        assert paper["accuracy"] == max(paper["test_accuracy_by_epoch"])


def test_the_floor_is_judged_beside_every_method_unless_it_is_not_wanted(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    run = ["run", "--method", "simclr", "--task", "tiny", "--plugin", str(plugin), *FAST[:-1]]
    shown = facebench(*run).stdout
    assert "Untrained backbone" in shown
    assert "majority class" in shown
    assert [r["spec"]["method"] for r in records(tmp_path)] == ["random", "simclr"]
    dry = facebench(*run, "--dry-run", "--no-floors").stdout
    assert "random on tiny" not in dry


def test_all_methods_are_those_that_need_no_download(
    facebench: Facebench, plugin: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = ["run", "--method", "all", "--task", "tiny", "--plugin", str(plugin), *FAST]
    shown = facebench(*run, "--dry-run").stdout
    assert "left out of 'all', since they learn from frames of videos: datta, fabnet" in caplog.text
    assert "left out of 'all', since they learn from known persons: arcface, cosface" in caplog.text
    assert "left out: 'mae' hides patches of a vision transformer" in caplog.text
    for name in ("fabnet", "arcface", "mae"):
        assert f"\n{name} on tiny" not in shown
    for name in ("facecycle", "hog", "lbp", "moco", "pcl", "random", "simclr"):
        assert f"{name} on tiny" in shown
    assert "frozen on tiny" not in shown


def test_running_again_does_only_what_is_missing(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    run = ["run", "--method", "simclr", "--task", "tiny", "--plugin", str(plugin), *FAST]
    facebench(*run)
    cache = tmp_path / "cache"
    checkpoints, features = folders(cache, "checkpoints"), folders(cache, "features")
    (first,) = records(tmp_path)
    facebench(*run)
    (again,) = records(tmp_path)
    assert again == first

    facebench(*run, "--set", "probe.paper_lr=0.1")
    assert (folders(cache, "checkpoints"), folders(cache, "features")) == (checkpoints, features)
    assert len(records(tmp_path)) == 2

    facebench(*run, "--set", "simclr.temperature=0.5")
    assert len(folders(cache, "checkpoints")) == len(checkpoints) + 1
    assert len(folders(cache, "features")) == len(features) + 1
    assert not [path for path in cache.rglob("*") if path.name.endswith((".partial", ".tmp"))]


def test_force_judges_again(facebench: Facebench, plugin: Path, tmp_path: Path) -> None:
    run = ["run", "--method", "random", "--task", "tiny", "--plugin", str(plugin), *FAST]
    facebench(*run)
    (path,) = tmp_path.glob("results/runs/*/*.json")
    (before,), written = records(tmp_path), path.stat().st_mtime_ns
    facebench(*run)
    assert path.stat().st_mtime_ns == written
    facebench(*run, "--force")
    (after,) = records(tmp_path)
    assert path.stat().st_mtime_ns > written
    assert after["scores"] == before["scores"]


def options_shown(text: str) -> dict[str, tuple[str, str]]:
    """Return value and origin of each option in what a dry run of one run prints."""
    lines = [line.split(maxsplit=2) for line in text.splitlines() if line.startswith("  ")]
    return {key: (value, origin) for key, value, origin in lines if "." in key}


def test_a_dry_run_shows_options_and_stages_and_makes_none(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    run = ["run", "--method", "pcl", "--task", "tiny", "--plugin", str(plugin), *FAST]
    shown = facebench(*run, "--dry-run", "--set", "pcl.negatives=5").stdout
    options = options_shown(shown)
    assert options["pcl.negatives"] == ("5", "--set pcl.negatives=5")
    assert options["pretrain.data"] == ("tiny", "--pretrain-data")
    assert options["pretrain.lr"] == ("0.001", "preset quick")
    assert options["extract.image_size"] == ("32", "task")
    assert options["probe.holdout"] == ("0.1", "default")
    assert "pcl (tinynet, preset quick, precision 32)\n" in shown
    assert shown.count("to do") == 3
    assert "{" not in shown
    assert not (tmp_path / "cache/checkpoints").exists()
    assert not (tmp_path / "results").exists()


def test_a_dry_run_breaks_and_shortens_no_value(facebench: Facebench, plugin: Path) -> None:
    run = ["run", "--method", "random", "--task", "tiny", "--plugin", str(plugin), *FAST]
    rates = ",".join(f"0.{n}1" for n in range(1000, 1064))  # wider than any terminal
    shown = facebench(*run, "--dry-run", "--set", f"probe.lrs={rates}").stdout
    value, origin = options_shown(shown)["probe.lrs"]
    assert value == rates
    assert origin.startswith("--set probe.lrs=0.10001,")  # where it is from may be shortened


def test_a_dry_run_shows_the_options_of_a_method_once_and_of_a_task_where_they_differ(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.py"
    text = plugin.read_text().replace('name="tiny"', 'name="other"')
    text = text.replace("image_size=32", "image_size=48").replace("class Tiny(", "class Other(")
    other.write_text(text[: text.index("class TinyNet")])
    run = ["run", "--method", "random,simclr", "--task", "tiny,other", "--seeds", "0,1", *FAST]
    shown = facebench(*run, "--dry-run", "--plugin", str(plugin), "--plugin", str(other)).stdout
    assert shown.count("simclr.temperature ") == 1
    assert shown.count("pretrain.epochs ") == 2  # one for each method
    assert shown.count("extract.image_size ") == 4  # one for each method and task
    for task, size in (("tiny", 32), ("other", 48)):
        for method in ("random", "simclr"):
            assert f"{method} on {task}\n  extract.image_size  {size}  task\n" in shown
            for seed in (0, 1):
                assert shown.count(f"{method} on {task}, seed {seed}\n") == 1


def test_flags_override_the_configuration_file(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(
        "method: pcl\ntask: tiny\nbackbone: tinynet\npretrain_data: tiny\nseeds: [4]\n"
        "floors: false\n"
        "pretrain: {epochs: 7, image_size: 32}\npcl: {temperature: 0.3}\n"
    )
    shown = facebench("run", "--config", "run.yaml", "--plugin", str(plugin), "--dry-run",
                      "--set", "pretrain.epochs=9").stdout  # fmt: skip
    options = options_shown(shown)
    assert options["pretrain.epochs"] == ("9", "--set pretrain.epochs=9")
    assert options["pretrain.data"] == ("tiny", "run.yaml, pretrain_data")
    assert options["pcl.temperature"] == ("0.3", "run.yaml, pcl.temperature")
    assert "pcl on tiny, seed 4\n" in shown


OFFICIAL, QUICK = "recipe official", "preset quick"


@pytest.mark.parametrize(
    ("preset", "budget"),
    [
        ("paper", {
            "sampling": ("identities", OFFICIAL), "epochs": ("6000", OFFICIAL),
            "batch_size": ("256", OFFICIAL), "image_size": ("64", OFFICIAL),
            "lr": ("0.0001", OFFICIAL), "schedule": ("cosine", OFFICIAL), "limit": ("0", "default"),
        }),
        ("quick", {
            "sampling": ("frames", QUICK), "epochs": ("4", QUICK), "batch_size": ("128", QUICK),
            "image_size": ("32", QUICK), "lr": ("0.001", QUICK), "schedule": ("onecycle", QUICK),
            "limit": ("2048", QUICK),
        }),
    ],
)  # fmt: skip
def test_the_official_recipe_sets_what_the_released_code_does_at_the_presets_expense(
    facebench: Facebench, plugin: Path, preset: str, budget: dict[str, tuple[str, str]]
) -> None:
    run = ["run", "--method", "pcl", "--task", "tiny", "--plugin", str(plugin), "--no-floors",
           "--backbone", "tinynet", "--pretrain-data", "tiny"]  # fmt: skip
    shown = facebench(*run, "--set", "pcl.recipe=official", "--preset", preset, "--dry-run").stdout
    options = options_shown(shown)
    assert {key: options[f"pretrain.{key}"] for key in budget} == budget
    assert options["pretrain.weight_decay"] == ("0.001", OFFICIAL)  # no preset says anything of it
    for key, value in {
        "temperature": "0.07", "negatives": "100", "sobel_p": "0.6", "crop": "quadrants",
        "negative_interpolation": "true", "pdd_noise": "0.4", "orth": "cross_correlation",
    }.items():  # fmt: skip
        assert options[f"pcl.{key}"] == (value, OFFICIAL)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "simcrl", "--task", "tiny"],
         "unknown method 'simcrl'. Did you mean 'simclr'"),
        (["--method", "simclr", "--task", "tny"], "unknown task 'tny'. Did you mean 'tiny'"),
        (["--task", "tiny"], "no method given"),
        (["--method", "simclr", "--task", "tiny", "--set", "simclr.temprature=1"],
         "Did you mean 'simclr.temperature'"),
        (["--method", "simclr", "--task", "tiny", "--set", "simclr.temperature=warm"],
         "simclr.temperature is 'warm'; expected a number"),
        (["--method", "simclr", "--task", "tiny", "--set", "simclr.temperature=-1"],
         "temperature is -1.0"),
        (["--method", "simclr", "--task", "tiny", "--set", "pcl.temperature=1"],
         "option group 'pcl'"),
        (["--method", "pcl", "--task", "tiny", "--set", "pcl.recipe=offical"],
         "Did you mean 'official'"),
        (["--method", "simclr", "--task", "tiny", "--preset", "fast"], "unknown preset 'fast'"),
        (["--method", "simclr", "--task", "tiny", "--device", "gpu"], "--device gpu"),
        (["--method", "simclr", "--task", "tiny", "--precision", "8"], "--precision 8"),
        (["--method", "simclr", "--task", "tiny", "--backbone", "timm"], "write 'timm:NAME'"),
        (["--method", "simclr", "--task", "tiny", "--seeds", "a"], "expected a comma-separated"),
        (["--method", "simclr", "--task", "tiny", "--data", "/nowhere"], "/nowhere"),
        (["--method", "simclr", "--task", "tiny", "--pretrain-data", "/nowhere"], "/nowhere"),
        (["--method", "simclr", "--task", "tiny", "--config", "absent.yaml"], "no such file"),
        (["--method", "random", "--task", "tiny", "--set", "extract.feature=f_p"],
         "unknown feature of random 'f_p'"),
        (["--method", "simclr", "--task", "tiny", "--pretrain-data", "tiny", "--set",
          "pretrain.batch_size=500"], "takes 500 images per step and has 96"),
        (["--method", "fabnet", "--task", "tiny", "--pretrain-data", "tiny"],
         "fabnet learns from 2 or more frames of a video; tiny has single images"),
    ],
)  # fmt: skip
def test_misuse_is_one_line_and_status_2(
    facebench: Facebench, plugin: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = facebench("run", *arguments, "--plugin", str(plugin), status=2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("results/**/*.json"))


def test_show_reads_a_result_and_refuses_what_is_none(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    facebench("run", "--method", "random", "--task", "tiny", "--plugin", str(plugin), *FAST)
    (path,) = tmp_path.glob("results/runs/*/*.json")
    shown = facebench("show", str(path)).stdout
    assert "48 of 48 test items" in shown
    assert "validated macro_f1" in shown
    assert "no such file" in facebench("show", "absent.json", status=2).stderr
    path.write_text("{")
    assert "not JSON" in facebench("show", str(path), status=2).stderr
    path.write_text('{"format": 99}')
    assert "format 99" in facebench("show", str(path), status=2).stderr


def test_an_unreadable_image_is_named_or_skipped_and_counted(
    facebench: Facebench, plugin: Path, tmp_path: Path, data: Path
) -> None:
    import shutil

    shutil.copytree(data / "tiny", tmp_path / "broken/tiny")
    (tmp_path / "broken/tiny/test/0_0.png").write_bytes(b"")
    run = ["run", "--method", "random", "--task", "tiny", "--plugin", str(plugin), *FAST, "--data",
           str(tmp_path / "broken")]  # fmt: skip
    assert "0_0.png" in facebench(*run, status=2).stderr
    facebench(*run, "--skip-broken")
    (record,) = records(tmp_path)
    assert (record["n_test"], record["n_scored"], record["broken_images"]) == (48, 47, 1)


def test_check_runs_the_contract_on_a_file(facebench: Facebench, plugin: Path) -> None:
    assert "ok: maps images" in facebench("check", "tinynet", "--plugin", str(plugin)).stdout
    failed = facebench("check", "tinnyet", "--plugin", str(plugin), status=2)
    assert "Did you mean 'tinynet'" in failed.stderr


def test_a_task_without_data_and_without_stand_in_says_how_to_get_it(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    done = facebench("run", "--method", "random", "--task", "tiny", "--plugin", str(plugin),
                     "--data", str(tmp_path / "empty"), status=2)  # fmt: skip
    assert "no synthetic stand-in" in done.stderr
    assert "Written by the tests." in done.stderr


def test_an_edited_plugin_file_or_more_devices_name_other_checkpoints(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    edited = tmp_path / "edited.py"
    edited.write_text(plugin.read_text() + "# edited\n")
    run = ["run", "--method", "simclr", "--task", "tiny", *FAST, "--dry-run", "--plugin"]
    keys = []
    for arguments in (
        [*run, str(plugin)],
        [*run, str(edited)],
        [*run, str(plugin), "--devices", "2"],
    ):
        (line,) = [x for x in facebench(*arguments).stdout.splitlines() if "  pretrain  " in x]
        keys.append(line.split()[1])
    assert len(set(keys)) == 3
