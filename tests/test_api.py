"""``import facebench``: what Python can do, and that it is what the commands do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import facebench as fb
from conftest import Facebench
from facebench.errors import SpecError, StageError, UnknownNameError
from facebench.progress import Silent

SETTINGS = {
    "pretrain.epochs": 2, "pretrain.batch_size": 24, "pretrain.image_size": 32, "probe.epochs": 5,
}  # fmt: skip
METHODS = ("simclr", "lbp")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="module")
def words(folder: Path, data: Path, plugin: Path) -> dict[str, Any]:
    """Return the words that all runs of these tests share."""
    return {
        "task": "tiny", "backbone": "tinynet", "pretrain_data": "tiny", "settings": SETTINGS,
        "device": "cpu", "precision": "32", "baselines": False, "data": data, "plugins": [plugin],
        "cache": folder / "cache", "results": folder / "results", "progress": Silent(),
    }  # fmt: skip


@pytest.fixture(scope="module")
def results(words: dict[str, Any]) -> fb.Results:
    return fb.run(**words, method=METHODS, seeds=[0])


@pytest.fixture(scope="module")
def places(words: dict[str, Any]) -> dict[str, Any]:
    return {name: words[name] for name in ("data", "cache", "plugins")}


def flags(words: dict[str, Any]) -> list[str]:
    """Return the words as the command line has them."""
    options = [f"--set={key}={value}" for key, value in words["settings"].items()]
    same = ("task", "backbone", "pretrain_data", "device", "precision", "data", "cache", "results")
    given = [f"--{name.replace('_', '-')}={words[name]}" for name in same]
    return [*given, *options, "--no-baselines", f"--plugin={words['plugins'][0]}"]


def files(folder: Path) -> dict[str, int]:
    """Return when each file was written, but for locks and the index of what was hashed."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(p): p.stat().st_mtime_ns for p in found if p.parent.name != "digests"}


def test_baselines_have_an_older_name(words: dict[str, Any], folder: Path) -> None:
    config = folder / "baselines.yaml"
    config.write_text("floors: true\n")
    rest = {name: value for name, value in words.items() if name != "baselines"} | {"method": "lbp"}
    kept: list[dict[str, Any]] = [{}, {"baselines": True}, {"floors": True}, {"config": config}]
    left: list[dict[str, Any]] = [
        {"baselines": False}, {"floors": False}, {"config": config, "baselines": False},
    ]  # fmt: skip
    runs = [[run.spec.method for run in fb.dry_run(**rest, **said)] for said in kept + left]
    assert runs == [["lbp", "random"]] * 4 + [["lbp"]] * 3
    with pytest.raises(SpecError, match=r"dry_run\(\): found baselines 'True' and floors 'False'"):
        fb.dry_run(**rest, baselines=True, floors=False)
    with pytest.raises(SpecError, match=r"evaluate\(\): found baselines 'False' and floors 'True'"):
        fb.evaluate(torch.nn.Identity(), "tiny", baselines=False, floors=True)


# Runs ---------------------------------------------------------------------------------------------


def test_a_run_is_that_of_the_command(
    results: fb.Results, words: dict[str, Any], folder: Path, facebench: Facebench
) -> None:
    assert [result.spec.method for result in results] == list(METHODS)
    before = files(folder)
    facebench("run", "--method", ",".join(METHODS), *flags(words))
    assert files(folder) == before  # the command finds all of it on disk
    assert fb.run(**words, method=list(METHODS), seeds=0) == results


