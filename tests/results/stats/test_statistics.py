"""Tests of significance against closed forms, loops and simulation."""

from __future__ import annotations

from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from stored_world import ACCURACY, classes, pair_list, write

from facebench.evaluation.protocol import protocol_named
from facebench.evaluation.resampling import draws, measure
from facebench.evaluation.units import units
from facebench.results.stats.significance import bootstrap_p, holm, mcnemar
from facebench.results.stats.statistics import contests
from facebench.task import Metric

METRIC = Metric(**ACCURACY)  # type: ignore[arg-type]


def decisions(both: int, only_a: int, only_b: int, neither: int) -> tuple[Any, Any]:
    a = [1] * both + [1] * only_a + [0] * only_b + [0] * neither
    b = [1] * both + [0] * only_a + [1] * only_b + [0] * neither
    return np.array(a), np.array(b)


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_is_the_binomial_sum_less_half_of_its_own_term(only_a: int, only_b: int) -> None:
    """Mid-p, two-sided: twice the tail, of which the observed value counts half."""
    found = mcnemar(*decisions(7, only_a, only_b, 3))
    assert (found.both, found.only_a, found.only_b, found.neither) == (7, only_a, only_b, 3)
    n, k = only_a + only_b, min(only_a, only_b)
    tail = sum(comb(n, i) for i in range(k)) + comb(n, k) / 2
    split_evenly = 1 - comb(n, k) / 2**n / 2 if n else 1.0
    expected = split_evenly if only_a == only_b else 2 * tail / 2**n
    assert found.p == pytest.approx(expected, rel=1e-9)
    assert found.p == mcnemar(*decisions(7, only_b, only_a, 3)).p


def test_mcnemar_of_a_published_table() -> None:
    """Fagerland et al. 2013, table 1 (airway hyper-responsiveness): exact 0.070, mid-p 0.039."""
    assert mcnemar(*decisions(1, 1, 7, 12)).p == pytest.approx(0.0391, abs=1e-4)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_the_step_down_procedure(p: list[float]) -> None:
    """A hypothesis is rejected at alpha just if its adjusted p value is at most alpha."""
    adjusted = holm(p)
    for alpha in (0.01, 0.05, 0.3, *adjusted):
        rejected = [False] * len(p)
        for step, place in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
            if p[place] * (len(p) - step) > alpha:
                break
            rejected[place] = True
        assert [value <= alpha for value in adjusted] == rejected or alpha >= 1
    assert (adjusted <= 1).all()
    assert (adjusted >= np.array(p)).all()


def test_holm_of_a_worked_example() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    assert holm([]).shape == (0,)


def test_bootstrap_p_counts_draws_that_are_as_far_from_the_observed_one_as_it_is_from_0() -> None:
    drawn = [1.0, 2.0, 3.0, 0.0, 4.5, np.nan]
    assert bootstrap_p(2.0, drawn) == pytest.approx((1 + 2) / 6)
    assert bootstrap_p(0.0, drawn) == 1.0
    assert bootstrap_p(100.0, np.add(drawn, 98)) == pytest.approx(1 / 6)


