from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from facebench.errors import DataError
from facebench.evaluation.metrics import confusion as metrics
from facebench.evaluation.metrics import intervals

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


@pytest.mark.parametrize(
    "statistic",
    [metrics.accuracy, metrics.macro_f1, metrics.balanced_accuracy, metrics.class_recalls],
)
def test_drawing_cells_is_drawing_items(statistic: intervals.Statistic) -> None:
    labels, predictions = _items()
    matrix = metrics.confusion_matrix(labels, predictions, CLASSES)
    cells = intervals.bootstrap_confusion(
        matrix, statistic, rng=np.random.default_rng(1), resamples=20_000
    )
    drawn = np.random.default_rng(2).integers(0, len(labels), (10_000, len(labels)))
    matrices = np.zeros((len(drawn), CLASSES, CLASSES), dtype=np.int64)
    np.add.at(matrices, (np.arange(len(drawn))[:, None], labels[drawn], predictions[drawn]), 1)
    naive = statistic(matrices)
    low, high = np.quantile(naive, [0.025, 0.975], axis=0)
    np.testing.assert_array_equal(cells.estimate, statistic(matrix))
    np.testing.assert_allclose(cells.low, low, atol=0.012)
    np.testing.assert_allclose(cells.high, high, atol=0.012)


def test_accuracy_agrees_with_scipy_and_with_the_binomial() -> None:
    labels, predictions = _items()
    right = labels == predictions
    found = intervals.bootstrap_confusion(
        metrics.confusion_matrix(labels, predictions, CLASSES),
        metrics.accuracy,
        rng=np.random.default_rng(0),
        resamples=50_000,
    )
    library = stats.bootstrap(
        (right,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    exact = stats.binom.ppf([0.025, 0.975], len(right), right.mean()) / len(right)
    for ends in (library, exact):
        np.testing.assert_allclose([found.low, found.high], ends, atol=1.01 / len(right))


def test_groups_of_one_item_are_items() -> None:
    labels, predictions = _items()
    names = np.arange(len(labels))
    totals = of_groups(labels, predictions, names, CLASSES)
    grouped = intervals.bootstrap_groups(
        totals, metrics.macro_f1, rng=np.random.default_rng(0), resamples=20_000
    )
    free = intervals.bootstrap_confusion(
        totals.sum(0), metrics.macro_f1, rng=np.random.default_rng(1), resamples=20_000
    )
    np.testing.assert_allclose(
        [grouped.estimate, grouped.low, grouped.high],
        [free.estimate, free.low, free.high],
        atol=0.006,
    )


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
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        right = rng.binomial(300, 0.7)
        found = intervals.bootstrap_confusion(
            [[right, 300 - right], [0, 0]], metrics.accuracy, rng=rng, resamples=1000
        )
        covered += int(found.low <= 0.7 <= found.high)
    assert 0.92 <= covered / 300 <= 0.98


def test_memory_bound_changes_nothing_but_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, predictions = _items()
    matrix = metrics.confusion_matrix(labels, predictions, CLASSES)
    whole = intervals.bootstrap_confusion(matrix, metrics.accuracy, rng=np.random.default_rng(0))
    monkeypatch.setattr(intervals, "_BUDGET", 1000)
    parts = intervals.bootstrap_confusion(matrix, metrics.accuracy, rng=np.random.default_rng(0))
    assert (whole.low, whole.high) == (parts.low, parts.high)


def test_a_class_without_items_has_no_interval_and_no_warning() -> None:
    found = intervals.bootstrap_confusion(
        [[5, 2, 0], [1, 4, 0], [0, 0, 0]], metrics.class_recalls, rng=np.random.default_rng(0)
    )
    assert found.low.shape == (3,)
    assert np.isnan([found.estimate[2], found.low[2], found.high[2]]).all()
    assert not np.isnan(found.low[:2]).any()


def test_mistakes_are_named() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="found no item"):
        intervals.bootstrap_confusion(np.zeros((2, 2)), metrics.accuracy, rng=rng)
    with pytest.raises(DataError, match="found 1; expected at least two"):
        intervals.bootstrap_groups(np.ones((1, 2, 2)), metrics.accuracy, rng=rng)
