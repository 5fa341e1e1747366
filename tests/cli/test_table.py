"""``facebench table`` where there are no results: the printed rows, or what is wrong."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from board_world import add, right
from rich.console import Console
from stored_world import classes
from typer.testing import CliRunner, Result

from facebench.cli import app
from facebench.report.reference import printed_table
from facebench.runtime import terminal


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["table", *arguments])


@pytest.mark.parametrize("number", range(1, 8))
def test_without_results_every_printed_number_is_shown(number: int) -> None:
    done = table(str(number), "--format", "json")
    assert done.exit_code == 0
    (shown,) = json.loads(done.stdout)["tables"]
    values = [cell["published"] for row in shown["rows"] for cell in row["cells"]]
    assert sorted(value for value in values if value is not None) == sorted(
        number.value for number in printed_table(number)
    )
    assert not shown["synthetic"]
    assert "no results in results/runs" in done.stderr


def test_without_results_the_later_methods_and_their_sources_are_shown() -> None:
    done = table("modern")
    assert done.exit_code == 0
    assert done.stdout.startswith("Methods that came after those of the PCL paper's tables")
    for row in ("BYOL", "SimSiam", "VICReg", "Barlow Twins", "DINO", "MAE", "FRA"):
        assert f"\n{row} " in done.stdout
    assert "github.com/facebookresearch/vicreg, commit" in done.stdout


def test_without_results_the_text_names_the_paper_and_its_rows() -> None:
    shown = table("1").stdout
    assert "Table 1." in shown
    assert "74.47" in shown
    assert "published: PCL, CVPR 2023" in shown
    assert "our run" not in shown
    assert table("1", "--real").stdout == shown


def test_a_terminal_has_its_own_width_and_a_pipe_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "results/runs"
    for method, share in (("pcl", 0.8), ("simclr", 0.5)):
        add(runs, classes(right(share)), method=method, seed=len(method))
    piped = table("1").stdout
    drawn = io.StringIO()
    screen = Console(file=drawn, force_terminal=True, width=80)
    monkeypatch.setattr(terminal, "out", screen)
    assert table("1").exit_code == 0
    shown = drawn.getvalue()
    assert max(map(len, piped.splitlines())) > 80 >= max(map(len, shown.splitlines()))
    assert set(re.findall(r"\d\d\.\d\d", shown)) == set(re.findall(r"\d\d\.\d\d", piped))


def test_with_results_they_stand_beside_the_printed_rows(tmp_path: Path) -> None:
    add(tmp_path / "results/runs", classes(right(0.5)))
    done = table("1", "--format", "md")
    assert done.exit_code == 0
    assert "our run" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["1", "--results", "nowhere"], "nowhere: no such folder"),
        (["1", "--synthetic"], "results/runs: no such folder"),  # nothing printed is of these
        (["8"], "unknown table '8'"),
        (["modren"], "Did you mean 'modern'?"),
        (["1", "--format", "latx"], "Did you mean 'latex'?"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(arguments: list[str], said: str) -> None:
    done = table(*arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert "Traceback" not in done.output
