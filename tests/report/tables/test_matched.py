"""One run for each method: checked against a choice that is written down case by case."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from board_world import fill
from hypothesis import given
from hypothesis import strategies as st
from stored_world import classes, write

import facebench as fb
from facebench.config.spec import PretrainSpec
from facebench.errors import UnknownNameError
from facebench.report.entries import MethodEntry, stored_results
from facebench.report.tables.matched import matched
from facebench.report.tables.paper_table import paper_tables

COUNTER = itertools.count()


def run(
    title: str = "SimCLR", *, images: int = 100, size: int = 64, precision: str = "32",
    seeds: int = 1, version: int = 1, feature: str = "f_s", backbone: str = "net",
    data: str = "faces", weights: str = "", options: dict[str, Any] | None = None,
) -> MethodEntry:  # fmt: skip
    """Return a run with the attributes that the choice reads."""
    record = SimpleNamespace(
        pretrain=SimpleNamespace(images_seen=images),
        spec=SimpleNamespace(pretrain=SimpleNamespace(image_size=size), precision=precision),
    )
    wanted: Any = SimpleNamespace(
        key=str(next(COUNTER)), title=title, feature=feature, backbone=backbone,
        pretrain_data=data, seeds=tuple(range(seeds)),
        configuration={"method": [title, version], "options": options or {}}
        | ({"imported": weights} if weights else {}),
        all_results=(SimpleNamespace(record=record),),
    )  # fmt: skip
    entry: MethodEntry = wanted
    return entry


def chosen(*runs: MethodEntry) -> list[int]:
    return [runs.index(entry) for entry in matched(runs).entries]


def test_the_budget_that_most_methods_share_is_matched() -> None:
    runs = [
        run("SimCLR", images=400), run("SimCLR", images=100), run("SimCLR", images=200, seeds=3),
        run("PCL", images=100, seeds=2), run("PCL", images=400, size=32),
        run("MoCo", images=100),
    ]  # fmt: skip
    assert chosen(*runs) == [1, 3, 5]
    note = matched(runs).note()
    assert "feature f_s, net, 100 images of faces, 64 px, float32" in note
    assert "\n" not in note


def test_of_budgets_that_as_many_share_the_largest_is_matched_whatever_its_seeds() -> None:
    runs = [
        run("SimCLR", seeds=3), run("SimCLR", images=200), run("PCL", seeds=3),
        run("PCL", images=200), run("PCL", images=400, seeds=9),
    ]  # fmt: skip
    assert chosen(*runs) == [1, 3]


@pytest.mark.parametrize(
    ("near", "far"),
    [
        ({"images": 100, "size": 16}, {"images": 90}),
        ({"images": 90}, {"images": 100, "data": "others"}),
        ({"images": 90, "data": "others"}, {"backbone": "large"}),
        ({"backbone": "large"}, {"feature": "f_f"}),
        ({"images": 55}, {"images": 190}),
        ({"size": 32, "precision": "bf16"}, {"size": 24}),
        ({}, {"precision": "bf16"}),
        ({"seeds": 2, "images": 90}, {"images": 90}),
    ],
)
def test_without_the_budget_the_nearest_is_taken_part_by_part(
    near: dict[str, Any], far: dict[str, Any]
) -> None:
    shared = [run("PCL"), run("MoCo")]
    assert chosen(*shared, run(**far), run(**near)) == [0, 1, 3]
    assert chosen(*shared, run(**near), run(**far)) == [0, 1, 2]


def test_an_older_version_is_left_out_even_at_the_budget() -> None:
    assert chosen(run("PCL"), run("SimCLR", version=1), run("SimCLR", version=2, images=5)) == [
        0, 2,
    ]  # fmt: skip


def test_where_nothing_is_learned_other_weights_or_options_are_other_methods() -> None:
    still: dict[str, Any] = {"images": 0, "data": ""}
    wide: dict[str, Any] = {"options": {"radius": 2.0}}
    runs = [
        run("Frozen", backbone="a", **still), run("Frozen", backbone="b", **still),
        run("Imported", weights="x", **still), run("Imported", weights="y", **still),
        run("LBP", **still), run("LBP", seeds=2, **still), run("LBP", **still, **wide),
        run("PCL"), run("PCL", seeds=2, **wide),
    ]  # fmt: skip
    assert chosen(*runs) == [0, 1, 2, 3, 5, 6, 8]
    assert "with the most seeds" in matched(runs[:7]).note()
    assert matched([]).entries == ()


sizes = st.sampled_from([16, 32, 64])
budgets = st.tuples(st.sampled_from("ABC"), st.sampled_from([50, 100, 400]), sizes,
                    st.sampled_from(["32", "bf16"]), st.integers(1, 3))  # fmt: skip


@given(st.lists(budgets, min_size=1, max_size=12))
def test_it_equals_the_choice_of_a_naive_comparison(
    rows: list[tuple[str, int, int, str, int]],
) -> None:
    runs = [run(t, images=i, size=s, precision=p, seeds=n) for t, i, s, p, n in rows]
    best: tuple[Any, ...] = ()
    for _, images, size, precision, _ in rows:
        same = [row for row in rows if row[1:4] == (images, size, precision)]
        rank = (len({row[0] for row in same}), images, size, sum(row[4] for row in same), precision)
        best = max(best, rank) if best else rank
    _, images, size, _, precision = best
    naive: dict[str, int] = {}
    for place, row in enumerate(rows):
        if row[0] not in naive:
            naive[row[0]] = place
            continue
        held = rows[naive[row[0]]]
        for mine, theirs in (
            (abs(math.log2(row[1] / images)), abs(math.log2(held[1] / images))),
            (abs(math.log2(row[2] / size)), abs(math.log2(held[2] / size))),
            (row[3] != precision, held[3] != precision),
            (-row[4], -held[4]),
        ):
            if mine != theirs:
                if mine < theirs:
                    naive[row[0]] = place
                break
    assert chosen(*runs) == sorted(naive.values())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two methods at one size, one of them at another, too, on both tasks of Table 1."""
    folder = tmp_path_factory.mktemp("matched")
    for number, (method, size, seed) in enumerate(
        [("simclr", 64, 0), ("simclr", 32, 0), ("pcl", 64, 0), ("pcl", 64, 1)]
    ):
        right = np.random.default_rng(number).random(200) < 0.6
        for task, title in (("fer2013", "FER-2013"), ("rafdb", "RAF-DB")):
            write(
                folder, classes(right), method=method, task=task, title=title, seed=seed,
                pretrain=PretrainSpec(image_size=size),
            )  # fmt: skip
    return folder


