"""The leaderboard as data: what stands in which board, and that nothing else does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from board_world import SHARES, add, fill, right
from stored_world import classes
from whole_results import rewritten

from facebench.config.spec import plain
from facebench.errors import StageError
from facebench.report.board.leaderboard import leaderboard
from facebench.report.board.model import Board, BoardRow, Leaderboard
from facebench.report.entries import stored_results


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    fill(folder)
    return folder


def built(folder: Path) -> Leaderboard:
    return leaderboard(stored_results(folder), folder)


@pytest.fixture(scope="module")
def boards(root: Path) -> Leaderboard:
    return built(root)


def column(board: Board, task: str, metric: str = "accuracy") -> str:
    (found,) = [c.id for c in board.columns if (c.task, c.name) == (task, metric)]
    return found


def row(board: Board, method: str) -> BoardRow:
    (found,) = [r for r in board.rows if r.method == method]
    return found


def test_real_and_synthetic_are_boards_of_their_own(boards: Leaderboard) -> None:
    real, synthetic = boards.boards
    assert (real.synthetic, synthetic.synthetic) == (False, True)
    for board in boards.boards:
        runs = [
            boards.results[place]
            for r in board.rows
            for cell in r.cells.values()
            for place in cell.results
        ]
        assert runs
        assert {boards.datasets[run.dataset]["synthetic"] for run in runs} == {board.synthetic}
    # The order is turned round on synthetic faces; a shared ranking could not have both.
    for board, best in ((real, "PCL"), (synthetic, "Untrained backbone")):
        cell = row(board, best).cells[column(board, "rafdb")]
        assert cell.honest.rank == (1, 1)


def test_printed_numbers_stand_on_the_real_board_alone(boards: Leaderboard) -> None:
    real, synthetic = boards.boards
    assert synthetic.printed == ()
    (pcl,) = [r for r in real.printed if (r.method, r.short) == ("PCL", "PCL, CVPR 2023")]
    shown = {c.task: pcl.cells[c.id].value for c in real.columns if c.headline}
    assert shown == {"fer2013": 56.81, "rafdb": 74.47, "aflw2000": 12.36}


def test_a_method_that_a_paper_has_twice_has_two_rows(tmp_path: Path) -> None:
    """TCAE on DISFA, Table 3: 45.0 as published, 22.9 as reproduced."""
    f1 = {"name": "f1", "title": "F1 (%)", "scale": 100.0, "higher_is_better": True}
    frame = classes(right(0.5)).rename(columns={"label": "label_au1"})
    frame = frame.assign(subject=[f"s{n % 12}" for n in range(len(frame))], fold=0)
    for kind in ("honest", "paper", "paper_last"):
        frame[f"{kind}_au1"] = frame.pop(kind) > 1
    frame["label_au1"] = frame["label_au1"] > 1
    frame["fold"] = [n % 12 // 4 for n in range(len(frame))]
    add(tmp_path, frame, task="disfa", title="DISFA", columns=(f1,), family="action units")
    (board,) = built(tmp_path).boards
    found = [
        (quote.value, quote.reproduced)
        for r in board.printed
        if (r.method, r.short) == ("TCAE", "PCL, CVPR 2023")
        for quote in r.cells.values()
    ]
    assert found == [(45.0, False), (22.9, True)]


def test_columns_come_family_by_family_in_the_order_of_the_papers_tables(
    boards: Leaderboard,
) -> None:
    real = boards.boards[0]
    assert [(c.task, c.name, c.higher, c.headline) for c in real.columns] == [
        ("fer2013", "accuracy", True, True),
        ("rafdb", "accuracy", True, True),
        ("aflw2000", "mae_yaw", False, False),
        ("aflw2000", "mae", False, True),
    ]


def test_a_cell_has_the_mean_over_seeds_on_the_printed_scale(boards: Leaderboard) -> None:
    real = boards.boards[0]
    simclr = row(real, "SimCLR")
    cell = simclr.cells[column(real, "rafdb")]
    assert simclr.seeds == (0, 1)
    assert cell.honest.value == pytest.approx(100 * SHARES["simclr"])
    assert cell.honest.std == pytest.approx(0)
    assert [boards.results[place].seed for place in cell.results] == [0, 1]
    angle = simclr.cells[column(real, "aflw2000", "mae")].honest
    assert angle.low is not None
    assert angle.high is not None
    assert angle.value is not None
    assert 0 < angle.low < angle.value < angle.high
    assert angle.std == pytest.approx(0.5**0.5, rel=0.1)  # 8 and 9 degrees


def test_ranks_are_sure_where_methods_are_far_apart_and_shared_where_they_are_one(
    tmp_path: Path,
) -> None:
    same = right(0.6)
    for method in ("pcl", "moco", "simclr"):
        add(tmp_path, classes(same if method != "simclr" else right(0.1)), method=method)
    (board,) = built(tmp_path).boards
    ranks = {r.method: c.honest.rank for r in board.rows for c in r.cells.values()}
    assert ranks == {"PCL": (1, 1), "MoCo": (1, 1), "SimCLR": (3, 3)}


def test_the_rank_of_an_error_is_better_where_it_is_smaller(boards: Leaderboard) -> None:
    real = boards.boards[0]
    mae = column(real, "aflw2000", "mae")
    ranks = {r.method: r.cells[mae].honest.rank for r in real.rows if mae in r.cells}
    assert ranks == {"PCL": (1, 1), "SimCLR": (2, 2), "Untrained backbone": (3, 3)}


def test_no_method_is_ranked_alone_or_on_another_test_set(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add(tmp_path, classes(right(0.5)))
    assert built(tmp_path).boards[0].rows[0].cells["c0"].honest.rank is None
    other = classes(right(0.5)).assign(path=lambda f: "other/" + f["path"])
    add(tmp_path, other, method="pcl")
    (board,) = built(tmp_path).boards
    assert [r.cells["c0"].honest.rank for r in board.rows] == [None, None]
    assert "no test item in common" in caplog.text


def test_behind_a_cell_stand_its_result_and_nothing_of_this_machine(
    boards: Leaderboard, root: Path
) -> None:
    real = boards.boards[0]
    (place,) = row(real, "PCL").cells[column(real, "fer2013")].results
    run = boards.results[place]
    stored = json.loads((root / run.file).read_text())
    assert run.file.startswith("fer2013/pcl-facecycle16-f_s-s0-")
    assert run.stages == stored["stages"]
    options = {name: boards.options[place] for name, place in run.options.items()}
    assert {**run.spec, **options} == stored["spec"]
    assert (run.n_test, run.n_scored) == (240, 240)
    assert boards.environments[run.environment] == stored["environment"]
    leaks = boards.datasets[run.dataset]["leaks"]
    assert (leaks["exact"], leaks["near"]) == (3, 7)
    assert "near_images" not in leaks
    assert str(root) not in json.dumps(plain(boards))


def test_equal_environments_and_datasets_are_kept_once(boards: Leaderboard) -> None:
    assert len(boards.environments) == 1
    assert len(boards.datasets) == 4  # two kinds of faces of RAF-DB, FER-2013, AFLW2000


def test_floors_are_by_column(boards: Leaderboard) -> None:
    real = boards.boards[0]
    (floor,) = real.floors
    assert floor.name == "majority class"
    assert floor.cells == {column(real, "fer2013"): 25.0, column(real, "rafdb"): 25.0}


def test_rows_that_read_alike_say_what_tells_them_apart(tmp_path: Path) -> None:
    for temperature in (0.1, 0.07):
        options = {"temperature": temperature, "blur_p": 0.5}
        add(tmp_path, classes(right(0.5)), options=options, mark=str(temperature))
    add(tmp_path, classes(right(0.5)), method="pcl")
    (board,) = built(tmp_path).boards
    details = {r.detail for r in board.rows if r.method == "SimCLR"}
    assert details == {"temperature=0.1", "temperature=0.07"}
    assert row(board, "PCL").detail == ""


def test_part_of_a_test_set_is_a_column_of_its_own_and_never_beside_printed_numbers(
    tmp_path: Path,
) -> None:
    add(tmp_path, classes(right(0.5)), limit=100)
    (alone,) = built(tmp_path).boards
    assert alone.printed == ()
    assert [c.note for c in alone.columns] == ["only 100 items of each split"]
    add(tmp_path, classes(right(0.5)))
    (both,) = built(tmp_path).boards
    whole = {c.id for c in both.columns if not c.note}
    assert len(whole) == 1
    assert len(both.columns) == 2
    assert {key for r in both.printed for key in r.cells} == whole


def test_printed_numbers_stand_in_columns_of_the_papers_probe_alone(tmp_path: Path) -> None:
    other = add(tmp_path, classes(right(0.5)), mark="knn")
    rewritten(other, spec={"probe": {"kind": "knn", "k": 20, "temperature": 0.07}})
    (alone,) = built(tmp_path).boards
    assert [c.title for c in alone.columns] == ["RAF-DB, knn"]
    assert alone.printed == ()
    add(tmp_path, classes(right(0.5)))
    (both,) = built(tmp_path).boards
    usual = {c.id for c in both.columns if c.title == "RAF-DB"}
    assert len(usual) == 1
    assert len(both.columns) == 2
    assert {key for r in both.printed for key in r.cells} == usual


def test_other_versions_are_columns_of_their_own_and_say_so(tmp_path: Path) -> None:
    for version in (1, 2):
        result = add(tmp_path, classes(right(0.5)), mark=str(version))
        rewritten(result, task={"version": version})
    (board,) = built(tmp_path).boards
    assert [c.note for c in board.columns] == ["task version 1", "task version 2"]


def test_conditions_of_a_column_are_said_in_words(tmp_path: Path) -> None:
    for version, number in ((1, 2160), (2, 600)):
        result = add(tmp_path, classes(right(0.5)), synthetic=True, mark=str(version))
        counts = {"test": number, "train": 40}
        rewritten(result, task={"protocol": ["classification", version], "counts": counts})
    (board,) = built(tmp_path).boards
    assert [c.note for c in board.columns] == [
        "protocol classification 1, 2,160 test images",
        "protocol classification 2, 600 test images",
    ]


def test_the_same_results_elsewhere_and_in_another_order_are_the_same(
    boards: Leaderboard, root: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(root, moved)
    assert leaderboard(stored_results(moved)[::-1], moved) == boards


@pytest.mark.parametrize("lost", ["stages", "environment", "n_scored"])
def test_a_result_that_lacks_something_is_named(tmp_path: Path, lost: str) -> None:
    result = add(tmp_path, classes(right(0.5)))
    record = result.record.plain()
    del record[lost]
    result.path.write_text(json.dumps(record))
    with pytest.raises(StageError, match=rf"{result.path.name}: not a whole result: '{lost}'"):
        built(tmp_path)


def test_numbers_that_are_none_are_no_score(tmp_path: Path) -> None:
    result = add(tmp_path, classes(right(0.5)))
    rewritten(result, scores={"honest": {"accuracy": float("nan")}})
    (board,) = built(tmp_path).boards
    mark = board.rows[0].cells["c0"].honest
    assert mark.value is None
    json.dumps(plain(board), allow_nan=False)


def test_no_results_are_no_boards(tmp_path: Path) -> None:
    assert built(tmp_path).boards == ()
