"""Figures of several results: which rows, names, values and lines they show."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from board_world import add, fill, right
from matplotlib.figure import Figure
from PIL import Image
from stored_world import classes
from whole_results import whole_result

from facebench.api.figures_of_several import draw_forest
from facebench.config.spec import PretrainSpec
from facebench.errors import DataError, UnknownNameError
from facebench.report.board.leaderboard import leaderboard
from facebench.report.board.model import Board
from facebench.report.configurations import distinct
from facebench.report.entries import stored_results
from facebench.report.figures.competitors import Panel, panels
from facebench.report.figures.compute import check_cost, score_against_compute
from facebench.report.figures.critical import critical_diagram
from facebench.report.figures.drawing import Drawing
from facebench.report.figures.forest import forest
from facebench.report.figures.index import Drawn, index_page
from facebench.report.figures.ranks import rank_pairs, rank_slopes
from facebench.report.figures.title import result_names, section_titles
from facebench.results.store import Result


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    root = tmp_path_factory.mktemp("results")
    fill(root)
    for epochs, share in ((2, 0.65), (4, 0.7)):
        settings = PretrainSpec(epochs=epochs)
        add(root, classes(right(share)), method="simclr", images=64 * epochs, pretrain=settings)
    return stored_results(root)


@pytest.fixture(scope="module")
def shown(results: list[Result]) -> list[Panel]:
    return panels(results, "any")


def painted(drawing: Drawing) -> list[Any]:
    figure = Figure(figsize=drawing.size)
    drawing.paint(figure)
    return figure.axes


def panel_of(shown: list[Panel], task: str, *, synthetic: bool = False) -> Panel:
    (found,) = (p for p in shown if p.record.task.name == task
                and p.record.task.synthetic is synthetic)  # fmt: skip
    return found


def test_the_forest_counts_tasks_and_wraps_what_is_said_of_them(shown: list[Panel]) -> None:
    long = "protocol classification 2, images of 128 px, 500 train images of another folder"
    conditions = [replace(shown[0], note=f"{long} {number}") for number in range(3)]
    drawing = forest(conditions)
    assert drawing.title.startswith("1 task\n")
    for number, axes in enumerate(painted(drawing)):
        lines = axes.get_title(loc="left").splitlines()
        assert max(map(len, lines)) <= 48
        assert " ".join(lines).endswith(f"{long} {number})")


def test_a_forest_above_a_page_says_how_it_gets_smaller(
    results: list[Result], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A page is 11 inches high; a row has 0.2, in each of these tasks."""
    tasks = {result.spec.task for result in results}
    draw_forest(results, tmp_path / "few.png")
    assert not caplog.records
    for number in range(20):
        for task in tasks:
            how: dict[str, Any] = {"task": task, "title": task, "mark": str(number)}
            how["name"] = "Contrasts of several views of faces"  # two lines in a column
            add(tmp_path, classes(right(0.5)), **how, options={"number": number})
    many = stored_results(tmp_path)
    for width in ("screen", "ieee"):
        draw_forest(many, tmp_path / "many.png", width=width)
        (said,) = [record.getMessage() for record in caplog.records]
        found = re.fullmatch(r"figure forest: (\d+) inches high, .*--task NAME.*", said)
        assert found is not None
        with Image.open(tmp_path / "many.png") as image:
            assert image.height / image.info["dpi"][1] == pytest.approx(int(found[1]), abs=1)
        caplog.clear()
    with pytest.raises(UnknownNameError):
        draw_forest(many, tmp_path / "none.png", width="column")
    assert not caplog.records  # of what is not drawn
    draw_forest(many, tmp_path / "one.png", tasks=["rafdb"])
    assert not caplog.records


def accuracy(result: Result) -> float:
    frame = result.predictions
    return 100 * float((frame["honest"] == frame["label"]).mean())


