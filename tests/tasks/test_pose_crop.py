"""From landmarks to boxes, as FSA-Net and Hopenet make them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from facebench_tasks._pose_crop import fsanet_box, hopenet_box, visible


def naive_fsanet(points: np.ndarray, margin: float, width: int, height: int) -> list[int]:
    """FSA-Net's rule, a bound at a time."""
    x_min, x_max, y_min, y_max = (int(v) for v in (*_ends(points[0]), *_ends(points[1])))
    h, w = y_max - y_min, x_max - x_min
    return [
        max(int(x_min - margin * w), 0), max(int(y_min - margin * h), 0),
        min(int(x_max + margin * w), width - 1), min(int(y_max + margin * h), height - 1),
    ]  # fmt: skip


def _ends(values: np.ndarray) -> tuple[float, float]:
    return float(min(values)), float(max(values))


COORDINATES = st.lists(
    st.tuples(st.floats(0.1, 449), st.floats(0.1, 449)), min_size=2, max_size=68
).map(lambda points: np.array(points).T)


@given(points=COORDINATES, margin=st.floats(0, 2))
def test_fsanet_box(points: np.ndarray, margin: float) -> None:
    box = fsanet_box(points, margin, 450, 450)
    assert list(box) == naive_fsanet(points, margin, 450, 450)
    assert 0 <= box[0] <= box[2] <= 449
    assert 0 <= box[1] <= box[3] <= 449


def test_hopenet_box_in_numbers() -> None:
    """Width 100, height 200, k 0.5: each bound is moved by the box as it is by then."""
    left, top, right, bottom = hopenet_box(np.array([[100.0, 200.0], [100.0, 300.0]]), 0.5)
    assert (left, top) == (100 - 30, 100 - 200)
    assert (right, bottom) == (200 + int(0.3 * 130), 300 + int(0.3 * 400))


def test_invisible_landmarks_do_not_count() -> None:
    assert visible(np.array([[100.0, 300.0, -1.0], [150.0, 350.0, 452.0]])).tolist() == [
        [100, 300],
        [150, 350],
    ]
    above = np.array([[10.0, 20.0, -1.0, -1.0], [-5.0, 30.0, 452.0, 452.0]])
    assert visible(above).tolist() == [[10, 20], [-5, 30]]  # above the border is not invisible
    assert visible(np.array([[-1.0], [452.0]])).shape == (2, 0)
