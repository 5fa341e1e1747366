"""Draws: their distributions, and that they come from the given generator only."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chisquare, ks_2samp
from torch import Generator
from torchvision.transforms import RandomResizedCrop

from facebench.pretrain.augment import crops, draws


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.8, 1.0])
def test_a_step_is_chosen_as_often_as_its_probability_says(p: float) -> None:
    count = int(draws.chosen(20_000, p, seeded()).sum())
    assert binom.ppf(1e-4, 20_000, p) <= count <= binom.ppf(1 - 1e-4, 20_000, p)


def test_every_order_is_equally_likely() -> None:
    orders = draws.orders(12_000, 4, seeded())
    assert torch.equal(orders.sort(1).values, torch.arange(4).expand(12_000, 4))
    codes = (orders * torch.tensor([64, 16, 4, 1])).sum(1)
    counts = np.unique(codes.numpy(), return_counts=True)[1]
    assert len(counts) == math.factorial(4)
    assert chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize(
    ("height", "width", "scale"),
    [(64, 64, (0.2, 1.0)), (48, 56, (0.08, 1.0)), (30, 90, (0.5, 1.0)), (64, 64, (0.95, 1.05))],
)
def test_crop_boxes_are_distributed_as_torchvisions(
    height: int, width: int, scale: tuple[float, float]
) -> None:
    ratio = (3 / 4, 4 / 3)
    boxes = crops.resized_crop_boxes(3000, height, width, scale, ratio, seeded())
    image = torch.empty(3, height, width)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        want = torch.tensor(
            [RandomResizedCrop.get_params(image, list(scale), list(ratio)) for _ in range(3000)]
        )
    for column in range(4):
        test = ks_2samp(boxes[:, column].numpy(), want[:, column].numpy())
        assert test.pvalue > 1e-4, f"column {column}"


@given(
    height=st.integers(1, 80),
    width=st.integers(1, 80),
    low=st.floats(0.01, 1.0),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_crop_boxes_lie_inside_the_image(height: int, width: int, low: float, seed: int) -> None:
    boxes = crops.resized_crop_boxes(50, height, width, (low, 1.2), (3 / 4, 4 / 3), seeded(seed))
    top, left, box_height, box_width = boxes.unbind(1)
    assert (boxes >= 0).all()
    assert ((box_height >= 1) & (top + box_height <= height)).all()
    assert ((box_width >= 1) & (left + box_width <= width)).all()


def test_quadrant_boxes_lie_in_two_different_quarters() -> None:
    first, second = crops.quadrant_boxes(6000, 64, 64, 0.4, seeded())
    for boxes in (first, second):
        assert (boxes[:, 2:] == 24).all()  # 2 * int(0.2 * 64), as the released code
        corner = boxes[:, :2]
        # the released code: left edges 0..8 in the left quarters, 32..40 in the right ones
        assert set(corner.flatten().tolist()) == {*range(9), *range(32, 41)}
    quarter = [(boxes[:, 0] >= 32) * 2 + (boxes[:, 1] >= 32) for boxes in (first, second)]
    assert (quarter[0] != quarter[1]).all()
    pairs = quarter[0] * 4 + quarter[1]
    counts = np.unique(pairs.numpy(), return_counts=True)[1]
    assert len(counts) == 12
    assert chisquare(counts).pvalue > 1e-4
    assert chisquare(np.unique(first[:, 1].numpy(), return_counts=True)[1]).pvalue > 1e-4


@given(
    height=st.integers(4, 80), width=st.integers(4, 80), fraction=st.floats(0.2, 0.5)
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_quadrant_boxes_stay_inside(height: int, width: int, fraction: float) -> None:
    for boxes in crops.quadrant_boxes(40, height, width, fraction, seeded()):
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 0] + boxes[:, 2] <= height).all()
        assert (boxes[:, 1] + boxes[:, 3] <= width).all()