def accuracies(tmp_path: Path, *rates: float, items: int = 400, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    hard = rng.random(items)  # the same items are hard for all
    return [
        [write(tmp_path, classes(hard < rate), method="pcl", options={"rate": rate, "seed": seed})]
        for rate in rates
    ]


def test_the_best_is_marked_only_if_it_beats_each_other(tmp_path: Path) -> None:
    clear = contests(accuracies(tmp_path, 0.5, 0.8, 0.6), [METRIC])["accuracy"]
    assert clear.best == 1
    assert clear.significantly_best()
    close = contests(accuracies(tmp_path, 0.5, 0.8, 0.79), [METRIC])["accuracy"]
    assert close.best == 1
    assert close.against_best()[0] < 0.001
    assert not close.significantly_best()
    alone = contests(accuracies(tmp_path, 0.5), [METRIC])["accuracy"]
    assert not alone.significantly_best()


def test_lower_is_better_where_the_metric_says_so(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    label = rng.normal(0, 30, 100)
    results = []
    for method, spread in (("simclr", 9.0), ("pcl", 3.0), ("moco", 6.0)):
        frame = pd.DataFrame({"path": [f"{n}.png" for n in range(100)], "label_yaw": label})
        for kind in ("honest", "paper", "paper_last"):
            frame[f"{kind}_yaw"] = label + rng.normal(0, spread, 100)
        column = {"name": "mae", "title": "MAE", "scale": 1.0, "higher_is_better": False}
        results.append([write(tmp_path, frame, method=method, columns=(column,), task="pose")])
    contest = contests(results, [Metric(**column)])["mae"]  # type: ignore[arg-type]
    assert contest.best == 1
    assert contest.significantly_best()
    assert contest.rank_intervals() == [(3, 3), (1, 1), (2, 2)]
    found = contest.difference(1, 0)
    assert found.test == "bootstrap"
    assert found.low < found.value < found.high < 0
    assert found.p == pytest.approx(1 / 401)


def test_rank_intervals_widen_where_scores_are_close(tmp_path: Path) -> None:
    contest = contests(accuracies(tmp_path, 0.3, 0.61, 0.6, 0.9), [METRIC])["accuracy"]
    assert contest.rank_intervals()[0] == (4, 4)
    assert contest.rank_intervals()[3] == (1, 1)
    assert contest.rank_intervals()[1] in ((2, 2), (2, 3))
    rng = np.random.default_rng(1)
    twins = [[write(tmp_path, classes(rng.random(200) < 0.6), options={"n": n})] for n in range(3)]
    for low, high in contests(twins, [METRIC])["accuracy"].rank_intervals():
        assert low < high


def test_several_seeds_are_compared_by_their_mean(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rates = {"simclr": (0.5, 0.6), "pcl": (0.8, 0.9)}
    sides = [
        [write(tmp_path, classes(rng.random(300) < r), method=m, seed=s) for s, r in enumerate(rs)]
        for m, rs in rates.items()
    ]
    contest = contests(sides, [METRIC])["accuracy"]
    for place, of_one in enumerate(sides):
        stored = [r.scores.honest.value("accuracy") for r in of_one]
        assert contest.values[place] == pytest.approx(np.mean(stored))
    assert contest.difference(1, 0).test == "bootstrap"
    mixed = contests([sides[0], sides[1][:1]], [METRIC])["accuracy"]
    assert mixed.difference(1, 0).test == "bootstrap"
    single = contests([sides[0][:1], sides[1][:1]], [METRIC])["accuracy"]
    assert single.difference(1, 0).test == "McNemar"


def test_too_few_subjects_give_no_interval_and_no_bold(tmp_path: Path) -> None:
    column = {"name": "f1", "title": "F1", "scale": 100.0, "higher_is_better": True}
    sides = []
    for method, guess in (("simclr", 0), ("pcl", 1)):
        frame = pd.DataFrame(
            {"path": list("abcd"), "subject": list("xxyy"), "fold": [0, 0, 1, 1],
             **{f"{k}_au1": [1, 0, 1, 1] for k in ("label",)},
             **{f"{k}_au1": [guess] * 4 for k in ("honest", "paper", "paper_last")}}
        )  # fmt: skip
        sides.append([write(tmp_path, frame, method=method, columns=(column,), task="aus")])
    contest = contests(sides, [Metric(**column)])["f1"]  # type: ignore[arg-type]
    assert contest.interval(0) is None
    assert np.isnan(contest.difference(0, 1).p)
    assert contest.difference(0, 1).test == "none"
    assert not contest.significantly_best()
    assert contest.rank_intervals() == [(1, 2), (1, 2)]


WORLDS, RESAMPLES = 200, 200  # simulated test sets, and draws of each


def outside(hits: int, nominal: float = 0.95) -> bool:
    """Whether so many hits of ``WORLDS`` are too few or too many for the nominal rate."""
    low, high = binom.ppf([0.0005, 0.9995], WORLDS, nominal)
    return not low <= hits <= high


def accuracy_draws(frames: list[pd.DataFrame], protocol: str, rng: np.random.Generator) -> Any:
    """Return the accuracies ``[R, frames]`` of the same draws, and what was drawn."""
    drawn = units(frames[0])
    seed, named = int(rng.integers(2**32)), protocol_named(protocol)
    columns = [
        draws(
            drawn,
            measure(named.measures(frame, "honest", drawn.of_item), ["accuracy"]),
            seed=seed,
            resamples=RESAMPLES,
        )
        for frame in frames
    ]  # fmt: skip
    return np.concatenate(columns, axis=1), drawn


def test_intervals_hold_the_true_score_as_often_as_they_say() -> None:
    """Nominal 95 % within binomial error: accuracy of images, and its paired difference."""
    rng, truth, gap = np.random.default_rng(11), 0.7, 0.1
    covered = difference = 0
    for _ in range(WORLDS):
        hard = rng.random(150)
        other = np.where(rng.random(150) < 0.5, hard, rng.random(150))
        frames = [classes(hard < truth), classes(other < truth - gap)]
        values, _ = accuracy_draws(frames, "classification", rng)
        low, high = np.quantile(values[:, 0], [0.025, 0.975])
        covered += low <= truth <= high
        low, high = np.quantile(values[:, 0] - values[:, 1], [0.025, 0.975])
        difference += low <= gap <= high
    assert not outside(covered), covered
    assert not outside(difference), difference


def test_intervals_over_tied_pairs_hold_where_intervals_over_pairs_do_not() -> None:
    """60 groups of 8 pairs around one person, who is easy or hard: pairs are not independent."""
    rng, covered, naive = np.random.default_rng(12), 0, 0
    sides = np.array([[f"hub{g}", f"o{g}x{k}"] for g in range(60) for k in range(8)])
    for _ in range(WORLDS):
        easy = np.repeat(rng.choice([0.3, 0.9], 60), 8)  # mean 0.6
        frame = pair_list(rng.random(480) < easy, sides)
        values, drawn = accuracy_draws([frame], "verification", rng)
        assert len(drawn.strata) == 60
        low, high = np.quantile(values, [0.025, 0.975])
        covered += low <= 0.6 <= high
        rate = float((frame["honest"] == frame["same"]).mean())
        naive += abs(rate - 0.6) <= 1.96 * np.sqrt(rate * (1 - rate) / 480)
    assert not outside(covered), covered
    assert outside(naive), naive


def test_p_values_are_as_rare_as_they_say_where_there_is_no_difference() -> None:
    """Paired bootstrap and McNemar reject a true null at 5 % about that often, never much more."""
    rng, rejected, by_mcnemar = np.random.default_rng(13), 0, 0
    for _ in range(WORLDS):
        a, b = rng.random(150) < 0.7, rng.random(150) < 0.7
        times = rng.multinomial(150, np.full(150, 1 / 150), size=RESAMPLES)
        gaps = a.astype(float) - b
        rejected += bootstrap_p(gaps.mean(), times @ gaps / 150) < 0.05
        by_mcnemar += mcnemar(a, b).p < 0.05
    assert not outside(rejected, 0.05), rejected
    assert not outside(by_mcnemar, 0.05), by_mcnemar
