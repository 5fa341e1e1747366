"""``facebench leaderboard`` at the keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from board_world import add, right
from stored_world import classes
from typer.testing import CliRunner

from facebench.cli import app


@pytest.fixture
def root(tmp_path: Path) -> Path:
    add(tmp_path / "results", classes(right(0.5)))
    return tmp_path / "results"


def call(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["leaderboard", *arguments])
    return done.exit_code, done.output


def test_the_terminal_gets_a_table(root: Path) -> None:
    code, shown = call("--results", str(root))
    assert code == 0
    assert "SimCLR" in shown
    assert "50.00" in shown


@pytest.mark.parametrize(
    ("form", "begin"), [("text", ""), ("md", "# Leaderboard"), ("html", "<!doctype html>")]
)
def test_a_file_has_the_same_bytes_every_time(root: Path, form: str, begin: str) -> None:
    files = [root.parent / name for name in ("a", "b")]
    for file in files:
        code, _ = call("--results", str(root), "--format", form, "--out", str(file))
        assert code == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    text = files[0].read_text(encoding="utf-8")
    assert text.startswith(begin)
    assert "SimCLR" in text
    assert str(root) not in text


def test_markdown_without_a_file_goes_to_the_terminal(root: Path) -> None:
    target = root.parent / "board.md"
    call("--results", str(root), "--format", "md", "--out", str(target))
    assert call("--results", str(root), "--format", "md") == (0, target.read_text())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "htm"], "Did you mean 'html'?"),
        (["--results", "nowhere"], "no such folder"),
        (["--task", "rafbd"], "Did you mean 'rafdb'?"),
        (["--task", "rafdb", "--synthetic"], "no result of rafdb on synthetic data"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(root: Path, arguments: list[str], said: str) -> None:
    code, shown = call("--results", str(root), *arguments)
    assert code == 2
    assert said in shown
    assert "Traceback" not in shown


def test_a_file_that_is_no_result_is_left_out_and_named(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "rafdb" / "broken.json").write_text("{")
    code, shown = call("--results", str(root))
    assert code == 0
    assert "SimCLR" in shown
    assert "left out" in caplog.text
    assert "broken.json: not JSON" in caplog.text


def test_some_tasks_and_one_kind_of_data_are_chosen(root: Path) -> None:
    add(root, classes(right(0.75)), task="fer2013", title="FER-2013", synthetic=True)
    shown = {
        flags: call("--results", str(root), "--format", "md", *flags.split())[1]
        for flags in ("", "--real", "--synthetic", "--task fer2013", "--task rafdb,fer2013")
    }
    scores = {
        flags: [score in text for score in ("50.00", "75.00")] for flags, text in shown.items()
    }
    assert scores == {
        "": [True, True], "--real": [True, False], "--synthetic": [False, True],
        "--task fer2013": [False, True], "--task rafdb,fer2013": [True, True],
    }  # fmt: skip
