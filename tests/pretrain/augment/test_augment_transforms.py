"""Random steps: a draw per image, all from the generator, in range, and as often as asked."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from torch import Generator, Tensor

from facebench.errors import SpecError
from facebench.pretrain.augment import color
from facebench.pretrain.augment import geometry as augment
from facebench.pretrain.augment.crops import QuadrantCrops, RandomResizedCrop
from facebench.pretrain.augment.transforms import (
    Augmentation,
    ColorJitter,
    Compose,
    Flip,
    GaussianBlur,
    GaussianNoise,
    Grayscale,
    Rotation,
    Sobel,
    Solarize,
)

SIMCLR = Compose(
    (
        RandomResizedCrop(24, (0.2, 1.0)),
        Flip(0.5),
        Rotation(15, translate=0.1, p=0.3),
        ColorJitter(0.8, 0.8, 0.8, 0.2, p=0.8),
        Grayscale(0.2),
        GaussianBlur(7, p=0.5),
        Sobel(0.6),
    )
)
STEPS = SIMCLR.steps
NAMES = [type(step).__name__ for step in STEPS]


def pictures(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, 24, 28, generator=seeded(seed))


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


@pytest.mark.parametrize("step", [*STEPS, GaussianNoise(0.4)], ids=[*NAMES, "GaussianNoise"])
def test_all_draws_come_from_the_generator(step: Augmentation) -> None:
    images = pictures(8)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = step(images, seeded(5))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(step(images, seeded(5)), first)
    assert not torch.equal(step(images, seeded(6)), first)


@pytest.mark.parametrize("step", [*STEPS, GaussianNoise(0.4)], ids=[*NAMES, "GaussianNoise"])
def test_the_input_is_left_alone(step: Augmentation) -> None:
    images = pictures(8)
    before = images.clone()
    step(images, seeded())
    assert torch.equal(images, before)


def test_equal_images_get_different_views() -> None:
    images = pictures(1).expand(64, -1, -1, -1)
    views = SIMCLR(images, seeded())
    assert len(np.unique(views.flatten(1).numpy(), axis=0)) > 60


@pytest.mark.parametrize(
    "step",
    [
        Flip(0.3),
        Grayscale(0.2),
        Sobel(0.6),
        Solarize(0.2),
        GaussianBlur(3, p=0.5),
        ColorJitter(0.8, 0.8, 0.8, 0.2, p=0.8),
        Rotation(20, p=0.4),
    ],
    ids=["Flip", "Grayscale", "Sobel", "Solarize", "GaussianBlur", "ColorJitter", "Rotation"],
)
def test_a_step_changes_as_many_images_as_its_probability_says(step: Flip | Rotation) -> None:
    images = torch.rand(4000, 3, 4, 4, generator=seeded())
    changed = int((step(images, seeded(1)) != images).flatten(1).any(1).sum())
    assert binom.ppf(1e-4, 4000, step.p) <= changed <= binom.ppf(1 - 1e-4, 4000, step.p)


def test_choices_of_neighbouring_images_are_independent() -> None:
    images = torch.rand(4000, 3, 1, 2, generator=seeded())
    flipped = (Flip(0.5)(images, seeded(1)) != images).flatten(1).any(1).float()
    correlation = torch.corrcoef(torch.stack([flipped[:-1], flipped[1:]]))[0, 1]
    assert abs(correlation) < 4 / 4000**0.5


def test_jitter_factors_cover_their_ranges() -> None:
    """Brightness alone: a grey of 0.25 comes out as 0.25 f with f uniform on [0.2, 1.8]."""
    images = torch.full((4000, 3, 1, 1), 0.25)
    factors = ColorJitter(0.8, 0, 0, 0)(images, seeded())[:, 0, 0, 0] / 0.25
    assert 0.2 <= factors.min() < 0.21
    assert 1.79 < factors.max() <= 1.8
    assert abs(factors.mean() - 1) < 0.03
    assert abs(factors.var() - 1.6**2 / 12) < 0.01


@given(seed=st.integers(0, 10_000), count=st.integers(1, 9))
@settings(max_examples=25, deadline=None)
def test_views_stay_in_range(seed: int, count: int) -> None:
    views = SIMCLR(pictures(count, seed), seeded(seed))
    assert views.shape == (count, 3, 24, 24)
    assert views.min() >= 0
    assert views.max() <= 1 + 1e-5


def test_an_image_gets_the_same_view_whatever_the_others_look_like() -> None:
    images, others = pictures(6), pictures(6, seed=9)
    others[2] = images[2]
    torch.testing.assert_close(SIMCLR(images, seeded())[2], SIMCLR(others, seeded())[2])


def test_a_probability_does_not_move_the_draws_of_later_steps() -> None:
    images = pictures(16)
    with_blur = Compose((GaussianBlur(3, p=1.0), Flip(0.5)))(images, seeded())
    without = Compose((GaussianBlur(3, p=0.0), Flip(0.5)))(images, seeded())
    blurred = GaussianBlur(3, p=1.0)(images, seeded())
    flipped = (without != images).flatten(1).any(1)
    assert 0 < int(flipped.sum()) < 16
    torch.testing.assert_close(with_blur, augment.apply_where(blurred, flipped, augment.flip))


def test_compose_keeps_the_memory_format() -> None:
    images = pictures(8)
    packed = images.contiguous(memory_format=torch.channels_last)
    view, packed_view = SIMCLR(images, seeded()), SIMCLR(packed, seeded())
    assert view.is_contiguous()
    assert packed_view.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(view, packed_view)


def test_quadrant_crops_make_two_views() -> None:
    images = pictures(32)
    first, second = QuadrantCrops(24)(images, seeded())
    assert first.shape == second.shape == (32, 3, 24, 24)
    assert (first != second).flatten(1).any(1).all()


def test_grayscale_and_sobel_at_probability_one_are_their_operators() -> None:
    images = pictures(4)
    assert torch.equal(Grayscale(1.0)(images, seeded()), color.grayscale(images))
    assert torch.equal(Sobel(1.0)(images, seeded()), augment.sobel(images))


def test_noise_has_the_standard_deviation_asked_for() -> None:
    noise = GaussianNoise(0.4)(torch.zeros(50, 3, 20, 20), seeded())
    assert abs(float(noise.std()) - 0.4) < 0.01
    assert abs(float(noise.mean())) < 0.01


@pytest.mark.parametrize(
    ("make", "option"),
    [
        (lambda: Flip(1.5), "p"),
        (lambda: GaussianBlur(6), "kernel"),
        (lambda: GaussianBlur(7, (0.0, 2.0)), "sigma"),
        (lambda: ColorJitter(0.8, 0.8, 0.8, 0.7), "hue"),
        (lambda: ColorJitter(0.8, -0.1, 0.8, 0.2), "contrast"),
        (lambda: RandomResizedCrop(64, (1.0, 0.2)), "scale"),
        (lambda: RandomResizedCrop(0), "size"),
        (lambda: QuadrantCrops(64, 0.6), "fraction"),
        (lambda: Rotation(10, fill="mirror"), "fill"),
        (lambda: GaussianNoise(-1), "sigma"),
    ],
)
def test_an_option_out_of_range_is_named(make: object, option: str) -> None:
    assert callable(make)
    with pytest.raises(SpecError, match=f"option '{option}' is out of range: found"):
        make()