def test_a_dry_run_names_the_stages_and_says_where_options_come_from(
    results: fb.Results, words: dict[str, Any]
) -> None:
    simclr, _ = fb.dry_run(**words, method=",".join(METHODS))
    assert [step.done for step in simclr.steps] == [True, True, True]
    assert simclr.steps[-1].key == results[0].record.stages.result
    assert simclr.settings["pretrain.epochs"] == (2, "settings, pretrain.epochs")
    assert simclr.settings["pretrain.data"][0] == "tiny"
    (other,) = fb.dry_run(**words, method="simclr", seeds=7)
    assert not any(step.done for step in other.steps)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "simcrl"}, "unknown method 'simcrl'. Did you mean 'simclr'"),
        ({"method": "simclr", "task": ["tny"]}, "Did you mean 'tiny'"),
        ({"methd": "simclr"}, "unknown argument 'methd' in run(). Did you mean 'method'"),
        ({"method": "simclr", "settings": {"simclr.temprature": 1}},
         "in settings, simclr.temprature. Did you mean 'simclr.temperature'"),
        ({"method": "simclr", "settings": {"temperature": 1}}, "expected GROUP.KEY"),
        ({"method": "simclr", "settings": {"simclr.temperature": "warm"}}, "expected a number"),
        ({"method": "simclr", "preset": "fast"}, "unknown preset 'fast'"),
        ({"task": "tiny"}, "no method given"),
    ],
)  # fmt: skip
def test_a_mistake_is_an_error_of_facebench(
    words: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(fb.FacebenchError) as error:
        fb.run(**{**words, **changes})
    assert message in str(error.value)


def test_a_file_says_what_the_words_leave_open(words: dict[str, Any], tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text("method: lbp\nseeds: [3]\nprobe: {epochs: 7}\nskip_broken: true\n")
    rest = {name: value for name, value in words.items() if name != "settings"}
    (run,) = fb.dry_run(**rest, config=config)
    assert (run.spec.method, run.spec.seed, run.spec.skip_broken) == ("lbp", 3, True)
    assert run.settings["probe.epochs"] == (7, f"{config}, probe.epochs")
    (run,) = fb.dry_run(**rest, config=config, seeds=4, skip_broken=False)
    assert (run.spec.seed, run.spec.skip_broken) == (4, False)


def test_the_environment_says_where_data_and_stages_are(
    results: fb.Results, words: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEBENCH_DATA", str(words["data"]))
    monkeypatch.setenv("FACEBENCH_CACHE", str(words["cache"]))
    rest = {name: value for name, value in words.items() if name not in ("data", "cache")}
    assert fb.dry_run(**rest, method="simclr")[0].steps[-1].done


def test_a_sweep_runs_its_settings_and_shares_what_they_share(
    words: dict[str, Any], results: fb.Results, tmp_path: Path
) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text("method: simclr\ngrid: {simclr.temperature: [0.1, warm]}\n")
    with pytest.raises(SpecError, match="warm"):
        fb.run_sweep(file, **words)
    file.write_text("method: simclr\ngrid: {pretrain.batch_size: [24, 500]}\n")
    rest = {key: value for key, value in SETTINGS.items() if key != "pretrain.batch_size"}
    done = fb.run_sweep(file, **{**words, "settings": rest})
    assert list(done.results) == [results[0]]
    assert ["takes 500 images per step and has 96" in one.error for one in done.failures] == [True]
    assert len(done.tables()) == 1
    with pytest.raises(SpecError, match="takes no method"):
        fb.run_sweep(file, **words, method="pcl")
    with pytest.raises(UnknownNameError, match="Did you mean 'table5'"):
        fb.run_ablation("tabel5", **words)


# Results ------------------------------------------------------------------------------------------


def test_a_result_has_its_scores_and_what_they_come_from(results: fb.Results) -> None:
    first = results[0]
    right = (first.predictions["honest"] == first.predictions["label"]).mean()
    assert first.scores.honest.value("accuracy") == pytest.approx(right)
    assert first.interval == first.scores.honest.ends("accuracy")
    assert (first.spec.task, first.metric.name) == ("tiny", "accuracy")
    shown = f"{100 * right:.2f}"
    said = f"SimCLR f_s, seed 0, on Tiny: Accuracy (%) {shown} validated"
    assert repr(first).startswith(f"Result({said}")


def test_results_are_a_sequence_that_does_not_change(results: fb.Results) -> None:
    assert len(results) == 2
    assert isinstance(results[:1], fb.Results)
    assert results[:1] + results[1:] == results
    assert results[-1] in results
    assert repr(results).splitlines()[0] == "Results: 2"
    assert "LBP f_s, seed 0, on Tiny" in repr(results)
    with pytest.raises(TypeError):
        results[0] = results[1]  # type: ignore[index]


def test_a_frame_has_a_row_per_result(results: fb.Results) -> None:
    frame = results.to_frame()
    assert list(frame["method"]) == list(METHODS)
    for result, (_, row) in zip(results, frame.iterrows(), strict=True):
        assert row["validated"] == result.scores.honest.value("accuracy")
        assert (result.scores.validated, result.scores.test_selected) == (
            result.scores.honest, result.scores.paper,
        )  # fmt: skip
        assert row["test_selected"] == result.scores.paper.value("accuracy")
        assert (row["low"], row["high"]) == result.interval
        assert row["n_test"] == 48
        assert not row["synthetic"]
        assert row["path"] == str(result.path)
    assert list(fb.Results().to_frame()) == list(frame)
    assert {"validated", "test-selected"} == set(results.to_long_frame()["protocol"])


def test_a_folder_is_read_as_it_was_written(results: fb.Results, folder: Path) -> None:
    loaded = fb.load_results(folder / "results")
    assert len(loaded) >= 2
    assert all(result in loaded for result in results)
    assert list(fb.load_results(results[0].path)) == [results[0]]
    with pytest.raises(StageError, match="no such folder"):
        fb.load_results(folder / "absent")


@pytest.mark.parametrize("form", ["text", "md", "latex", "csv", "html", "json"])
def test_a_table_is_that_of_the_command(folder: Path, facebench: Facebench, form: str) -> None:
    there = fb.load_results(folder / "results")
    told = facebench("table", "1", "--results", str(folder / "results"), "--format", form)
    assert there.table(1, form) == told.stdout
    with pytest.raises(UnknownNameError, match="unknown table '9'"):
        there.table(9, form)


@pytest.mark.parametrize(("name", "form"), [("a.html", "html"), ("a.md", "md"), ("a.txt", "text")])
def test_a_leaderboard_is_that_of_the_command(
    results: fb.Results, folder: Path, tmp_path: Path, facebench: Facebench, name: str, form: str
) -> None:
    there = fb.load_results(folder / "results")
    file = there.leaderboard(tmp_path / name)
    facebench("leaderboard", "--results", str(folder / "results"), "--format", form, "--out", "b")
    assert file.read_bytes() == (tmp_path / "b").read_bytes()
    assert "LBP" in file.read_text(encoding="utf-8")
    with pytest.raises(UnknownNameError, match=r"Did you mean '\.html'"):
        there.leaderboard(tmp_path / "a.htlm")


def test_a_comparison_is_of_results_or_their_files(results: fb.Results) -> None:
    found = fb.compare(results[0], results[1])
    assert found.items == 48
    assert found == fb.compare(str(results[0].path), results[1].path)
    values = [result.scores.honest.value("accuracy") for result in results]
    assert [found.metrics[0].first, found.metrics[0].second] == pytest.approx(values)
    frame = found.to_frame()
    assert list(frame["kind"].unique()) == ["validated", "test-selected"]
    assert frame["difference"][0] == pytest.approx(values[0] - values[1])
    page = found._repr_html_()
    assert "48 test items" in page
    assert "validated Accuracy (%)" in page
    assert all(f"{100 * value:.2f}" in page for value in values)
    assert all(result.path.name in page for result in results)


# Features and weights -----------------------------------------------------------------------------


def test_features_are_those_that_a_result_was_judged_by(
    results: fb.Results, places: dict[str, Any], folder: Path
) -> None:
    before = files(folder / "cache")
    for result in results:
        kept = folder / "cache/features" / result.record.stages.features
        values, rows = fb.extract(result, **places)
        assert values.shape == (144, json.loads((kept / "features.json").read_text())["dim"])
        assert np.array_equal(values, np.load(kept / "features.npy"))
        assert list(rows["split"].value_counts().sort_index()) == [48, 96]
        assert list(rows["path"]) == sorted(rows["path"])
    again, _ = fb.extract(results[0].path, task="tiny", **places)
    assert np.array_equal(again, fb.extract(results[0], **places).values)
    assert files(folder / "cache") == before


def test_features_of_a_checkpoint_are_asked_for_with_options(
    results: fb.Results, places: dict[str, Any], folder: Path
) -> None:
    checkpoint = folder / "cache/checkpoints" / results[0].record.stages.checkpoint
    options = {"extract.pool": "mean", "extract.dtype": "float32"}
    values, rows = fb.extract(
        checkpoint, task="tiny", settings=options, precision="32", limit=3, device="cpu", **places
    )
    assert values.dtype == np.float32
    assert values.shape == (len(rows), 8)
    assert set(rows.groupby("split").size()) == {3}
    with pytest.raises(SpecError, match="no task given"):
        fb.extract(checkpoint, **places)
    with pytest.raises(SpecError, match="expected the name of one task"):
        fb.extract(checkpoint, task="tiny,lfw", synthetic="missing", **places)


def test_what_cannot_be_read_is_in_neither_features_nor_rows(
    results: fb.Results, places: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(data / "tiny", tmp_path / "tiny")
    (tmp_path / "tiny/test/0_0.png").write_bytes(b"")
    broken = {**places, "data": tmp_path}
    values, rows = fb.extract(results[0], skip_broken=True, device="cpu", **broken)
    assert len(values) == len(rows) == 143
    assert "test/0_0.png" not in set(rows["path"])


def test_a_backbone_has_the_weights_of_its_checkpoint(
    results: fb.Results, places: dict[str, Any], folder: Path
) -> None:
    where = {name: places[name] for name in ("cache", "plugins")}
    checkpoint = folder / "cache/checkpoints" / results[0].record.stages.checkpoint
    stored = load_file(checkpoint / "model.safetensors")
    for learned in (results[0], results[0].path, checkpoint, checkpoint / "model.safetensors"):
        backbone = fb.load_backbone(learned, **where)
        assert isinstance(backbone, torch.nn.Module)
        assert not backbone.training
        own = {f"backbone.{name}": tensor for name, tensor in backbone.state_dict().items()}
        assert set(own) == {name for name in stored if name.startswith("backbone.")}
        assert all(torch.equal(tensor, stored[name]) for name, tensor in own.items())
    weights = sum(stored[f"backbone.{name}"].numel() for name, _ in backbone.named_parameters())
    assert results[0].record.backbone_parameters == weights > 0
    assert results[1].record.backbone_parameters == 0  # LBP
    assert results[0].record.method.paper_url == "https://arxiv.org/abs/2002.05709"
    assert results[0].record.task.classes is not None
    assert len(results[0].record.task.classes) == len(
        results[0].scores.honest.value("class_recalls")
    )
    assert backbone(torch.rand(2, 3, 32, 32)).shape == (2, 8, 4, 4)
    with pytest.raises(SpecError, match="'lbp' has no shared backbone"):
        fb.load_backbone(results[1], **where)
    images = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        assert fb.load_method(results[0], **where).features("f_s", images).shape == (2, 128)


def test_a_file_that_is_neither_checkpoint_nor_result_is_refused(tmp_path: Path) -> None:
    (tmp_path / "best.pth").write_bytes(b"")
    with pytest.raises(SpecError, match=r"import_weights\(\)"):
        fb.load_backbone(tmp_path / "best.pth")


# What else a command does -------------------------------------------------------------------------


def test_a_folder_of_results_is_checked_merged_published_and_verified(
    results: fb.Results, places: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    done = fb.merge([folder / "results"], source)
    assert len(done.copied) == len(fb.validate(source)) >= 2
    assert not [finding for one in fb.validate(source) for finding in one.findings]
    published = fb.publish(source, tmp_path / "tables")
    assert published.results == len(done.copied)
    assert {path.name for path in (tmp_path / "tables").iterdir()} == set(published.files)
    assert fb.verify(results[0], device="cpu", progress=Silent(), **places).reproduced


def test_plugins_and_datasets_are_listed_and_checked(
    places: dict[str, Any], data: Path, plugin: Path, tmp_path: Path
) -> None:
    assert "simclr" in [one.name for one in fb.list_plugins("methods")]
    with pytest.raises(UnknownNameError, match="Did you mean 'methods'"):
        fb.list_plugins("method")
    assert fb.task_info("tiny", plugins=[plugin]).classes == ("red", "green", "blue")
    assert any("maps images" in line for line in fb.check_plugin("tinynet", plugins=[plugin]))
    found = {one.name: one.state for one in fb.list_data(data=data, plugins=[plugin])}
    assert found["tiny"] == "complete"
    assert fb.check_data("tiny", progress=Silent(), **places).passed
    assert (fb.new_plugin("method", "my_own", into=tmp_path) / "pyproject.toml").is_file()
    with pytest.raises(fb.FacebenchError, match="expected more than 0"):
        fb.write_stand_in("rafdb", tmp_path / "faces", scale=0)
    with pytest.raises(fb.FacebenchError, match="cannot be downloaded"):
        fb.download_data("voxceleb", tmp_path)


def test_figures_are_drawn_and_are_those_of_the_command(
    results: fb.Results, places: dict[str, Any], tmp_path: Path, facebench: Facebench
) -> None:
    pytest.importorskip("matplotlib")
    plugin, path = str(places["plugins"][0]), str(results[0].path)
    figures: dict[str, Callable[[Path], Path]] = {
        "curves": lambda out: fb.draw_curves(results[0], out),
        "confusion": lambda out: fb.draw_confusion(results[0], out, plugins=[plugin]),
        "probe": lambda out: fb.draw_probe(results[0], out),
    }
    for name, draw in figures.items():
        more = ["--plugin", plugin] if name == "confusion" else []
        facebench("figure", name, path, "--out", f"{name}.svg", *more)
        assert draw(tmp_path / "a.svg").read_bytes() == (tmp_path / f"{name}.svg").read_bytes()
    with pytest.raises(fb.FacebenchError, match="expected verification"):
        fb.draw_roc(results[0], tmp_path / "roc.svg")


def test_all_figures_of_results_are_in_one_folder_with_an_index(
    results: fb.Results,
    places: dict[str, Any],
    tmp_path: Path,
    facebench: Facebench,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pytest.importorskip("matplotlib")
    out, path = tmp_path / "all", str(results[0].path)
    flags = [f"--data={places['data']}", f"--cache={places['cache']}",
             f"--plugin={places['plugins'][0]}", "--skip=features-tsne"]  # fmt: skip
    done = facebench("figure", "all", path, "--out", str(out), "--format", "png", *flags)
    page = (out / "index.html").read_text()
    drawn = [path.relative_to(out).as_posix() for path in out.rglob("*.png")]
    assert {Path(name).stem for name in drawn} == {
        "forest", "compute", "curves", "probe", "confusion", "mistakes", "neighbours",
        "features-pca",
    }  # fmt: skip
    for name in drawn:
        assert f'<img src="{name}"' in page
        assert str(out / name) in done.stdout
    assert done.stdout.splitlines()[-1] == str(out / "index.html")
    assert "expected multilabel" in page  # why there are no bars of action units
    warned = (out / "tiny" / results[0].path.stem / "neighbours.caption.txt").read_text()
    assert "Licence: none" in warned
    assert "Licence: none" in caplog.text
    with pytest.raises(fb.FacebenchError, match="Did you mean 'mistakes'"):
        fb.draw_all(results, out, skip=["mistake"])
