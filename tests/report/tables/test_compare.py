"""Two results on the same items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stored_world import classes, pair_list, write
from whole_results import changed

from facebench.errors import StageError
from facebench.report.tables.compare import compare
from facebench.report.tables.comparison import differences

RNG = np.random.default_rng(8)
HARD = RNG.random(300)


def test_items_are_counted_and_the_difference_tested(tmp_path: Path) -> None:
    a, b = HARD < 0.8, RNG.random(300) < 0.6
    found = compare(write(tmp_path, classes(a)), write(tmp_path, classes(b), method="pcl"))
    assert (found.items, found.drawn) == (300, "images")
    assert [(one.kind, one.metric.name) for one in found.metrics] == [
        ("honest", "accuracy"), ("paper", "accuracy"),
    ]  # fmt: skip
    counts = found.decisions["honest"]
    assert (counts.both, counts.only_a, counts.only_b, counts.neither) == (
        (a & b).sum(), (a & ~b).sum(), (~a & b).sum(), (~a & ~b).sum(),
    )  # fmt: skip
    honest = found.metrics[0]
    assert [honest.first, honest.second] == pytest.approx([a.mean(), b.mean()])
    difference = honest.difference
    assert difference.value == pytest.approx(a.mean() - b.mean())
    assert difference.test == "McNemar"
    assert any("McNemar" in note for note in differences(found).notes)
    assert difference.p == counts.p < 0.01
    spread = 1.96 * (a.astype(float) - b).std() / np.sqrt(300)
    assert difference.low == pytest.approx(difference.value - spread, abs=0.02)
    assert difference.high == pytest.approx(difference.value + spread, abs=0.02)


def test_a_comparison_is_printed_as_tables_show_its_values(tmp_path: Path) -> None:
    first = write(tmp_path, classes([True] * 15 + [False] * 5), method="pcl")
    second = write(tmp_path, classes([True] * 10 + [False] * 10))
    heading, *lines = str(compare(first, second)).splitlines()
    assert "20 test items" in heading
    assert [line[:5] for line in lines[:2]] == ["  A: ", "  B: "]
    assert "validated Accuracy (%): 75.00 and 50.00, A − B +25.00 [" in "\n".join(lines)


def test_pairing_makes_a_small_difference_sure(tmp_path: Path) -> None:
    """Both fail on the same hard items; alone their intervals overlap by far."""
    found = compare(
        write(tmp_path, classes(HARD < 0.75)), write(tmp_path, classes(HARD < 0.69), method="pcl")
    )
    assert found.metrics[0].difference.low > 0


def test_pairs_are_counted_and_tested_by_groups_of_people(tmp_path: Path) -> None:
    people = [(n // 2, n) for n in range(80)]  # two pairs of a person
    sides = np.array([[f"a{a}", f"a{a}" if n % 2 else f"b{n}"] for a, n in people])
    right = RNG.random(80) < 0.9
    one = write(tmp_path, pair_list(right, sides), task="lfw", title="LFW")
    other = write(tmp_path, pair_list(right[::-1], sides), task="lfw", title="LFW", method="pcl")
    found = compare(one, other)
    assert found.drawn == "groups of people whom pairs tie together"
    counts = found.decisions["paper"]
    assert counts.both + counts.only_a + counts.only_b + counts.neither == 80


def test_mcnemars_test_is_explained_only_where_it_is_used(tmp_path: Path) -> None:
    found = compare(write(tmp_path, classes(HARD < 0.5)), write(tmp_path, classes(HARD < 0.7)))
    drawn = [replace(one, difference=replace(one.difference, test="bootstrap"))
             for one in found.metrics]  # fmt: skip
    assert any("McNemar" in note for note in differences(found).notes)
    resampled = differences(replace(found, metrics=tuple(drawn)))
    assert not any("McNemar" in note for note in resampled.notes)


def test_a_result_does_not_differ_from_itself(tmp_path: Path) -> None:
    result = write(tmp_path, classes(HARD < 0.5))
    for one in compare(result, result).metrics:
        assert (one.difference.value, one.difference.p) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"task": "fer2013"}, "task rafdb and fer2013"),
        ({"synthetic": True}, "data real and synthetic"),
        ({"image_size": 64}, "size of images 100 and 64"),
        ({"limit": 10}, "limit 0 and 10"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(
    tmp_path: Path, other: dict[str, Any], reason: str
) -> None:
    frame = classes(HARD < 0.5)
    with pytest.raises(StageError, match=f"cannot be compared: .*{reason}"):
        compare(write(tmp_path, frame), write(tmp_path, frame, **other))


def test_options_and_versions_of_the_task_are_reasons(tmp_path: Path) -> None:
    frame = classes(HARD < 0.5)
    one, other = write(tmp_path, frame), write(tmp_path, frame, method="pcl")
    with pytest.raises(StageError, match="option crop None and 150"):
        compare(one, changed(other, spec={"task_options": {"crop": 150}}))
    with pytest.raises(StageError, match="version of the task 1 and 2"):
        compare(one, changed(other, task={"version": 2}))


def test_the_command_shows_the_comparison(tmp_path: Path, facebench: Callable[..., Any]) -> None:
    a = write(tmp_path, classes(HARD < 0.8), synthetic=True)
    b = write(tmp_path, classes(HARD < 0.5), method="pcl", synthetic=True)
    shown = facebench("compare", str(a.path), str(b.path)).stdout
    assert "SYNTHETIC faces" in shown
    (line,) = [line.split() for line in shown.splitlines() if line.split()[:1] == ["validated"]]
    first, second = (100 * np.less(HARD, rate).mean() for rate in (0.8, 0.5))
    assert line[3:6] == [f"{first:.2f}", f"{second:.2f}", f"{first - second:+.2f}"]
    assert line[-1] == "McNemar"
    assert "validated: both right" in shown
    c = write(tmp_path, classes(HARD < 0.5), task="lfw")
    refused = facebench("compare", str(a.path), str(c.path), status=2)
    assert "cannot be compared" in refused.stderr
    assert "no such file" in facebench("compare", "x.json", "y.json", status=2).stderr
