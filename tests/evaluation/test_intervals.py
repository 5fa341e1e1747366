"""Intervals over test items, against loops that draw the items, libraries and closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from sklearn.metrics import roc_auc_score

from facebench.errors import DataError
from facebench.evaluation.metrics import confusion as metrics
from facebench.evaluation.metrics import intervals
from facebench.evaluation.protocol import protocol_named
from facebench.evaluation.protocols.confusion_measures import confusions_of
from facebench.evaluation.resampling import SEED, draws, interval_ends, undrawn
from facebench.evaluation.units import units

CLASSES = 3


def _items(count: int = 200, seed: int = 0) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    labels = rng.choice(CLASSES, count, p=[0.6, 0.3, 0.1])
    noise = rng.integers(0, CLASSES, count)
    return labels, np.where(rng.random(count) < 0.6, labels, noise)


def of_groups(labels: Any, predictions: Any, groups: Any, classes: int) -> npt.NDArray[np.int64]:
    """Return the confusion matrix of each group, in the order of their names."""
    return np.stack(
        [
            metrics.confusion_matrix(labels[groups == name], predictions[groups == name], classes)
            for name in np.unique(groups)
        ]
    )


def of_items(
    labels: Any,
    predictions: Any,
    statistic: intervals.Statistic,
    *,
    resamples: int = 2000,
    classes: int = CLASSES,
    seed: int = SEED,
) -> tuple[Any, Any, Any]:
    """Return a metric of classes, and the ends of its interval over images."""
    drawn = units(pd.DataFrame({"path": np.arange(len(labels)).astype(str)}))
    confusions = confusions_of(labels, predictions, drawn.of_item, classes)

    def measured(times: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        return statistic(confusions(times)).reshape(len(times), -1)

    low, high = interval_ends(drawn, measured, resamples=resamples, seed=seed)
    return undrawn(drawn, measured), low, high


@pytest.mark.parametrize(
    "statistic",
    [metrics.accuracy, metrics.macro_f1, metrics.balanced_accuracy, metrics.class_recalls],
)
def test_the_interval_is_that_of_a_loop_over_drawn_items(statistic: intervals.Statistic) -> None:
    labels, predictions = _items()
    values, low, high = of_items(labels, predictions, statistic, resamples=20_000)
    drawn = np.random.default_rng(2).integers(0, len(labels), (10_000, len(labels)))
    matrices = np.zeros((len(drawn), CLASSES, CLASSES), dtype=np.int64)
    np.add.at(matrices, (np.arange(len(drawn))[:, None], labels[drawn], predictions[drawn]), 1)
    ends = np.quantile(statistic(matrices).reshape(len(drawn), -1), [0.025, 0.975], axis=0)
    matrix = metrics.confusion_matrix(labels, predictions, CLASSES)
    np.testing.assert_array_equal(values, np.ravel(statistic(matrix)))
    np.testing.assert_allclose([low, high], ends, atol=0.012)


def test_accuracy_agrees_with_scipy_and_with_the_binomial() -> None:
    labels, predictions = _items()
    right = labels == predictions
    _, low, high = of_items(labels, predictions, metrics.accuracy, resamples=50_000)
    library = stats.bootstrap(
        (right,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    exact = stats.binom.ppf([0.025, 0.975], len(right), right.mean()) / len(right)
    for ends in (library, exact):
        np.testing.assert_allclose([low[0], high[0]], ends, atol=1.01 / len(right))


def test_all_results_on_a_test_set_have_the_same_draws() -> None:
    """Two models that differ in one image: so do their draws, by how often it is drawn."""
    labels, predictions = _items()
    other = predictions.copy()
    other[7] = labels[7]
    predictions[7] = (labels[7] + 1) % CLASSES
    drawn = units(pd.DataFrame({"path": np.arange(len(labels)).astype(str)}))

    def of_draws(guesses: Any) -> Any:
        confusions = confusions_of(labels, guesses, drawn.of_item, CLASSES)
        return draws(drawn, lambda t: metrics.accuracy(confusions(t))[:, None], resamples=500)

    gained = (of_draws(other) - of_draws(predictions)) * len(labels)
    np.testing.assert_allclose(gained, gained.round(), atol=1e-9)
    assert set(gained.round().ravel()) >= {0, 1, 2}
    assert gained.mean() == pytest.approx(1, abs=0.15)


def test_subjects_are_drawn_whole_and_within_their_fold() -> None:
    rng = np.random.default_rng(0)
    subject = np.repeat(np.arange(9), rng.integers(5, 30, 9))
    label = rng.random(len(subject)) < rng.uniform(0.1, 0.6, 9)[subject]
    decided = label ^ (rng.random(len(subject)) < 0.2)
    columns = {"label": label, "honest": decided, "paper": decided, "paper_last": decided}
    frame = pd.DataFrame({"subject": subject, "fold": subject % 3})
    for name, values in columns.items():
        frame[f"{name}_au1"] = values.astype(np.int8)
    protocol = protocol_named("multilabel")
    found = protocol.score(frame, {}, resamples=4000, seed=SEED)["honest"]
    naive = []
    for _ in range(1500):
        chosen = [rng.choice(np.arange(fold, 9, 3), 3) for fold in range(3)]
        of_folds = []
        for people in chosen:
            rows = np.concatenate([np.flatnonzero(subject == one) for one in people])
            shown, guessed = label[rows], decided[rows]
            of_folds.append(2 * (shown & guessed).sum() / max(1, shown.sum() + guessed.sum()))
        naive.append(np.mean(of_folds))
    assert found["intervals"]["f1"] == pytest.approx(np.quantile(naive, [0.025, 0.975]), abs=0.015)
    alone = frame[(frame["fold"] != 2) | (frame["subject"] == 2)]  # one subject in the last fold
    lacking = protocol.score(alone, {}, resamples=200, seed=SEED)["honest"]
    assert lacking["intervals"]["f1"] == [None, None]
    assert lacking["f1"] > 0


def test_groups_of_pairs_are_drawn_whole() -> None:
    """Forty people, each in three pairs of their own that are right or wrong together."""
    rng = np.random.default_rng(3)
    person = np.repeat(np.arange(40), 3)
    same = np.tile([True, True, False], 40)
    right = np.repeat(rng.random(40) < 0.7, 3)
    similarity = np.where(same == right, 0.8, 0.2) + rng.normal(0, 0.05, len(person))
    frame = pd.DataFrame(
        {
            "first": [f"a{n}_1.jpg" for n in person],
            "second": [f"{'a' if k % 3 < 2 else 'b'}{n}_2.jpg" for k, n in enumerate(person)],
            "same": same, "fold": person % 2,
        }
    )  # fmt: skip
    for kind in ("honest", "paper"):
        frame[kind], frame[f"{kind}_similarity"] = same == right, similarity
    choices = {
        "variants": dict.fromkeys(("honest", "paper"), "exact"),
        "thresholds": {"honest": [0.5, 0.5], "paper": [0.5, 0.5]},
    }
    found = protocol_named("verification").score(frame, choices, resamples=4000, seed=SEED)
    ends = found["honest"]["intervals"]
    members = [np.flatnonzero(person == n) for n in range(40)]
    accuracies, areas = [], []
    for _ in range(2000):
        rows = np.concatenate([members[n] for n in rng.integers(0, 40, 40)])
        accuracies.append(right[rows].mean())
        areas.append(roc_auc_score(same[rows], similarity[rows]))
    for name, naive in (("accuracy", accuracies), ("roc_auc", areas)):
        assert ends[name] == pytest.approx(np.quantile(naive, [0.025, 0.975]), abs=0.02)
    assert found["paper"]["intervals"] == ends  # which rank the pairs alike


def test_groups_of_one_item_are_items() -> None:
    labels, predictions = _items()
    totals = of_groups(labels, predictions, np.arange(len(labels)), CLASSES)
    grouped = intervals.bootstrap_groups(
        totals, metrics.macro_f1, rng=np.random.default_rng(0), resamples=20_000
    )
    free = np.ravel(of_items(labels, predictions, metrics.macro_f1, resamples=20_000, seed=1))
    np.testing.assert_allclose([grouped.estimate, grouped.low, grouped.high], free, atol=0.006)


def test_groups_are_drawn_whole() -> None:
    labels, predictions = _items(60)
    groups = np.random.default_rng(3).choice(["a", "b", "c", "d", "e", "f", "g"], 60)
    totals = of_groups(labels, predictions, groups, CLASSES)
    found = intervals.bootstrap_groups(
        totals, metrics.accuracy, rng=np.random.default_rng(0), resamples=40_000
    )
    rng = np.random.default_rng(1)
    members = [np.flatnonzero(groups == name) for name in np.unique(groups)]
    naive = []
    for _ in range(10_000):
        drawn = np.concatenate([members[g] for g in rng.integers(0, 7, 7)])
        naive.append(np.mean(labels[drawn] == predictions[drawn]))
    np.testing.assert_allclose(
        [found.low, found.high], np.quantile(naive, [0.025, 0.975]), atol=0.012
    )


def test_copies_of_items_do_not_narrow_a_grouped_interval() -> None:
    right = np.arange(40) % 4 > 0
    widths = []
    for copies in (1, 9):
        truth = np.repeat(right.astype(np.int64), copies)
        totals = of_groups(np.ones_like(truth), truth, np.repeat(np.arange(40), copies), 2)
        found = intervals.bootstrap_groups(
            totals, metrics.accuracy, rng=np.random.default_rng(0), resamples=4000
        )
        widths.append(float(found.high - found.low))
    assert widths[0] == pytest.approx(widths[1])


def test_mean_errors_come_with_an_interval_too() -> None:
    errors = np.random.default_rng(0).exponential(5.0, 300)
    found = intervals.bootstrap_groups(
        np.stack([errors, np.ones(300)], axis=1),
        lambda totals: totals[:, 0] / totals[:, 1],
        rng=np.random.default_rng(1),
    )
    half = 1.96 * errors.std() / np.sqrt(300)
    assert float(found.estimate) == pytest.approx(errors.mean())
    assert float(found.high - found.low) == pytest.approx(2 * half, rel=0.05)


def test_a_95_percent_interval_holds_the_truth_95_times_in_100() -> None:
    rng, covered = np.random.default_rng(0), 0
    labels = np.ones(300, np.int64)
    for _ in range(300):
        guesses = (rng.random(300) < 0.7).astype(np.int64)
        _, low, high = of_items(labels, guesses, metrics.accuracy, resamples=1000, classes=2)
        covered += int(low[0] <= 0.7 <= high[0])
    assert 0.92 <= covered / 300 <= 0.98


def test_a_class_without_items_has_no_interval_and_no_warning() -> None:
    labels, predictions = np.repeat([0, 1], [7, 5]), np.repeat([0, 1, 0, 1], [5, 2, 1, 4])
    values, low, high = of_items(labels, predictions, metrics.class_recalls)
    assert low.shape == (CLASSES,)
    assert np.isnan([values[2], low[2], high[2]]).all()
    assert not np.isnan([low[:2], high[:2]]).any()


def test_draws_without_a_value_are_left_out_of_that_value_alone() -> None:
    drawn = np.random.default_rng(0).normal(size=(400, 3))
    drawn[::4, 1], drawn[:, 2] = np.nan, np.nan
    low, high = intervals.percentile_ends(drawn)
    assert [low[0], high[0]] == pytest.approx(np.quantile(drawn[:, 0], [0.025, 0.975]))
    kept = drawn[~np.isnan(drawn[:, 1]), 1]
    assert [low[1], high[1]] == pytest.approx(np.quantile(kept, [0.025, 0.975]))
    assert np.isnan([low[2], high[2]]).all()


@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=1, max_dims=3, max_side=12),
        elements=st.floats(-100, 100) | st.just(np.nan),
    ),
    st.floats(0.01, 0.99),
)
@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_percentiles_are_those_of_numpy(drawn: npt.NDArray[np.float64], level: float) -> None:
    tails = [(1 - level) / 2, (1 + level) / 2]
    found = intervals.percentile_ends(drawn, level)
    np.testing.assert_allclose(found, np.nanquantile(drawn, tails, axis=0), atol=1e-11)


def test_mistakes_are_named() -> None:
    with pytest.raises(DataError, match="found no test item"):
        units(pd.DataFrame({"path": []}))
    with pytest.raises(DataError, match="found 1; expected at least two"):
        intervals.bootstrap_groups(
            np.ones((1, 2, 2)), metrics.accuracy, rng=np.random.default_rng(0)
        )
