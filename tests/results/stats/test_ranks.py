"""Mean ranks over tasks against published examples and direct formulas."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from facebench.results.stats import ranks
from facebench.results.stats.ranks import (
    block_ranks,
    critical_difference,
    fewest_blocks,
    friedman_p,
    not_different,
    ranking,
)


def test_ranks_follow_the_direction_of_their_block() -> None:
    values = [[0.9, 0.5, 0.5, 0.1], [3.0, 7.0, 5.0, 9.0]]
    assert block_ranks(values, [True, False]).tolist() == [[1, 2.5, 2.5, 4], [1, 3, 2, 4]]


def test_the_critical_difference_is_that_of_demsar() -> None:
    """Table 5 (a) of Demšar 2006 and his example of four classifiers on 14 data sets."""
    q = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 10: 3.164}
    for k, expected in q.items():
        of_one = critical_difference(k, 1)
        assert of_one / math.sqrt(k * (k + 1) / 6) == pytest.approx(expected, abs=1e-3)
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=5e-3)
    assert critical_difference(4, 14, alpha=0.1) == pytest.approx(1.12, abs=5e-3)


def test_friedmans_p_is_that_of_its_formula() -> None:
    found = block_ranks(np.random.default_rng(0).random((9, 5)), [True] * 9)
    n, k = found.shape
    squares = sum(float(found[:, place].mean()) ** 2 for place in range(k))
    x = 12 * n / (k * (k + 1)) * (squares - k * (k + 1) ** 2 / 4)
    expected = math.exp(-x / 2) * (1 + x / 2)  # chi-square with four degrees of freedom
    assert friedman_p(found) == pytest.approx(expected, rel=1e-9)


def test_only_ties_are_no_difference() -> None:
    assert friedman_p(np.full((4, 3), 2.0)) == 1.0


@pytest.mark.parametrize("k", [3, 5, 8])
def test_fewest_blocks_are_the_first_with_a_difference_to_find(k: int) -> None:
    needed = fewest_blocks(k)
    assert critical_difference(k, needed) < k - 1
    assert needed == 1 or critical_difference(k, needed - 1) >= k - 1


def test_runs_that_do_not_differ_are_the_longest() -> None:
    """Demšar's example at 10 % and at 5 %."""
    means = [1.964, 2.0, 2.893, 3.143]
    # 3.143 - 2.0 is 1.143, so that two pairs differ by more than 1.12, and none by more than 1.25.
    assert not_different(means, 1.12) == [(0, 2), (2, 3)]
    assert not_different(means, 1.25) == [(0, 3)]
    assert not_different([1.0, 2.0, 4.0, 4.5, 9.0], 1.5) == [(0, 1), (2, 3)]
    assert not_different([1.0, 3.0, 5.0], 1.0) == []
    assert not_different([1.0, 1.5, 2.0], 5.0) == [(0, 2)]


def test_a_ranking_is_kept_and_is_the_same_the_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEBENCH_CACHE", str(tmp_path))
    values = [[0.9, 0.5, 0.1], [2.0, 5.0, 9.0], [0.8, 0.7, 0.7]]
    first = ranking(values, [True, False, True])
    assert first.ranks == [[1, 2, 3], [1, 2, 3], [1, 2.5, 2.5]]
    assert first.means == pytest.approx([1, 6.5 / 3, 8.5 / 3])
    assert first.distance == critical_difference(3, 3)
    monkeypatch.setattr(ranks, "friedman_p", None)  # is not computed again
    assert ranking(values, [True, False, True]) == first
    with pytest.raises(TypeError):
        ranking(values, [True, True, True])
