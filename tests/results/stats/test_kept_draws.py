"""Kept draws: equal to computed ones, of the same files alone, and never read if damaged."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from result_world import write_result
from stored_world import ACCURACY, classes, write

from facebench.errors import StageError
from facebench.evaluation.protocol import protocol_named
from facebench.evaluation.resampling import draws, measure
from facebench.evaluation.units import units
from facebench.protocol import ScoreKind
from facebench.results.scores import KINDS
from facebench.results.stats import kept_draws, resampled
from facebench.results.stats.comparison import BestCompared, Comparison
from facebench.results.stats.contest import Contest
from facebench.results.stats.kept_draws import Drawing, Resampled, read_draws, write_draws
from facebench.results.stats.resampled import keep_draws
from facebench.results.stats.statistics import contests, intervals
from facebench.results.store import Result, read_result
from facebench.results.stored_predictions import StoredPredictions
from facebench.runtime import pool
from facebench.runtime.kept_values import FOLDER, keep, kept
from facebench.task import Metric

METRIC = Metric(**ACCURACY)  # type: ignore[arg-type]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Keep below a folder of its own, and note whose predictions are read."""
    monkeypatch.setenv("FACEBENCH_CACHE", str(tmp_path / "cache"))
    noted = list[str]()
    original = StoredPredictions.read

    def noting(predictions: StoredPredictions) -> pd.DataFrame:
        noted.append(predictions.path.stem)
        return original(predictions)

    monkeypatch.setattr(StoredPredictions, "read", noting)
    forget()
    return noted


def forget() -> None:
    """Let this process read what is kept, as another one would."""
    resampled._recently_drawn.cache_clear()


@pytest.fixture
def two(tmp_path: Path) -> list[list[Result]]:
    return [[write_result(tmp_path / "results", "classification", seed=seed)] for seed in (3, 4)]


def drawing(result: Result, metrics: Sequence[Metric], kind: ScoreKind = "honest") -> Drawing:
    return Comparison.of([[result]], metrics, kind).drawing


def same(first: Contest, second: Contest) -> None:
    assert (first.metric, first.unit) == (second.metric, second.unit)
    np.testing.assert_array_equal(first.values, second.values)
    np.testing.assert_array_equal(first.drawn, second.drawn)
    assert len(first.right) == len(second.right)
    for a, b in zip(first.right, second.right, strict=True):
        np.testing.assert_array_equal(a, b)


def test_each_result_is_read_once_whatever_it_is_compared_with(
    read: list[str], two: list[list[Result]]
) -> None:
    metrics = [two[0][0].metric]
    first = contests(two, metrics)["accuracy"]
    names = [of[0].path.stem for of in two]
    assert read == names
    again = contests([[read_result(r.path) for r in of] for of in two], metrics)["accuracy"]
    same(first, again)
    assert len(first.right) == 2
    turned = contests(two[::-1], metrics)["accuracy"]
    np.testing.assert_array_equal(turned.drawn, first.drawn[:, ::-1])
    np.testing.assert_array_equal(contests(two[:1], metrics)["accuracy"].drawn, first.drawn[:, :1])
    assert read == names
    contests(two, metrics, "paper")
    assert read == names * 2


