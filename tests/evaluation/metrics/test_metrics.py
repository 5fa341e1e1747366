from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, recall_score

from facebench.errors import DataError
from facebench.evaluation.metrics import confusion as metrics

CLASSES = 4
items = st.lists(
    st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=40
)


@given(items)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true:UserWarning")
@pytest.mark.filterwarnings("ignore:A single label was found:UserWarning")  # scikit-learn's own
def test_metrics_equal_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    labels, predictions = np.array(pairs).T
    matrix = metrics.confusion_matrix(labels, predictions, CLASSES)
    assert matrix.sum() == len(pairs)
    np.testing.assert_allclose(metrics.accuracy(matrix), accuracy_score(labels, predictions))
    np.testing.assert_allclose(
        metrics.balanced_accuracy(matrix), balanced_accuracy_score(labels, predictions)
    )
    np.testing.assert_allclose(
        metrics.macro_f1(matrix), f1_score(labels, predictions, average="macro")
    )
    every = list(range(CLASSES))
    np.testing.assert_allclose(
        metrics.class_recalls(matrix),
        recall_score(labels, predictions, labels=every, average=None, zero_division=np.nan),
    )
    np.testing.assert_allclose(
        metrics.class_f1(matrix),
        f1_score(labels, predictions, labels=every, average=None, zero_division=np.nan),
    )


def test_many_matrices_at_once_equal_one_at_a_time() -> None:
    matrices = np.random.default_rng(0).integers(0, 3, (6, 5, CLASSES, CLASSES))
    for metric in (metrics.accuracy, metrics.balanced_accuracy, metrics.macro_f1):
        one = [[metric(matrix) for matrix in row] for row in matrices]
        np.testing.assert_array_equal(metric(matrices), one)
    assert metrics.class_recalls(matrices).shape == (6, 5, CLASSES)


def test_rows_are_true_classes() -> None:
    matrix = metrics.confusion_matrix([0, 0, 1], [1, 1, 1], 3)
    np.testing.assert_array_equal(matrix, [[0, 2, 0], [0, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(metrics.class_recalls(matrix), [0, 1, np.nan])
    assert metrics.balanced_accuracy(matrix) == 0.5
    np.testing.assert_allclose(metrics.macro_f1(matrix), 0.25)


def test_mistakes_are_named() -> None:
    for labels, predictions in (
        ([0, 1], [0]),
        ([], []),
        ([0, 4], [0, 0]),
        ([0, 0], [-1, 0]),
        ([0.0, 1.0], [0, 1]),
        ([[0]], [[0]]),
    ):
        with pytest.raises(DataError, match="cannot be scored"):
            metrics.confusion_matrix(labels, predictions, CLASSES)
