"""The leaderboard in a terminal and as Markdown: order, marks, and names that are only names."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from board_world import add, fill, right
from rich.console import Console
from stored_world import classes

from facebench.rendering.markdown import marked, readable
from facebench.report.board.leaderboard import leaderboard
from facebench.report.board.text import markdown, note, terminal_tables
from facebench.report.entries import stored_results


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    fill(folder)
    return folder


def written(folder: Path) -> str:
    return markdown(leaderboard(stored_results(folder), folder))


def section(text: str, title: str) -> list[list[str]]:
    """Return the cells of the table below a heading."""
    lines = text.split(f"## {title}\n")[1].split("\n## ")[0].splitlines()
    rows = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def test_every_family_has_a_table_for_each_kind_of_data(root: Path) -> None:
    titles = re.findall(r"^## (.*)$", written(root), re.M)
    assert titles == [
        "Expression, real data", "Head pose, real data", "Expression, SYNTHETIC faces"
    ]  # fmt: skip


def test_every_row_has_as_many_cells_as_its_heading(root: Path) -> None:
    for title in ("Expression, real data", "Head pose, real data", "Expression, SYNTHETIC faces"):
        heading, *rows = section(written(root), title)
        assert {len(row) for row in rows} == {len(heading)}


def test_the_best_stands_first_and_a_missing_score_is_a_dash(root: Path) -> None:
    rows = section(written(root), "Expression, real data")[2:]
    measured = [row for row in rows if row[0].startswith("**")]
    assert [row[0].split("**")[1] for row in measured] == [
        "PCL", "SimCLR", "Untrained backbone", "MoCo"
    ]  # fmt: skip
    assert measured[3][1] == "–"
    assert measured[0][1].startswith("**90.00**<br><sub>")
    assert "rank 1</sub>" in measured[0][1]
    assert measured[1][1].startswith("60.00<br>")


def test_rows_without_the_first_score_are_ordered_by_the_next(tmp_path: Path) -> None:
    add(tmp_path, classes(right(0.2)), method="pcl", task="fer2013", title="FER-2013")
    add(tmp_path, classes(right(0.4)), method="moco")
    add(tmp_path, classes(right(0.8)), method="simclr")
    heading, _, *rows = section(written(tmp_path), "Expression, real data")
    assert [cell.split("<br>")[0] for cell in heading[1:]] == ["FER-2013", "RAF-DB"]
    names = [row[0].split("**")[1] for row in rows if row[0].startswith("**")]
    assert names == ["PCL", "SimCLR", "MoCo"]


def test_a_small_error_stands_first(root: Path) -> None:
    rows = section(written(root), "Head pose, real data")
    assert rows[0][2] == "AFLW2000<br>MAE (degrees) ↓"
    order = [row[0].split("**")[1] for row in rows if row[0].startswith("**")]
    assert order == ["PCL", "SimCLR", "Untrained backbone"]


def test_printed_rows_say_whose_they_are_and_stand_below(root: Path) -> None:
    text = written(root)
    rows = [row[0] for row in section(text, "Expression, real data")]
    assert rows.index("*published, PCL, CVPR 2023, self-supervised*") > rows.index("majority class")
    assert "published" not in text.split("## Expression, SYNTHETIC faces")[1].split("\n\n")[1]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a|b", r"a\|b"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("[x](javascript:1)", r"\[x\](javascript:1)"),
        ("*b* `c` _d_", r"\*b\* \`c\` \_d\_"),
        ("two\nlines\r\n", "two lines"),
        ("\x1b[31mred\u202e", r"\[31mred"),
    ],
)
def test_a_name_is_only_a_name_in_markdown(name: str, shown: str) -> None:
    assert marked(name) == shown


def test_a_foreign_name_neither_breaks_the_table_nor_steers_the_terminal(tmp_path: Path) -> None:
    add(tmp_path, classes(right(0.5)), name="x | y\n| z \x1b[2J[bold]b[/bold]")
    heading, _, row, *_ = section(written(tmp_path), "Expression, real data")
    assert len(row) == len(heading)
    console = Console(width=200, file=io.StringIO(), force_terminal=True, color_system=None)
    for table in terminal_tables(leaderboard(stored_results(tmp_path), tmp_path), 200):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "\x1b[2J" not in shown
    assert "x | y | z [2J[bold]b[/bold]" in shown


def test_readable_text_keeps_letters_of_every_script() -> None:
    assert readable("Résumé 顔 f_s·1") == "Résumé 顔 f_s·1"


def test_the_terminal_shows_score_interval_rank_and_paper(root: Path) -> None:
    console = Console(width=200, file=io.StringIO(), color_system=None)
    for table in terminal_tables(leaderboard(stored_results(root), root), 200):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    place = next(n for n, line in enumerate(lines) if line.strip().startswith("PCL"))
    block = "\n".join(lines[place : place + 4])
    assert "90.00" in block
    assert re.search(r"8\d\.\d\d to 9\d\.\d\d", block)
    assert "rank 1" in block
    assert "test-selected 90.00" in block


def test_the_note_names_the_budget_of_ranks(root: Path) -> None:
    board = leaderboard(stored_results(root), root)
    budgets = {one.budget: one.synthetic for one in board.boards if one.budget}
    assert budgets
    for budget, synthetic in budgets.items():
        kind = "synthetic" if synthetic else "real"
        assert f"{budget} ({kind} data)" in note(board)
    assert "are among the rows that learned from" in note(board)
    fixed = replace(board, boards=tuple(replace(one, budget="") for one in board.boards))
    assert "are among all rows." in note(fixed)


def test_a_narrow_terminal_has_headline_metrics_and_says_that_there_are_more(root: Path) -> None:
    board = leaderboard(stored_results(root), root)
    headings = {}
    for width in (70, 80):
        _, pose, _ = terminal_tables(board, width)
        headings[width] = [column.heading.split("\n")[-1] for column in pose.columns]
        assert (pose.notes == ()) == (width == 80)
    assert headings[70] == ["method", "MAE (degrees) ↓"]
    assert headings[80] == ["method", "Yaw ↓", "MAE (degrees) ↓"]


def test_no_results_say_so(tmp_path: Path) -> None:
    assert "There are no results yet." in written(tmp_path)
