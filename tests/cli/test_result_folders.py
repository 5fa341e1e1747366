"""A folder of results that is given one level too high or too low, or is empty."""

from __future__ import annotations

from pathlib import Path

import pytest
from board_world import add, right
from stored_world import classes
from typer.testing import CliRunner

from facebench.cli import app

READERS = {
    "leaderboard": ["leaderboard", "--results"],
    "table": ["table", "1", "--results"],
    "publish": ["publish", "--out", "tables"],
    "figure forest": ["figure", "forest"],
    "figure critical": ["figure", "critical"],
    "figure roc": ["figure", "roc"],
    "figure all": ["figure", "all", "--out", "figures"],
}


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of results, as ``facebench run`` writes it by default."""
    monkeypatch.chdir(tmp_path)
    add(tmp_path / "results" / "runs", classes(right(0.5)))
    return tmp_path / "results" / "runs"


def refused(command: str, folder: Path) -> str:
    """Return what is said; nothing is written."""
    before = sorted(Path().rglob("*"))
    done = CliRunner().invoke(app, [*READERS[command], str(folder)])
    assert done.exit_code == 2
    assert sorted(Path().rglob("*")) == before
    return " ".join(done.output.split())


@pytest.mark.parametrize("command", READERS)
def test_the_folder_above_is_answered_with_the_right_one(command: str) -> None:
    assert "results: has no <task>/<name>.json" in (said := refused(command, Path("results")))
    assert "Give results/runs." in said


@pytest.mark.parametrize("command", READERS)
def test_the_folder_of_a_task_is_answered_with_the_right_one(command: str, runs: Path) -> None:
    said = refused(command, Path("results/runs/rafdb"))
    assert "results/runs/rafdb: has the results of one task" in said
    assert "Give results/runs, the folder above." in said


# Table 1 has published numbers, which need no result.
@pytest.mark.parametrize("command", [each for each in READERS if each != "table"])
def test_an_empty_folder_is_an_error(command: str) -> None:
    Path("empty").mkdir()
    assert "found no result" in refused(command, Path("empty"))
