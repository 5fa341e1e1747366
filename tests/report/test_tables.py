"""Printed numbers as data, and tables that keep apart what cannot be compared."""

import io
from typing import Any

import pytest
from rich.console import Console
from whole_results import changed, merged, whole_result

from facebench.rendering.table import plain
from facebench.report.groups import comparable
from facebench.report.reference import printed, printed_numbers
from facebench.report.render import detail_rows, row, tables
from facebench.results.store import Result

SCORES = {
    "honest": {"accuracy": 0.5, "intervals": {"accuracy": [0.47, 0.53]}},
    "paper": {"accuracy": 0.52, "intervals": {"accuracy": [0.49, 0.55]}},
}
PLAIN: dict[str, Any] = {
    "task": {"warnings": ["three images are missing"]},
    "floors": {"majority class": {"accuracy": 0.387}},
    "scores": SCORES,
}


def result(**task: Any) -> Result:
    return whole_result(**merged(PLAIN, {"task": task}))


def render(results: list[Result]) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    for table in tables(results):
        console.print(table)
    return console.export_text()


@pytest.mark.parametrize(
    ("method", "task", "value", "star"),
    [("PCL", "rafdb", 74.47, False), ("SimCLR", "fer2013", 49.51, True),
     ("PCL", "lfw", 79.72, False), ("MoCo", "cplfw", 57.82, True), ("HoG", "rafdb", 63.53, False)],
)  # fmt: skip
def test_numbers_are_the_printed_ones(method: str, task: str, value: float, star: bool) -> None:
    number = printed(method, task, "accuracy", {})
    assert number is not None
    assert (number.value, number.reproduced) == (value, star)


def test_a_number_is_printed_once() -> None:
    keys = [
        (n.paper, n.method, n.variant, n.task, n.metric, n.reproduced, n.table if n.variant else 0)
        for n in printed_numbers()
    ]
    assert len(set(keys)) == len(keys)
    assert {n.section for n in printed_numbers()} == {"supervised", "self-supervised"}


def test_a_row_shows_both_scores_the_gap_and_the_printed_number() -> None:
    cells = [plain(cell) for cell in row(result())]
    assert cells == [
        "PCL f_s, seed 0\nfacecycle16, 12,800 images of voxceleb (synthetic)", "50.00",
        "47.00 to 53.00", "52.00", "+2.00", "74.47",
    ]  # fmt: skip


def test_a_table_fits_a_terminal_of_80_columns() -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(tables([result(synthetic=True)])[0])
    shown = console.export_text()
    for part in ("PCL f_s, seed 0", "50.00", "synthetic", "47.00 to 53.00", "+2.00"):
        assert part in shown
    assert "74.47" not in shown  # printed for the real RAF-DB


def test_every_synthetic_number_says_so() -> None:
    shown = render([result(synthetic=True)])
    assert shown.count("synthetic") >= 3
    assert "SYNTHETIC faces" in shown
    assert "not shown" in shown


def test_what_cannot_be_compared_never_shares_a_table() -> None:
    results = [
        result(), result(synthetic=True), result(version=2), result(name="lfw"),
        result(protocol=["classification", 2]),
    ]  # fmt: skip
    for key, value in (("task_options", {"test": "public"}), ("limit", 10)):
        results.append(changed(result(), spec={key: value}))
    assert len(comparable(results)) == len(results)
    assert len(tables([result(), result()])) == 1


def test_warnings_reach_the_reader() -> None:
    assert "three images are missing" in render([result()])


def test_an_unprinted_number_is_a_dash() -> None:
    mine = changed(result(), method={"title": "Mine"}, pretrain={"data": None})
    assert plain(row(mine)[-1]) == "–"
    assert "nothing learned" in plain(row(mine)[0])


def test_scores_without_leaks_stand_below() -> None:
    found = result(leaks={"unit": "image", "exact": 288, "near": 140, "tested": 3589,
                          "between": "train and test"})  # fmt: skip
    scores = merged(SCORES, {"honest": {"accuracy": 0.45}})
    levels = {
        "exact": {"removed": 288, **scores},
        "exact and near": {"removed": 428, **scores},
    }
    found = changed(found, scores={"without_leaks": levels})
    shown = [line.split() for line in render([found]).splitlines() if "without" in line]
    assert shown == [
        ["without", "288", "images", "(exact)", "45.00", "47.00", "to", "53.00", "52.00", "+7.00",
         "–"],
        ["without", "428", "images", "(exact", "and", "near)", "45.00", "47.00", "to", "53.00",
         "52.00", "+7.00", "–"],
    ]  # fmt: skip
    found = changed(found, scores={"without_leaks": {"exact and near": {"removed": 288}}})
    assert render([found]).count("without") == 1


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["calm", "a\u202e\nb"], "calm 75.00 [70.00, 80.00]\na b 50.00 [40.00, 60.00]"),
        (None, "75.00 [70.00, 80.00], 50.00 [40.00, 60.00]"),  # an earlier version stored none
        (["calm", "sad", "more"], "75.00 [70.00, 80.00], 50.00 [40.00, 60.00]"),  # whose is which?
    ],
)
def test_recalls_have_the_names_of_their_classes(names: list[str] | None, shown: str) -> None:
    recalls = {
        "class_recalls": [0.75, 0.5], "intervals": {"class_recalls": [[0.7, 0.4], [0.8, 0.6]]},
    }  # fmt: skip
    task = {} if names is None else {"classes": names}
    record = whole_result(task=task, scores={"honest": recalls}).record
    assert dict(detail_rows(record, record.task.classes or ()))["validated class_recalls"] == shown
