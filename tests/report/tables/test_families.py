"""Tables of a family: one column for each printed number, four lines for each method."""

import io
from typing import Any

from rich.console import Console
from whole_results import whole_result

from facebench.report.tables.families import family_tables, wants_family
from facebench.results.store import Result

ANGLES = [
    {"name": f"mae_{name.lower()}", "title": name, "scale": 1, "higher_is_better": False}
    for name in ("Yaw", "Pitch", "Roll")
] + [{"name": "mae", "title": "MAE", "scale": 1, "higher_is_better": False}]
ACCURACY = [{"name": "accuracy", "title": "Accuracy (%)", "scale": 100, "higher_is_better": True}]


def result(
    task: str,
    columns: list[dict[str, Any]],
    value: float,
    *,
    method: str = "SimCLR",
    pool: str = "flatten",
    **more: Any,
) -> Result:
    names = [column["name"] for column in columns]
    score = {name: value + place for place, name in enumerate(names)}
    ends = {name: [low - 0.25, low + 0.25] for name, low in score.items()}
    task_record = {
        "name": task, "title": task.upper(), "family": "head pose", "columns": columns,
        "main_metric": columns[-1], **more,
    }  # fmt: skip
    floor = {"mae": 17.5} if task == "aflw2000" else {"no metric": 0.0}
    return whole_result(
        "x",
        spec={"method": method.lower(), "extract": {"image_size": 256, "pool": pool}},
        method={"title": method},
        task=task_record,
        pretrain={"data": None, "images_seen": 0},
        scores={
            "honest": {**score, "intervals": ends},
            "paper": {**{name: v - 0.125 for name, v in score.items()}, "intervals": ends},
        },
        floors={"constant predictor": floor},
    )


def lines(results: list[Result]) -> list[list[str]]:
    console = Console(width=220, record=True, file=io.StringIO())
    for table in family_tables(results):
        console.print(table)
    shown = console.export_text().splitlines()
    return [line.split() for line in shown if line.strip()]


def test_pose_has_the_columns_and_printed_numbers_of_table_4() -> None:
    results = [result("aflw2000", ANGLES, 10.0), result("bu3dfe", ACCURACY, 0.5)]
    shown = lines(results)
    (headings,) = [line for line in shown if "Yaw↓" in line]
    assert headings[-6:] == ["Yaw↓", "Pitch↓", "Roll↓", "MAE↓", "Accuracy", "(%)↑"]
    (honest,) = [line for line in shown if line[:1] == ["SimCLR"]]
    assert honest[-5:] == ["10.00", "11.00", "12.00", "13.00", "50.00"]
    (interval,) = [line for line in shown if line[:1] == ["facecycle16,"]]
    assert interval[-5:] == ["9.8-10.2", "10.8-11.2", "11.8-12.2", "12.8-13.2", "25.0-75.0"]
    (paper,) = [line for line in shown if line[:1] == ["test-selected"]]
    assert paper[-5:] == ["9.88", "10.88", "11.88", "12.88", "37.50"]
    (printed,) = [line for line in shown if line[:1] == ["published"]]
    assert printed[-5:] == ["11.20", "19.86", "12.08", "14.38", "98.85"]
    (floor,) = [line for line in shown if line[:2] == ["constant", "predictor"]]
    assert floor[-5:] == ["–", "–", "–", "17.50", "–"]


def test_a_method_that_was_not_run_on_a_task_has_dashes_there() -> None:
    results = [
        result("aflw2000", ANGLES, 10.0), result("bu3dfe", ACCURACY, 0.5),
        result("bu3dfe", ACCURACY, 0.75, method="Mine"),
    ]  # fmt: skip
    (mine,) = [line for line in lines(results) if line[:1] == ["Mine"]]
    assert mine[-5:] == ["–", "–", "–", "–", "75.00"]


def test_results_that_differ_in_pooling_have_rows_of_their_own() -> None:
    results = [
        result("bu3dfe", ACCURACY, 0.25), result("bu3dfe", ACCURACY, 0.5, pool="mean"),
        result("aflw2000", ANGLES, 10.0, pool="mean"),
    ]  # fmt: skip
    shown = lines(results)
    assert [line[-5] for line in shown if line[:1] == ["SimCLR"]] == ["25.00", "50.00"]
    told = [line for line in shown if "extract.pool=mean" in line or "extract.pool=flatten" in line]
    assert len(told) == 2


def test_real_and_synthetic_results_or_other_versions_never_share_a_table() -> None:
    same = [result("aflw2000", ANGLES, 10.0), result("bu3dfe", ACCURACY, 0.5)]
    assert len(family_tables(same)) == 1
    assert len(family_tables([*same, result("bu3dfe", ACCURACY, 0.5, synthetic=True)])) == 2
    assert len(family_tables([*same, result("bu3dfe", ACCURACY, 0.5, version=2)])) == 2


def test_a_family_with_one_printed_number_needs_no_table_of_its_own() -> None:
    assert not wants_family([result("bu3dfe", ACCURACY, 0.5)])
    assert wants_family([result("aflw2000", ANGLES, 10.0)])
    assert wants_family([result("bu3dfe", ACCURACY, 0.5), result("other", ACCURACY, 0.5)])
