"""Colour operators against torchvision, one image at a time."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms.v2 import functional as reference

from facebench.pretrain.augment import color

ADJUST = {
    color.BRIGHTNESS: reference.adjust_brightness,
    color.CONTRAST: reference.adjust_contrast,
    color.SATURATION: reference.adjust_saturation,
    color.HUE: reference.adjust_hue,
}


def pictures(count: int, seed: int = 0, height: int = 20, width: int = 24) -> Tensor:
    """Random colours, with some greys, blacks, whites and ties between channels among them."""
    images = torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))
    images[:, :, 0] = images[:, :1, 0]
    images[:, :, 1, :5] = 0
    images[:, :, 1, 5:10] = 1
    images[:, 1, 2] = images[:, 0, 2]
    images[:, 2, 3] = images[:, 1, 3]
    images[:, 2, 4] = images[:, 0, 4]
    return images


def test_grayscale_is_torchvisions() -> None:
    images = pictures(3)
    want = reference.rgb_to_grayscale(images, num_output_channels=3)
    torch.testing.assert_close(color.grayscale(images), want)


@pytest.mark.parametrize("operation", [color.BRIGHTNESS, color.CONTRAST, color.SATURATION])
@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 1.8])
def test_blend_is_torchvisions(operation: int, factor: float) -> None:
    images = pictures(3)
    got = color.blend(images, torch.full((3,), factor), torch.full((3,), operation))
    want = torch.stack([ADJUST[operation](image, factor) for image in images])
    torch.testing.assert_close(got, want, atol=1e-6, rtol=0)


@given(shift=st.floats(-0.5, 0.5), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_shift_hue_is_torchvisions(shift: float, seed: int) -> None:
    images = pictures(2, seed)
    got = color.shift_hue(images, torch.full((2,), shift))
    torch.testing.assert_close(got, reference.adjust_hue(images, shift), atol=2e-5, rtol=0)


def test_every_order_of_a_jitter_is_torchvisions_one_after_the_other() -> None:
    order = torch.tensor(list(permutations(range(4))))
    count = len(order)
    images = pictures(count + 2)
    generator = torch.Generator().manual_seed(3)
    factors = 0.2 + 1.6 * torch.rand(count + 2, 4, generator=generator)
    factors[:, color.HUE] = 0.4 * torch.rand(count + 2, generator=generator) - 0.2
    mask = torch.tensor([False] + [True] * count + [False])
    order = torch.cat([order[:1], order, order[:1]])
    got = color.color_jitter(images, factors, order, mask)
    for i in range(count + 2):
        want = images[i]
        for operation in order[i].tolist() if mask[i] else []:
            want = ADJUST[operation](want, float(factors[i, operation]))
        torch.testing.assert_close(got[i], want, atol=1e-4, rtol=0)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_jitter_stays_in_range_and_leaves_grey_grey(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = pictures(6, seed)
    images[3:] = images[3:, :1]
    before = images.clone()
    factors = 2 * torch.rand(6, 4, generator=generator)
    factors[:, color.HUE] -= 0.5
    factors[:, color.HUE].clamp_(-0.5, 0.5)
    order = torch.rand(6, 4, generator=generator).argsort(1)
    got = color.color_jitter(images, factors, order, torch.ones(6, dtype=torch.bool))
    assert got.min() >= -1e-6
    assert got.max() <= 1 + 1e-6
    torch.testing.assert_close(got[3:], got[3:, :1].expand(3, 3, 20, 24))
    assert torch.equal(images, before)


def test_neutral_parameters_change_nothing() -> None:
    images = pictures(4)
    factors = torch.tensor([[1.0, 1.0, 1.0, 0.0]]).repeat(4, 1)
    order = torch.arange(4).repeat(4, 1)
    got = color.color_jitter(images, factors, order, torch.ones(4, dtype=torch.bool))
    torch.testing.assert_close(got, images, atol=1e-5, rtol=0)


def test_solarize_is_torchvisions() -> None:
    images = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    images[0, 0, 0, 0] = 0.5
    expected = torch.stack([reference.solarize(image, 0.5) for image in images])
    assert torch.equal(color.solarize(images), expected)
