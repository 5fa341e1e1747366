"""ROC-AUC and TAR@FAR on many draws at once, against scikit-learn and a loop over thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from facebench.evaluation.metrics.pair_ranking import FARS, ranking_metrics


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 9)), min_size=2, max_size=40
    ),
    st.integers(0, 2**32 - 1),
)
def test_a_draw_is_ranked_as_the_repeated_pairs_are(
    pairs: list[tuple[int, bool, int]], seed: int
) -> None:
    """Many pairs are equally alike, and a unit has several of them."""
    scores, same, of_item = (np.array(column) for column in zip(*pairs, strict=True))
    of_item = np.unique(of_item, return_inverse=True)[1]
    units = 1 + int(of_item.max())
    times = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), size=4)
    found = ranking_metrics(scores / 7, same, times.T.astype(np.int16), of_item)
    assert found.shape == (4, 1 + len(FARS))
    for counts, (auc, *tars) in zip(times, found, strict=True):
        of_pairs = counts[of_item]
        s, y = np.repeat(scores, of_pairs), np.repeat(same, of_pairs)
        if y.all() or not y.any():
            assert np.isnan([auc, *tars]).all()
            continue
        assert auc == pytest.approx(roc_auc_score(y, s))
        for far, tar in zip(FARS, tars, strict=True):
            reachable = [np.mean(s[y] >= t) for t in [*s, 9] if np.mean(s[~y] >= t) <= far]
            assert tar == pytest.approx(max(reachable))


@pytest.mark.parametrize("negatives", [10, 30, 70, 1000])
def test_a_rate_that_is_reached_exactly_is_not_exceeded(negatives: int) -> None:
    """One tenth of the different pairs is more alike than any same pair, and 0.1 admits it."""
    above = negatives // 10
    scores = np.concatenate([np.full(5, 0.5), np.linspace(0.6, 0.9, above), np.zeros(9 * above)])
    same = np.arange(len(scores)) < 5
    once = np.ones((len(scores), 1), np.int16)
    (found,) = ranking_metrics(scores, same, once, np.arange(len(scores)), (0.1, 0.099))
    assert found[1:].tolist() == [1.0, 0.0]


def test_more_pairs_than_a_small_integer_holds_are_counted() -> None:
    """The area of 40,000 by 40,000 pairs does not fit 32 bits."""
    scores = np.array([3.0, 2.0, 1.0, 0.0])
    same = np.array([True, False, True, False])
    times = np.full((4, 1), 40_000, np.int64)
    (found,) = ranking_metrics(scores, same, times, np.arange(4), (0.5,))
    assert found.tolist() == [0.75, 1.0]
