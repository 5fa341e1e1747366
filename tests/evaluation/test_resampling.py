"""Drawing test items again: what a unit is, and that scores follow from draws as from items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_world import classes, pair_list, scored, write

from facebench.errors import StageError
from facebench.evaluation.metrics.confusion import accuracy, confusion_matrix, macro_f1
from facebench.evaluation.protocol import protocol_named
from facebench.evaluation.protocols.confusion_measures import of_confusions
from facebench.evaluation.resampling import _KeptTimes, draw, draws, measure
from facebench.evaluation.units import units
from facebench.results.stats.common_items import aligned, items_digest, restricted

RNG = np.random.default_rng(5)
N = 60
TARGETS = ("au1", "au2")


def detections() -> pd.DataFrame:
    frame = pd.DataFrame(
        {"path": [f"{n}.png" for n in range(N)], "subject": [f"s{n // 5:02d}" for n in range(N)],
         "fold": np.arange(N) // 5 % 3}
    )  # fmt: skip
    for target in TARGETS:
        for kind in ("label", "honest", "paper", "paper_last"):
            frame[f"{kind}_{target}"] = RNG.integers(0, 2, N).astype(np.int8)
    return frame


def angles() -> pd.DataFrame:
    frame = pd.DataFrame({"path": [f"{n}.png" for n in range(N)]})
    for target in ("yaw", "roll"):
        for kind in ("label", "honest", "paper", "paper_last"):
            frame[f"{kind}_{target}"] = RNG.normal(0, 20, N)
    return frame


def pairs_of_people(count: int = N) -> pd.DataFrame:
    people = np.array([f"name_{n}" for n in range(2 * count)])
    sides = np.column_stack(
        [people[::2], np.where(np.arange(count) % 2, people[1::2], people[::2])]
    )
    frame = pair_list(RNG.random(count) < 0.7, sides)
    frame["honest_similarity"] = RNG.random(count)
    return frame


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: classes(RNG.random(N) < 0.6), ["accuracy", "macro_f1", "balanced_accuracy"]),
        (pairs_of_people, ["accuracy", "roc_auc", "tar_at_far_0.1"]),
        (detections, ["f1", "f1_au1", "f1_au2", "f1_pooled"]),
        (angles, ["mae", "mae_yaw", "mae_roll"]),
    ],
)
def test_a_draw_is_scored_as_the_protocol_scores_the_drawn_items(
    make: Any, names: list[str]
) -> None:
    """The independent side: repeat the rows that were drawn, and score the longer table."""
    frame = make()
    protocol, whole = scored(frame)
    drawn = units(frame)
    assert drawn.enough
    parts = protocol_named(protocol).measures(frame, "honest", drawn.of_item)
    of_draws = measure(parts, names)
    alone = of_draws(np.ones((1, len(drawn.strata))))[0]
    np.testing.assert_allclose(alone, [whole["honest"][name] for name in names])
    times = draw(drawn.strata, np.random.default_rng(0), 3).astype(float)
    found = of_draws(times)
    for row, counts in zip(found, times, strict=True):
        again = frame.loc[frame.index.repeat(counts[drawn.of_item].astype(int))].reset_index()
        if protocol == "verification":  # folds of unequal size: accuracy is over pairs
            right = (again["honest"] == again["same"]).mean()
            np.testing.assert_allclose(row[0], right)
            again["fold"] = np.arange(len(again)) % 2
            row, kept = row[1:], names[1:]
        else:
            kept = names
        expected = scored(again)[1]["honest"]
        np.testing.assert_allclose(row, [expected[name] for name in kept])


def test_units_are_images_or_subjects_within_folds() -> None:
    images = units(classes(np.ones(10)))
    assert (images.name, len(images.strata), images.single) == ("images", 10, True)
    frame = detections()
    subjects = units(frame)
    assert (subjects.name, len(subjects.strata), subjects.single) == ("subjects", 12, False)
    times = draw(subjects.strata, np.random.default_rng(0), 50)
    for fold in range(3):
        assert (times[:, subjects.strata == fold].sum(1) == 4).all()
    one_each = units(frame[frame["subject"].isin(["s00", "s01", "s02"])].reset_index(drop=True))
    assert not one_each.enough


def test_pairs_that_share_a_person_are_drawn_as_one() -> None:
    people = np.array([[f"a{n}", f"a{n}"] for n in range(40)])
    people[1] = ["a0", "a2"]  # ties 0, 1 and 2 together
    people[5] = ["a4", "a4"]  # and 4 and 5
    frame = pair_list(np.ones(40), people)
    drawn = units(frame)
    assert drawn.name == "groups of people whom pairs tie together"
    assert len(set(drawn.of_item[:3])) == 1
    assert drawn.of_item[4] == drawn.of_item[5]
    assert len(drawn.strata) == 40 - 3 == len(set(drawn.of_item))


def test_without_names_pairs_are_tied_by_their_images_and_few_groups_are_not_drawn() -> None:
    frame = pd.DataFrame(
        {"first": [f"{n}.jpg" for n in range(40)], "second": [f"{n}.png" for n in range(40)],
         "same": [n % 2 == 0 for n in range(40)]}
    )  # fmt: skip
    frame.loc[1, "first"] = "0.jpg"
    drawn = units(frame)
    assert (drawn.name, len(drawn.strata)) == ("groups of tied images", 39)
    frame["first"] = "0.jpg"
    assert (units(frame).name, units(frame).single) == ("pairs", True)


def test_items_are_matched_by_name_and_those_that_one_lacks_left_out(tmp_path: Path) -> None:
    frame = classes(np.arange(20) % 3 > 0)
    shuffled = frame.iloc[:15].sample(frac=1, random_state=1).reset_index(drop=True)
    both = [write(tmp_path, frame), write(tmp_path, shuffled, method="pcl")]
    first, second = aligned([result.stored_predictions for result in both])
    pd.testing.assert_frame_equal(first, second)
    assert len(first) == 15


def test_another_test_set_is_refused(tmp_path: Path) -> None:
    frame = classes(np.ones(20))
    other = frame.assign(path=[f"x{n}.png" for n in range(20)])
    relabelled = frame.assign(label=frame["label"].to_numpy()[::-1])
    doubled = pd.concat([frame, frame.iloc[:1]], ignore_index=True)
    mine = write(tmp_path, frame)
    for foreign, reason in (
        (other, "no test item in common"), (relabelled, "other labels"), (doubled, "twice"),
    ):  # fmt: skip
        another = write(tmp_path, foreign, method="pcl")
        with pytest.raises(StageError, match=reason):
            aligned([mine.stored_predictions, another.stored_predictions])


def test_results_without_a_common_item_are_named(tmp_path: Path) -> None:
    frame = classes(np.ones(20))
    far = frame.assign(path=[f"x{n}.png" for n in range(20)])
    mine, near, other, first, last = (
        write(tmp_path / str(place), predictions, method=method)
        for place, (method, predictions) in enumerate(
            (("simclr", frame), ("pcl", frame), ("moco", far),
             ("pcl", frame.iloc[:9]), ("moco", frame.iloc[9:].reset_index(drop=True)))
        )
    )  # fmt: skip
    for several, named in (
        ((mine, near, other), f"{mine.path.stem} and {other.path.stem} cannot"),
        ((mine, first, last), f"{mine.path.stem} and others cannot .* that all of them have"),
    ):
        with pytest.raises(StageError, match=named):
            aligned([result.stored_predictions for result in several])


def test_items_have_the_same_digest_if_their_names_order_and_labels_are_the_same() -> None:
    frame = classes(np.arange(20) % 3 > 0)
    other_guesses = frame.assign(honest=0)
    assert items_digest(other_guesses) == items_digest(frame)
    for changed in (
        frame.iloc[::-1], frame.iloc[:-1], frame.assign(label=frame["label"].to_numpy()[::-1]),
        frame.assign(path=[f"x{n}.png" for n in range(20)]), frame.assign(fold=0),
    ):  # fmt: skip
        assert items_digest(changed) != items_digest(frame)
    assert items_digest(frame.astype({"path": object})) == items_digest(frame)
    again = restricted(frame, frame.iloc[[7, 3]])
    pd.testing.assert_frame_equal(again, frame.iloc[[7, 3]].reset_index(drop=True))


@given(st.lists(st.none() | st.text(max_size=3), min_size=1, max_size=6), st.data())
def test_the_digest_of_names_is_that_of_equal_names_alone(
    names: list[str | None], data: st.DataObject
) -> None:
    others = data.draw(st.lists(st.none() | st.text(max_size=3), min_size=1, max_size=6))
    first, second = (pd.DataFrame({"path": pd.Series(of, dtype="str")}) for of in (names, others))
    assert (items_digest(first) == items_digest(second)) == (names == others)
    longer = pd.DataFrame({"path": pd.Series([*others, *names], dtype="str")})
    part = longer.iloc[len(others) :]  # Arrow gives it the letters of all
    assert items_digest(part) == items_digest(first)


@pytest.mark.parametrize("largest", [3, 300])  # of 200 units: more items than int16 can count
def test_confusions_of_a_draw_are_those_of_its_items(largest: int) -> None:
    rng = np.random.default_rng(0)
    of_item = np.concatenate([np.zeros(largest, np.int64), rng.permutation(np.arange(1, 200))])
    labels, guesses = rng.integers(0, 3, (2, len(of_item)))
    of_draws = measure(
        [of_confusions({"accuracy": accuracy, "f1": macro_f1}, labels, guesses, of_item, 3)],
        ["f1", "accuracy"],
    )
    times = draw(np.zeros(200, np.int64), rng, 4)
    times[0] = 0
    times[0, 0] = 200  # the largest unit each time
    for found in map(of_draws, (times.astype(float), times, times.astype(np.int16))):
        for row, counts in zip(found, times, strict=True):
            repeated = np.repeat(np.arange(len(of_item)), counts[of_item])
            matrix = confusion_matrix(labels[repeated], guesses[repeated], 3)
            assert row.tolist() == [macro_f1(matrix), accuracy(matrix)]


def test_draws_in_parts_are_draws_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = classes(RNG.random(50) < 0.5)
    drawn = units(frame)
    parts = protocol_named("classification").measures(frame, "honest", drawn.of_item)
    measured = measure(parts, ["accuracy"])
    whole = draws(drawn, measured, seed=0, resamples=30)
    monkeypatch.setattr("facebench.evaluation.resampling._BUDGET", 200)
    in_parts = draws(drawn, measured, seed=0, resamples=30)
    np.testing.assert_array_equal(whole, in_parts)
    assert whole.shape == (30, 1)


def test_many_classes_take_no_more_memory_than_few(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, guesses = RNG.integers(0, 9, (2, N))
    found = []
    for budget in (2**22, 200):  # two matrices of nine classes at a time
        monkeypatch.setattr("facebench.evaluation.protocols.confusion_measures._BUDGET", budget)
        part = of_confusions({"f1": macro_f1}, labels, guesses, np.arange(N), 9)
        times = draw(np.zeros(N, np.int64), np.random.default_rng(0), 31)
        found.append(part.measure(times))
    at_once, in_parts = found
    np.testing.assert_array_equal(at_once, in_parts)
    assert at_once.shape == (31, 1)


def test_draws_are_kept_within_a_budget() -> None:
    strata = [np.zeros(size, np.int64) for size in (10, 20, 30)]
    times = _KeptTimes(2 * 101 * 45)
    first, second = (times.times(of, 60, 0, 100) for of in strata[:2])
    assert times.times(strata[0], 60, 0, 100) is first
    assert times.size() == 2 * 101 * 30
    times.times(strata[2], 60, 0, 100)  # the second was asked for the longest ago
    assert times.size() == 2 * 101 * 40
    again = times.times(strata[1], 60, 0, 100)
    assert again is not second
    np.testing.assert_array_equal(np.hstack([*again]), np.hstack([*second]))
    large = times.times(np.zeros(46, np.int64), 60, 0, 100)
    assert times.size() <= 2 * 101 * 45
    assert np.hstack([*large]).sum(0).tolist() == [46] * 101


def test_people_without_folds_are_drawn_image_by_image() -> None:
    assert units(detections().drop(columns="fold")).name == "images"