def test_a_table_shows_one_run_for_each_method_and_says_by_which_rule(root: Path) -> None:
    (table,) = paper_tables(1, stored_results(root), rows="matched")
    ours = {row.name: row for row in table.rows if row.entry}
    assert list(ours) == ["SimCLR", "PCL"]
    assert [row.run for row in ours.values()] == ["seed 0", "seeds 0, 1"]
    assert any("64 px, float32" in note and "All of our rows" in note for note in table.notes)
    assert sum(note.startswith("One row per method") for note in table.notes) == 1
    assert any("1 further configuration;" in note for note in table.notes)
    (every,) = paper_tables(1, stored_results(root))
    counts = defaultdict[str, int](int)
    for row in every.rows:
        counts[row.name] += row.entry is not None
    assert (counts["SimCLR"], counts["PCL"]) == (2, 1)
    assert not any(note.startswith("One row per method") for note in every.notes)


def test_python_and_publication_have_both(root: Path, tmp_path: Path) -> None:
    found = fb.load_results(root)
    assert "One row per method" in found.table(1, "md", rows="matched")
    assert found.table(1, "md") == found.table(1, "md", rows="all")
    with pytest.raises(UnknownNameError, match="unknown rows 'best'"):
        found.table(1, rows="best")
    whole = tmp_path / "results"
    fill(whole)
    fb.publish(whole, tmp_path / "tables")
    for name, rows in (("table1-real.md", "all"), ("table1-real-matched.md", "matched")):
        written = (tmp_path / "tables" / name).read_text()
        assert written == fb.load_results(whole).table(1, "md", synthetic=False, rows=rows)
