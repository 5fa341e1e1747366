"""``facebench doctor`` and ``facebench list``: what is here, and what can be set."""

from __future__ import annotations

import inspect
import os
from dataclasses import fields
from pathlib import Path

import pytest
import typer

import facebench as fb
from conftest import Facebench
from facebench.cli.application import WorkOrder, app
from facebench.config.spec import PretrainSpec
from facebench.registry import Registry

REGISTRY = Registry()


def states(text: str) -> dict[str, str]:
    """Return the state of each line, by its name."""
    rows = [line.split(None, 2) for line in text.splitlines()]
    return {row[1]: row[0] for row in rows}


def test_without_data_faces_are_rendered_and_that_is_said(
    facebench: Facebench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FACEBENCH_DATA", raising=False)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "file").write_bytes(bytes(2**29))
    shown = facebench("doctor", "--cache", str(tmp_path / "cache")).stdout
    assert "faces are rendered" in shown
    assert f"{tmp_path / 'cache'}: 0.5 GiB" in shown
    found = states(shown)
    assert found["facebench"] == found["libraries"] == "ok"
    assert found["data"] == "note"
    assert fb.__version__ in shown


def test_a_cache_that_cannot_be_and_files_that_are_gone_are_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FACEBENCH_DATA", raising=False)  # real datasets take seconds to read
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    os.truncate(tmp_path / "file", 2**29)
    (cache,) = [fact for fact in fb.doctor(cache=tmp_path) if fact.name == "cache"]
    assert cache.text.startswith(f"{tmp_path}: 0.5 GiB")
    facts = {fact.name: fact for fact in fb.doctor(cache=tmp_path / ("x" * 300))}
    assert "0.0 GiB" in facts["cache"].text  # a name that no disk takes
    assert facts["[sign]"].state in ("ok", "note")


def test_a_dataset_that_cannot_be_read_is_a_problem(facebench: Facebench, tmp_path: Path) -> None:
    (tmp_path / "fer2013").mkdir()
    (tmp_path / "fer2013" / "fer2013.csv").write_text("emotion,pixels\n", encoding="utf-8")
    shown = facebench("doctor", "--data", str(tmp_path), status=1).stdout
    assert states(shown)["FER-2013"] == "problem"
    assert states(shown)["LFW"] == "note"


@pytest.mark.parametrize("name", ["pcl", "lfw", "pretrain"])
def test_options_are_those_of_the_dataclass(name: str) -> None:
    options = PretrainSpec
    if name != "pretrain":
        options = REGISTRY.load("method" if name == "pcl" else "task", name).Options
    found = {one.key: one for one in fb.list_options(name)}
    for field in fields(options):
        assert found.pop(f"{name}.{field.name}").default == getattr(options(), field.name)
    assert list(found) == (["pcl.recipe"] if name == "pcl" else [])


def test_who_sets_an_option_is_said(facebench: Facebench) -> None:
    shown = {one.key: one for one in fb.list_options("pcl")}
    official = REGISTRY.load("method", "pcl").info.recipes["official"]
    assert shown["pcl.crop"].said == {"recipe official": official["crop"]}
    assert "one of resized, quadrants" in facebench("list", "options", "pcl").stdout
    (epochs,) = [one for one in fb.list_options("pretrain") if one.key == "pretrain.epochs"]
    assert epochs.said == {"preset quick": 4}


WRONG = {
    (): "list: what? Give methods, tasks",
    ("options",): "list options: whose? Give a method",
    ("methods", "pcl"): "takes no name",
    ("options", "pcll"): "Did you mean 'pcl'?",
    ("method",): "unknown kind 'method'",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_a_wrong_word_gets_a_line(facebench: Facebench, arguments: tuple[str, ...]) -> None:
    said = facebench("list", *arguments, status=2).stderr
    assert said.startswith("error: ")
    assert WRONG[arguments] in said


@pytest.mark.parametrize("kind", ["method", "task"])
def test_a_plugin_is_described_by_its_docstring(facebench: Facebench, kind: str) -> None:
    shown = " ".join(facebench("list", f"{kind}s").stdout.split())
    for name in REGISTRY.names(kind):  # type: ignore[arg-type]
        said = inspect.getdoc(REGISTRY.load(kind, name)) or ""  # type: ignore[arg-type]
        assert said.splitlines()[0].split()[0] in shown


def test_help_has_the_commands_in_the_order_of_the_work(facebench: Facebench) -> None:
    shown = facebench("--help").stdout.splitlines()
    headings = [line for line in shown if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["Options:", "Run:", "Look:", "Data:", "Results:", "Extend:"]
    first = [shown[shown.index(heading) + 1].split()[0] for heading in headings[1:]]
    assert first == ["run", "list", "data", "results", "new"]
    words = " ".join(line.split()[0] for line in shown[shown.index("Run:") :] if line)
    assert "table compare leaderboard figure disentangle Data:" in words
    assert words.endswith("Results: results verify publish Extend: new check import zoo")


def test_the_order_names_every_command() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    assert sorted(WorkOrder.order) == sorted(group.commands)