def test_a_forest_has_every_row_the_best_first_and_the_strongest_floor(
    shown: list[Panel], results: list[Result]
) -> None:
    panel = panel_of(shown, "rafdb")
    drawing = forest([panel])
    (axes,) = painted(drawing)
    points = [line for line in axes.lines if line.get_marker() == "o"]
    values = [float(line.get_xdata()[0]) for line in points]
    assert values == sorted(values, reverse=True)
    mine = [r for r in results if r.spec.task == "rafdb" and not r.record.task.synthetic]
    by_seed = [accuracy(r) for r in mine if r.spec.method == "simclr" and r.spec.seed < 2
               and r.record.pretrain.images_seen == 64]  # fmt: skip
    others = [accuracy(r) for r in mine if r.spec.method in ("pcl", "random", "moco")]
    lengths = [accuracy(r) for r in mine if r.record.pretrain.images_seen > 64]
    assert sorted(values) == pytest.approx(sorted([float(np.mean(by_seed)), *others, *lengths]))
    names = [tick.get_text() for tick in axes.get_yticklabels()]
    assert len(set(names)) == len(names)
    assert names[-1] == "majority class"
    (floor,) = (line for line in axes.lines if line.get_linestyle() == ":")
    assert set(floor.get_xdata()) == {25.0}
    assert not drawing.synthetic
    assert forest([panel_of(shown, "rafdb", synthetic=True)]).synthetic


def test_a_published_number_is_a_mark_on_real_data_only(shown: list[Panel]) -> None:
    (real,) = painted(forest([panel_of(shown, "rafdb")]))
    assert [float(line.get_xdata()[0]) for line in real.lines if line.get_marker() == "D"]
    (rendered,) = painted(forest([panel_of(shown, "rafdb", synthetic=True)]))
    assert not [line for line in rendered.lines if line.get_marker() == "D"]


def test_lines_of_compute_join_runs_that_differ_in_length_alone(shown: list[Panel]) -> None:
    axes = painted(score_against_compute([panel_of(shown, "rafdb")], "images"))[0]
    lines = {bars.get_label(): bars.lines[0].get_xdata().tolist() for bars in axes.containers}
    assert [64, 128, 256] in lines.values()
    across = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert [line.get_label() for line in across] == ["Untrained backbone f_s"]
    seconds = painted(score_against_compute([panel_of(shown, "rafdb")], "seconds"))[0]
    assert seconds.get_xlabel() == "seconds of learning"
    with pytest.raises(UnknownNameError, match="unit 'hours'"):
        check_cost("hours")
    panel = panel_of(shown, "rafdb")
    untrained = tuple(row for row in panel.rows if not row.entry.pretrain_data)
    only = replace(panel, rows=untrained)
    with pytest.raises(DataError, match="learned here"):
        score_against_compute([only], "images")


def test_ranks_on_rendered_faces_are_those_of_the_same_methods(shown: list[Panel]) -> None:
    """The faces of ``fill`` have the order turned round, of the three methods on both."""
    (pair,) = rank_pairs(shown)
    assert pair.title == "RAF-DB"
    assert pair.tau == pytest.approx(-1)
    real = dict(zip(pair.names, (rank for rank, _, _ in pair.real), strict=True))
    assert real == {"PCL f_s": 1, "SimCLR f_s": 2, "Untrained backbone f_s": 3}
    assert [rank for rank, _, _ in pair.synthetic] == [4 - real[name] for name in pair.names]
    assert all(low <= rank <= high for rank, low, high in (*pair.real, *pair.synthetic))
    assert "SYNTHETIC" in rank_slopes(shown).title
    with pytest.raises(DataError, match="--synthetic always"):
        rank_pairs([panel for panel in shown if not panel.record.task.synthetic])


