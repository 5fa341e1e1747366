from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from facebench.evaluation.metrics.label_f1 import (
    best_threshold,
    f1,
    fold_counts,
    fold_metrics,
    metric_names,
    outcome_counts,
    subject_counts,
)

FOLDS, LABELS = 3, 4


def _decisions(seed: int = 0) -> dict[str, np.ndarray]:
    """Nine subjects of different length and habits in three folds, with noisy decisions."""
    rng = np.random.default_rng(seed)
    subject = np.repeat([f"SN{n:03d}" for n in range(9)], rng.integers(5, 30, 9))
    habit = rng.uniform(0.05, 0.6, (9, LABELS))
    number = np.unique(subject, return_inverse=True)[1]
    label = rng.random((len(subject), LABELS)) < habit[number]
    decision = label ^ (rng.random(label.shape) < 0.2)
    order = rng.permutation(len(subject))
    columns = {"subject": subject, "fold": number % FOLDS, "label": label, "decision": decision}
    return {name: values[order] for name, values in columns.items()}


def _counts(data: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return subject_counts(data["label"], data["decision"], data["subject"], data["fold"])


def test_every_f1_equals_scikit_learn() -> None:
    data = _decisions()
    found = dict(zip(metric_names("abcd"), fold_metrics(fold_counts(*_counts(data))), strict=True))
    of_folds = np.array(
        [
            f1_score(data["label"][data["fold"] == k], data["decision"][data["fold"] == k],
                     average=None)
            for k in range(FOLDS)
        ]
    )  # fmt: skip
    pooled = f1_score(data["label"], data["decision"], average=None)
    assert found["f1"] == pytest.approx(of_folds.mean())
    assert found["f1_pooled"] == pytest.approx(pooled.mean())
    for number, name in enumerate("abcd"):
        assert found[f"f1_{name}"] == pytest.approx(of_folds[:, number].mean())
        assert found[f"f1_pooled_{name}"] == pytest.approx(pooled[number])


def test_nothing_there_and_nothing_given_is_zero_as_in_scikit_learn() -> None:
    nothing = np.zeros((5, 1), bool)
    assert f1(outcome_counts(nothing, nothing).sum(0)) == [0.0]
    assert f1_score(nothing[:, 0], nothing[:, 0], zero_division=0) == 0


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.one_of(
                st.sampled_from([0.0, 1e-300, 0.25, 0.5, np.nextafter(0.5, 1), 1.0]),
                st.floats(0, 1),
            ),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_the_best_threshold_is_the_best_of_all(items: list[tuple[bool, float]]) -> None:
    labels, probabilities = (np.array(column) for column in zip(*items, strict=True))
    threshold, value = best_threshold(labels, probabilities)
    assert 0 <= threshold <= 1
    reached = f1_score(labels, probabilities >= threshold, zero_division=0)
    assert value == pytest.approx(reached)
    everywhere = [
        f1_score(labels, probabilities >= t, zero_division=0) for t in [*probabilities, 2.0]
    ]
    assert value == pytest.approx(max(everywhere))
    if not labels.any():
        assert threshold == 0.5


def test_of_equal_thresholds_the_one_nearest_to_one_half() -> None:
    # Two thresholds give F1 2/3: above both wrong ones, and below all.
    chosen = best_threshold([1, 0, 0, 1], [0.7, 0.6, 0.4, 0.1])
    assert chosen == pytest.approx((0.65, 2 / 3))
    assert best_threshold([1, 0], [0.6, 0.2])[0] == pytest.approx(0.4)