@pytest.mark.parametrize("processes", [1, 2])
def test_all_that_is_asked_of_a_result_is_drawn_from_one_reading(
    read: list[str], two: list[list[Result]], monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    monkeypatch.setattr(pool, "FEW", 1)
    metrics = [two[0][0].metric]
    wanted = [
        (of[0].stored_predictions, [drawing(of[0], metrics, kind) for kind in KINDS]) for of in two
    ]
    keep_draws(wanted, processes)
    in_this_process = [of[0].path.stem for of in two] if processes == 1 else []
    assert read == in_this_process
    keep_draws(wanted, processes)
    found = [contests(two, metrics, kind)["accuracy"] for kind in KINDS]
    assert read == in_this_process
    for kind, contest in zip(KINDS, found, strict=True):
        for place, (result,) in enumerate(two):
            frame = pd.read_parquet(result.predictions_path)
            drawn = units(frame)
            parts = protocol_named("classification").measures(frame, kind, drawn.of_item)
            alone = draws(
                drawn, measure(parts, ["accuracy"]), resamples=result.spec.probe.resamples
            )  # fmt: skip
            np.testing.assert_array_equal(contest.drawn[:, place], alone[:, 0])


def test_outcomes_are_kept_without_the_draws(
    read: list[str], two: list[list[Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = [two[0][0].metric]
    everyone = [*two[0], *two[1]]
    compared = Comparison.of(two, metrics)

    def outcomes() -> list[object]:
        return [
            compared.rank_intervals(),
            compared.winners(),
            compared.best_compared(20),
            intervals(everyone, metrics),
        ]

    first = outcomes()
    contest = contests(two, metrics)["accuracy"]
    assert first[0] == {"accuracy": contest.rank_intervals()}
    assert first[1] == ({"accuracy": contest.best} if contest.significantly_best() else {})
    best = first[2]
    assert isinstance(best, BestCompared)
    assert best.places[0] == contest.best
    assert best.differences == [contest.difference(*best.places)]
    monkeypatch.setattr(resampled, "read_draws", None)  # is not asked
    monkeypatch.setattr(Comparison, "contests", None)
    assert outcomes() == first


def test_results_of_fewer_items_are_compared_on_those_that_all_have(
    read: list[str], tmp_path: Path
) -> None:
    frame = classes(np.arange(40) % 3 > 0)
    fewer = classes(np.arange(40) % 5 > 0).iloc[4:].sample(frac=1, random_state=1)
    three = [
        [write(tmp_path, frame)],
        [write(tmp_path, fewer.reset_index(drop=True), method="pcl")],
        [write(tmp_path, classes(np.arange(40) % 2 > 0), method="moco")],
    ]
    whole = contests(three, [METRIC])["accuracy"]
    of_common = [
        [write(tmp_path / "common", of_one[0].predictions.sort_values("path").iloc[-36:],
               method=method)]
        for of_one, method in zip(three, ("simclr", "pcl", "moco"), strict=True)
    ]  # fmt: skip
    expected = contests(of_common, [METRIC])["accuracy"]
    np.testing.assert_array_equal(whole.values, expected.values)
    np.testing.assert_array_equal(whole.drawn, expected.drawn)
    read.clear()
    same(whole, contests(three, [METRIC])["accuracy"])
    assert len(read) == 2  # one of each list of items, to see what they have in common


def test_what_takes_much_memory_is_not_held_in_the_process(
    read: list[str], two: list[list[Result]], tmp_path: Path
) -> None:
    """Many draws, and draws of some items, which come with a frame of predictions."""
    held = resampled._recently_drawn.cache_info
    metrics = [two[0][0].metric]
    stored = [of[0].stored_predictions for of in two]
    for draws_of_each, expected in ((10**4 + 1, 0), (100, 2)):
        of_two = resampled.resampled(stored, Drawing(("accuracy",), "honest", draws_of_each))
        assert [len(one.drawn) for one in of_two] == [draws_of_each] * 2
        assert held().currsize == expected
    forget()
    frame = classes(np.arange(40) % 3 > 0)
    fewer = [[write(tmp_path / str(n), frame.drop(index=n).reset_index(drop=True))] for n in (1, 2)]
    for _ in range(2):
        contests(fewer, metrics)
    assert held().currsize == 2  # each on its own items


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
    read: list[str],
    two: list[list[Result]],
    tmp_path: Path,
    change: Callable[[Result, Path], None],
) -> None:
    metrics = [two[0][0].metric]
    before = contests(two, metrics)["accuracy"]
    change(two[0][0], tmp_path / "cache")
    read.clear()
    if change is not edit_predictions:
        forget()
    after = contests(two, metrics)["accuracy"]
    if change is edit_predictions:
        assert read == [two[0][0].path.stem]
        assert after.values[0] == 1.0
    else:
        assert len(read) == 2
        same(before, after)


@pytest.mark.usefixtures("read")
def test_a_file_of_equal_size_and_time_is_not_taken_for_the_one_before(
    two: list[list[Result]],
) -> None:
    path = two[0][0].predictions_path
    frame = two[0][0].predictions
    size = 0
    for honest in (frame["honest"], frame["label"].sample(frac=1, random_state=0)):
        frame["honest"] = honest.to_numpy()
        frame.to_parquet(path, index=False, compression=None, use_dictionary=False)
        os.utime(path, (1_000_000_000, 1_000_000_000))
        assert size in (0, path.stat().st_size)
        size = path.stat().st_size
        found = contests(two, [two[0][0].metric])["accuracy"]
        assert found.values[0] == pytest.approx((frame["honest"] == frame["label"]).mean())


def test_without_a_place_to_write_nothing_is_kept_and_all_is_computed(
    read: list[str], two: list[list[Result]], tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file")
    metrics = [two[0][0].metric]
    keep_draws([(two[0][0].stored_predictions, [drawing(two[0][0], metrics)])])
    assert read == []
    first = contests(two, metrics)["accuracy"]
    same(first, contests(two, metrics)["accuracy"])
    assert len(read) == 2  # this process still holds the draws
    forget()
    same(first, contests(two, metrics)["accuracy"])
    assert len(read) == 4


def test_what_cannot_be_computed_is_said_to_who_asks(
    read: list[str], two: list[list[Result]]
) -> None:
    lpips = Metric(name="lpips", title="LPIPS", higher_is_better=False, scale=1.0)
    keep_draws([(two[0][0].stored_predictions, [drawing(two[0][0], [lpips])])])
    with pytest.raises(StageError, match=r"lpips cannot be computed.*accuracy"):
        contests(two, [lpips])
    two[0][0].predictions_path.unlink()
    keep_draws([(two[0][0].stored_predictions, [drawing(two[0][0], [lpips])])])
    with pytest.raises(StageError, match="are missing"):
        contests(two, [two[0][0].metric])


@given(
    st.lists(st.text("ab_", min_size=1), max_size=3, unique=True), st.integers(0, 5),
    st.none() | st.lists(st.booleans(), max_size=20), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_draws_are_read_as_they_were_written(
    names: list[str], count: int, right: list[bool] | None, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(1 + count, len(names)))
    values[rng.random(values.shape) < 0.1] = np.nan
    written = Resampled(
        items="items", unit="images", known=(*names, "more"), names=tuple(names),
        values=values[0], drawn=values[1:], right=None if right is None else np.array(right, bool),
    )  # fmt: skip
    store = dict[str, bytes]()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kept_draws, "keep", store.__setitem__)
        patched.setattr(kept_draws, "kept", store.get)
        write_draws("key", written)
        read = read_draws("key")
    assert read is not None
    assert (read.items, read.unit, read.known, read.names) == (
        "items",
        "images",
        written.known,
        written.names,
    )
    np.testing.assert_array_equal(read.values, written.values)
    np.testing.assert_array_equal(read.drawn, written.drawn)
    np.testing.assert_equal(read.right, written.right)


@pytest.mark.parametrize("change", ["missing", "text", "bytes"])
def test_predictions_that_break_the_arithmetic_are_named(
    change: str, read: list[str], two: list[list[Result]]
) -> None:
    result = two[0][0]
    frame = result.predictions
    if change == "missing":
        frame = frame.drop(columns="honest")
    elif change == "text":
        frame["label"] = "happy"
    else:
        frame["path"] = b"\xff"
    frame.to_parquet(result.predictions_path, index=False)
    asked = drawing(result, [result.metric])
    keep_draws([(result.stored_predictions, [asked])])  # who asks is told
    with pytest.raises(StageError, match=rf"{result.predictions_path.name}.*cannot be scored"):
        contests(two[:1], [result.metric])


def test_predictions_that_a_protocol_refuses_are_named(read: list[str], tmp_path: Path) -> None:
    result = write_result(tmp_path / "results", "multilabel", seed=3)
    frame = result.predictions
    column = next(name for name in map(str, frame) if name.startswith("label_"))
    frame[column] = 2
    frame.to_parquet(result.predictions_path, index=False)
    with pytest.raises(StageError, match=rf"{result.predictions_path.name}.*neither 0 nor 1"):
        contests([[result]], [result.metric])
