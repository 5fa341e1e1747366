"""What a board says of every two rows, and of mean ranks over tasks."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from board_world import add, fill, right
from stored_world import classes

from facebench.report.board.comparisons import COMPARED
from facebench.report.board.leaderboard import leaderboard
from facebench.report.board.mean_ranks import Candidate, block, mean_ranks
from facebench.report.board.model import Board, Column
from facebench.report.entries import stored_results
from facebench.results.stats import ranks
from facebench.results.stats.contest import Contest
from facebench.results.stats.significance import holm, mcnemar
from facebench.runtime import pool
from facebench.runtime.kept_values import kept_in


def real_board(folder: Path) -> Board:
    return leaderboard(stored_results(folder), folder).boards[0]


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Board:
    root = tmp_path_factory.mktemp("results")
    fill(root)
    return real_board(root)


def headline(board: Board, task: str) -> Column:
    (found,) = [c for c in board.columns if c.task == task and c.headline]
    return found


@pytest.mark.parametrize("task", ["rafdb", "aflw2000"])
def test_every_two_rows_have_the_difference_of_their_scores(board: Board, task: str) -> None:
    column = headline(board, task)
    found = board.pairs["honest"][column.id]
    cells = {
        row.id: row.cells[column.id].honest.value for row in board.rows if column.id in row.cells
    }
    scores = [cells[row] or 0.0 for row in found.rows]
    assert scores == sorted(scores, reverse=column.higher)
    expected = [a - b for a, b in combinations(scores, 2)]
    assert [one[0] for one in found.differences] == pytest.approx(expected, abs=1e-6)
    for value, low, high, p in found.differences:
        assert None not in (value, low, high, p)
        assert (low or 0) <= (value or 0) <= (high or 0)
        assert 0 <= (p or 0) <= 1


def test_the_p_values_are_those_of_mcnemar_corrected_by_holm(tmp_path: Path) -> None:
    decided = [right(share, seed) for seed, share in enumerate((0.7, 0.62, 0.6, 0.4))]
    for method, own in zip(("pcl", "simclr", "moco", "random"), decided, strict=True):
        add(tmp_path, classes(own), method=method, learned=method != "random")
    board = real_board(tmp_path)
    found = board.pairs["honest"][headline(board, "rafdb").id]
    assert found.test == "McNemar"
    p = [mcnemar(a, b).p for a, b in combinations(decided, 2)]  # in the order of their scores
    assert [one[3] for one in found.differences] == pytest.approx(holm(p), abs=1e-6)


def test_only_runs_of_one_budget_are_compared(tmp_path: Path) -> None:
    for method in ("pcl", "simclr"):
        add(tmp_path, classes(right(0.5)), method=method)
    add(tmp_path, classes(right(0.9)), method="moco", images=6400, mark="more")
    board = real_board(tmp_path)
    names = {row.id: row.method for row in board.rows}
    found = board.pairs["honest"][headline(board, "rafdb").id]
    assert {names[row] for row in found.rows} == {"PCL", "SimCLR"}
    of_column = headline(board, "rafdb").id
    ranks = {row.method: row.cells[of_column].honest.rank for row in board.rows}
    assert ranks == {"PCL": (1, 1), "SimCLR": (1, 1), "MoCo": None}


def test_of_many_rows_the_best_are_compared(tmp_path: Path) -> None:
    for place in range(COMPARED + 3):
        how: dict[str, Any] = {"mark": str(place), "options": {"place": place}}
        add(tmp_path, classes(right(0.3 + place / 50)), **how)
    board = real_board(tmp_path)
    column = headline(board, "rafdb")
    found = board.pairs["honest"][column.id]
    assert (len(found.rows), found.competing) == (COMPARED, COMPARED + 3)
    left = {row.id for row in board.rows} - set(found.rows)
    worst = sorted(board.rows, key=lambda row: row.cells[column.id].honest.value or 0)[:3]
    assert left == {row.id for row in worst}


def test_a_single_row_is_compared_with_nothing(tmp_path: Path) -> None:
    add(tmp_path, classes(right(0.5)))
    board = real_board(tmp_path)
    assert board.pairs == {"honest": {}, "paper": {}}
    assert board.ranks["honest"].rows == ()


def test_mean_ranks_are_of_the_methods_that_have_all_tasks(board: Board) -> None:
    """PCL is the best of three on three tasks; MoCo, on one of them, takes no part."""
    names = {row.id: row.method for row in board.rows}
    found = board.ranks["honest"]
    assert [names[row] for row in found.rows] == ["PCL", "SimCLR", "Untrained backbone"]
    tasks = {column.id: column.task for column in board.columns}
    assert sorted(tasks[column] for column in found.columns) == ["aflw2000", "fer2013", "rafdb"]
    assert found.means == (1.0, 2.0, 3.0)
    assert found.ranks == ((1, 1, 1), (2, 2, 2), (3, 3, 3))
    assert found.p == pytest.approx(np.exp(-3), abs=1e-6)  # chi-square 6 with 2 degrees of freedom
    assert found.distance == pytest.approx(2.343 * np.sqrt(12 / 18), abs=2e-3)
    assert found.groups == ((0, 1), (1, 2))
    assert found.needed == 3


def test_a_method_takes_part_once_with_its_fullest_row(board: Board) -> None:
    values = {"PCL": [9.0, 8.0], "SimCLR": [7.0, 9.0], "MoCo": [5.0, 4.0]}
    columns = [headline(board, task).id for task in ("fer2013", "rafdb")]  # as on the board
    whole = [
        Candidate(f"r{place}", method, dict(zip(columns, of_method, strict=True)))
        for place, (method, of_method) in enumerate(values.items())
    ]
    fewer = Candidate("fewer", "PCL", {columns[0]: 99.0})
    worse = Candidate("worse", "PCL", dict(zip(columns, [8.9, 99.0], strict=True)))
    found = block(board.columns, [fewer, worse, *whole])
    assert found == block(board.columns, whole)
    assert found is not None
    by_task = dict(zip(found.columns, found.values, strict=True))
    assert [by_task[column] for column in columns] == [(9.0, 7.0, 5.0), (8.0, 9.0, 4.0)]
    assert mean_ranks(found).means == (1.5, 1.5, 3.0)


def test_two_methods_have_no_mean_ranks(board: Board) -> None:
    columns = [headline(board, task).id for task in ("rafdb", "fer2013")]
    two = [Candidate(f"r{n}", f"m{n}", dict.fromkeys(columns, float(n))) for n in range(2)]
    assert block(board.columns, two) is None
    assert mean_ranks(None).rows == ()


def test_rows_that_processes_compared_are_not_compared_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "results"
    fill(folder)
    results = stored_results(folder)
    with kept_in(tmp_path / "first"):
        by_one = leaderboard(results, folder)
    monkeypatch.setattr(pool, "FEW", 1)  # so that the processes are worth their start
    for name in ("rank_intervals", "significantly_best", "difference"):
        monkeypatch.setattr(Contest, name, None)  # here; other processes have their own
    monkeypatch.setattr(ranks, "block_ranks", None)
    with kept_in(tmp_path / "second"):
        by_processes = leaderboard(results, folder, processes=2)
    assert by_processes == by_one
