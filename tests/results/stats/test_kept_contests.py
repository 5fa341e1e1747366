"""Kept contests: equal to computed ones, of the same files alone, and never read if damaged."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from result_world import write_result

from facebench.results.stats import statistics
from facebench.results.stats.statistics import Contest, contests
from facebench.results.store import Result, read_result
from facebench.runtime.kept_values import FOLDER, keep, kept


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Keep below a folder of its own, and note each computation."""
    monkeypatch.setenv("FACEBENCH_CACHE", str(tmp_path / "cache"))
    noted, compute = list[str](), statistics._contests

    def noting(*given: object) -> dict[str, Contest]:
        noted.append("computed")
        return compute(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(statistics, "_contests", noting)
    return noted


@pytest.fixture
def two(tmp_path: Path) -> list[list[Result]]:
    return [[write_result(tmp_path / "results", "classification", seed=seed)] for seed in (3, 4)]


def same(first: Contest, second: Contest) -> None:
    assert first.metric == second.metric
    np.testing.assert_array_equal(first.values, second.values)
    np.testing.assert_array_equal(first.drawn, second.drawn)
    assert len(first.right) == len(second.right)
    for a, b in zip(first.right, second.right, strict=True):
        np.testing.assert_array_equal(a, b)
    for field in dataclasses.fields(first.units):
        np.testing.assert_array_equal(
            getattr(first.units, field.name), getattr(second.units, field.name)
        )


def test_the_second_time_is_read_and_gives_the_same(
    computed: list[str], two: list[list[Result]]
) -> None:
    metrics = [two[0][0].metric]
    first = contests(two, metrics)["accuracy"]
    again = contests([[read_result(r.path) for r in of] for of in two], metrics)["accuracy"]
    assert computed == ["computed"]
    same(first, again)
    assert first.rank_intervals() == again.rank_intervals()
    assert first.difference(0, 1) == again.difference(0, 1)
    # Another order, kind or choice of results is another contest.
    contests(two[::-1], metrics)
    contests(two, metrics, "paper")
    contests(two[:1], metrics)
    assert len(computed) == 4


def test_intervals_and_ranks_are_kept_without_the_draws(
    computed: list[str], two: list[list[Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = [two[0][0].metric]
    first = statistics.rank_intervals(two, metrics)
    assert first == {"accuracy": contests(two, metrics)["accuracy"].rank_intervals()}
    ends = statistics.intervals([*two[0], *two[1]], metrics)
    monkeypatch.setattr(statistics, "read_contests", None)  # is not asked
    assert statistics.rank_intervals(two, metrics) == first
    assert statistics.intervals([*two[0], *two[1]], metrics) == ends
    assert len(computed) == 2


def edit_predictions(result: Result, cache: Path) -> None:
    frame = result.predictions
    frame["honest"] = frame["label"]
    frame.to_parquet(result.predictions_path, index=False)


def damage(result: Result, cache: Path) -> None:
    for file in (cache / FOLDER).iterdir():
        content = bytearray(file.read_bytes())
        content[-200] ^= 1
        file.write_bytes(content)


def cut(result: Result, cache: Path) -> None:
    for file in (cache / FOLDER).iterdir():
        file.write_bytes(file.read_bytes()[:-10])


def swap(result: Result, cache: Path) -> None:
    for file in (cache / FOLDER).iterdir():
        keep("another", kept(file.name) or b"")
        (cache / FOLDER / "another").replace(file)


@pytest.mark.parametrize("change", [edit_predictions, damage, cut, swap])
def test_what_changed_is_computed_again(
    computed: list[str],
    two: list[list[Result]],
    tmp_path: Path,
    change: Callable[[Result, Path], None],
) -> None:
    metrics = [two[0][0].metric]
    before = contests(two, metrics)["accuracy"]
    change(two[0][0], tmp_path / "cache")
    after = contests(two, metrics)["accuracy"]
    assert computed == ["computed"] * 2
    if change is edit_predictions:
        assert after.values[0] == 1.0
    else:
        same(before, after)


def test_without_a_place_to_write_nothing_is_kept_and_all_is_computed(
    computed: list[str], two: list[list[Result]], tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file")
    assert contests(two, [two[0][0].metric])
    assert contests(two, [two[0][0].metric])
    assert computed == ["computed"] * 2