def block(number: int) -> list[Board]:
    """Return the board of four methods that have one order on each of some tasks, but for two."""
    root = Path("x")
    found = []
    for task in range(number):
        for place, method in enumerate(("pcl", "simclr", "moco", "random")):
            value = 0.9 - 0.1 * place
            if task % 2 and place in (1, 2):
                value = 0.9 - 0.1 * (3 - place)
            metric = {"name": "accuracy", "title": "Accuracy", "scale": 100.0,
                      "higher_is_better": True}  # fmt: skip
            whole = whole_result(
                method={"name": method, "title": method.upper(), "needs": "nothing"},
                pretrain={"data": None, "images_seen": 0}, spec={"method": method},
                task={"name": f"t{task}", "title": f"Task {task}", "main_metric": metric,
                      "columns": [metric], "fingerprint": f"{task:064x}"},
                scores={"honest": {"accuracy": value}, "paper": {"accuracy": value}},
                stages={"result": f"{task}{place}".rjust(16, "0")},
            )  # fmt: skip
            found.append(Result(root / f"t{task}" / f"{method}-{task}.json", whole.record))
    return [*leaderboard(found, root).boards]


def test_the_critical_difference_is_nemenyis_and_joins_what_is_near() -> None:
    drawing = critical_diagram(block(8))
    assert "Task 0, Task 1" in drawing.title
    (axes,) = painted(drawing)
    points = [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "o"]
    assert points == [1, 2.5, 2.5, 4]  # the two in the middle change places
    lengths = {line.get_label(): float(np.ptp(line.get_xdata())) for line in axes.lines}
    expected = 2.569 * np.sqrt(4 * 5 / (6 * 8))  # Demšar, table 5a
    assert lengths[f"critical difference {expected:.2f}"] == pytest.approx(expected, abs=1e-3)
    bars = [sorted(line.get_xdata().tolist()) for line in axes.lines if line.get_linewidth() == 3]
    assert bars == [[1, 2.5], [2.5, 4]]


def test_too_few_tasks_are_said_to_be_so() -> None:
    with pytest.raises(DataError, match=r"found 2 tasks that all 4 methods .* expected \d or more"):
        critical_diagram(block(2))
    with pytest.raises(DataError, match="found no three methods"):
        critical_diagram(block(1))
    with pytest.raises(DataError, match="found no result"):
        critical_diagram([])


def test_no_panel_is_an_error_that_says_what_is_needed() -> None:
    with pytest.raises(DataError, match="figure forest: found no result with a validated score"):
        panels([], "forest")


def test_names_are_as_short_as_may_be() -> None:
    names, seeds, hashes = ["A", "A", "B", "A"], ["0", "1", "0", "0"], ["x", "y", "z", "w"]
    assert distinct(names, seeds, hashes) == ["A0x", "A1", "B", "A0w"]
    assert distinct(["A", "A"], ["0", "0"]) == ["A", "A"]


def test_results_have_the_names_of_their_rows(results: list[Result]) -> None:
    """And a hash nowhere; two seeds of a row are told apart."""
    rows = {row.name for panel in panels(results, "any") for row in panel.rows}
    of_task = [r for r in results if r.spec.task == "rafdb" and not r.record.task.synthetic]
    names = result_names(of_task)
    assert {name.split(", seed ")[0] for name in names} <= rows
    assert len(set(names)) == len(of_task)
    assert sum(", seed " in name for name in names) == 2  # SimCLR's


def test_titles_of_sections_are_not_alike(results: list[Result]) -> None:
    titles = section_titles(results)
    assert len(set(titles)) == len(results)
    assert any(title.startswith("SimCLR f_s") and "seed 1: RAF-DB" in title for title in titles)


def test_what_was_not_drawn_for_one_reason_stands_in_one_row() -> None:
    """Whatever the files of the results are called."""
    reasons = [f"runs/{name}.json: found no cache/features/{name * 16}; run it" for name in "ab"]
    left = [
        Drawn(figure, of, None, reason)
        for of, reason in zip(("A", "B"), reasons, strict=True)
        for figure in ("neighbours", "features")
    ]
    page = index_page("Figures", left)
    assert page.count("<tr><td>") == 1
    assert "<td>neighbours, features<td>2 results<td>found no cache/features/…; run it" in page
    assert reasons[0] in index_page("Figures", left[:1])
