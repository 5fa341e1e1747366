"""Submitting results: valid, without names that a licence forbids, with a workflow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from result_world import info_of, write_result
from whole_results import reseal

from conftest import Facebench
from facebench.errors import StageError
from facebench.registry import Registry
from facebench.results.hidden_names import digest_of, without_names
from facebench.results.merging import MergeError
from facebench.results.store import Result, read_result
from facebench.results.submission import WORKFLOW, submit, workflow_text
from facebench.results.validation import validate_folder
from facebench.task import TaskInfo

ROOT = Path(__file__).parents[2]


def forbidding(name: str) -> TaskInfo:
    """Return what a task declares whose licence forbids names, if it is of several labels."""
    info = info_of(name.removeprefix("tiny_"))
    return replace(info, names_may_be_published=info.protocol != "multilabel")


def info_of_tiny(name: str) -> TaskInfo:
    return info_of(name.removeprefix("tiny_"))


def without(result: Result, key: str) -> object:
    plain = result.record.plain()
    plain["task"] = {k: v for k, v in plain["task"].items() if k not in ("leaks", "names")}
    return plain[key]


def test_a_submission_is_valid_and_has_no_forbidden_name(tmp_path: Path) -> None:
    source, target = tmp_path / "runs", tmp_path / "repository"
    named, open_one = write_result(source, "multilabel"), write_result(source, "classification")
    done = submit(source, target, forbidding)
    assert [c.findings for c in validate_folder(target, anew=True)] == [(), ()]
    (place,) = done.hidden
    hidden = read_result(place)
    assert hidden.path.name == named.path.name
    before, after = named.predictions, hidden.predictions
    salt = named.record.task.fingerprint
    assert after["path"].tolist() == [digest_of(path, salt) for path in before["path"]]
    assert (after["subject"].factorize()[0] == before["subject"].factorize()[0]).all()
    assert after.drop(columns=["path", "subject"]).equals(before.drop(columns=["path", "subject"]))
    text = place.read_text()
    assert '"p01"' in named.path.read_text()  # a person whom hyper-parameters were chosen on
    for name in (*before["path"], *before["subject"].unique(), "train.png"):
        assert f'"{name}"' not in text
    assert "licence forbids" in str(hidden.record.task.names)
    for key in ("scores", "spec", "stages", "task", "n_test"):
        assert without(hidden, key) == without(named, key)
    copied = read_result(target / open_one.path.relative_to(source))
    assert copied.path.read_bytes() == open_one.path.read_bytes()
    again = submit(source, target, forbidding)
    assert (again.copied, again.workflow) == ((), None)
    assert len(again.skipped) == 2
    assert len(submit(target, tmp_path / "third", forbidding).hidden) == 0  # hidden before


def test_pairs_and_what_names_a_file_elsewhere_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="in pairs they say who is shown"):
        without_names(write_result(tmp_path, "cosine"), tmp_path / "out")
    result = write_result(tmp_path, "classification")
    record = json.loads(result.path.read_text())
    record["task"]["warnings"] = ["0.png is broken"]
    result.path.write_text(json.dumps(record))
    reseal(result.path)
    with pytest.raises(StageError, match=r"found the name 0\.png in a warning"):
        without_names(read_result(result.path), tmp_path / "out")
    record["task"]["warnings"] = ["1 subjects are in training and test: F0001"]
    result.path.write_text(json.dumps(record))
    reseal(result.path)
    with pytest.raises(StageError, match="found the name F0001 in a warning"):
        without_names(read_result(result.path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_wrong_result_is_not_submitted(tmp_path: Path) -> None:
    result = write_result(tmp_path / "runs", "classification")
    record = json.loads(result.path.read_text())
    record["scores"]["honest"]["accuracy"] = 1.0
    result.path.write_text(json.dumps(record))
    reseal(result.path)
    with pytest.raises(MergeError, match="accuracy"):
        submit(tmp_path / "runs", tmp_path / "repository", forbidding)
    assert not (tmp_path / "repository").exists()


def test_the_command_writes_a_workflow_and_says_what_to_do(
    facebench: Facebench, tmp_path: Path
) -> None:
    measured = min((ROOT / "results/measured/bu3dfe").glob("*.json"))
    source = tmp_path / "runs/bu3dfe"
    source.mkdir(parents=True)
    for suffix in (".json", ".parquet"):
        shutil.copy(measured.with_suffix(suffix), source)
    done = facebench("results", "submit", "runs", "--into", "repository")
    place = tmp_path / "repository/bu3dfe" / measured.name
    assert place.read_bytes() == measured.read_bytes()  # rendered faces have no licence
    assert (tmp_path / "repository" / WORKFLOW).read_text() == workflow_text()
    assert f"written repository/{WORKFLOW}" in done.stdout
    assert "git -C repository init" in done.stderr
    refused = facebench("results", "submit", "absent", "--into", "other", status=2)
    assert "absent" in refused.stderr


def test_the_workflow_is_that_of_the_documentation() -> None:
    parsed = yaml.safe_load(workflow_text())
    runs = [step["run"] for step in parsed["jobs"]["validate"]["steps"] if "run" in step]
    assert "facebench results validate ." in runs
    assert "facebench publish site --out site" in runs
    assert workflow_text() in (ROOT / "docs/leaderboard.md").read_text(encoding="utf-8")


@pytest.mark.nightly
def test_the_steps_of_the_workflow_publish_a_page_whose_links_lead_to_results(
    facebench: Facebench, tmp_path: Path
) -> None:
    command = tmp_path / "bin" / "facebench"
    command.parent.mkdir()
    program = "from facebench.cli import main; main()"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{program}" "$@"\n')
    command.chmod(0o755)
    for kind in ("multilabel", "classification"):
        write_result(tmp_path / "runs", kind)
    submit(tmp_path / "runs", tmp_path / "repository", info_of_tiny)
    steps = yaml.safe_load(workflow_text())["jobs"]["validate"]["steps"]
    runs = [step["run"] for step in steps if "run" in step]
    assert runs.pop(0).startswith("pip install")
    paths = os.environ | {"PATH": f"{command.parent}:{os.environ['PATH']}"}
    for run in runs:
        subprocess.run(
            ["bash", "-e", "-c", run], cwd=tmp_path / "repository", env=paths, check=True
        )
    site = tmp_path / "repository" / "site"
    page = (site / "index.html").read_text(encoding="utf-8")
    assert '"base":"."' in page
    for result in (tmp_path / "runs").glob("*/*.json"):
        place = result.relative_to(tmp_path / "runs").as_posix()
        assert f'"file":"{place}"' in page
        assert (site / place).is_file()


def test_licences_that_forbid_names_are_declared() -> None:
    registry = Registry()
    forbidden = {
        name
        for name in registry.names("task")
        if not registry.load("task", name).info.names_may_be_published
    }
    assert forbidden == {"disfa", "bu3dfe"}
