"""Draws made ahead are those that are made one by one; masks on a device change the same images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import betaincinv
from torch import Generator, Tensor

from facebench.pretrain.augment import color, counters, crops, draws, geometry
from facebench.pretrain.augment.ahead import Plan, drawn_ahead
from facebench.pretrain.losses import beta_quantile, draw_mixing
from facebench.runtime.transfer import to_device

CPU = torch.device("cpu")


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def first(generator: Generator) -> list[Tensor]:
    boxes = crops.resized_crop_boxes(5, 20, 24, (0.2, 1.0), (0.75, 1.3), generator)
    return [boxes, draws.chosen(3, 0.5, generator), draws.orders(4, 4, generator)]


def second(generator: Generator) -> list[Tensor]:
    return [draws.chosen(3, 0.5, generator), torch.tensor(draws.key(generator))]


def direct(generator: Generator) -> list[Tensor]:
    drawn = [draws.uniform((3,), 0, 1, generator), torch.rand(2, generator=generator)]
    return [*drawn, draws.uniform((3,), 0, 1, generator)]


@pytest.mark.parametrize(
    "steps", [[first] * 4, [first, first, second, second, first], [direct] * 3 + [first]]
)
def test_draws_made_ahead_are_those_made_one_by_one(
    steps: list[Callable[[Generator], list[Tensor]]],
) -> None:
    plan = Plan()
    for seed, step in enumerate(steps):
        expected = step(seeded(seed))
        generator = seeded(seed)
        with drawn_ahead(plan, generator, CPU):
            found = step(generator)
        if step is not direct or seed == 0:  # what is drawn directly comes after what was planned
            assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert plan.usable == (direct not in steps)


def test_one_copy_has_all_draws_of_a_step_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, sizes = Plan(), list[int]()

    def counted(values: Any, device: torch.device) -> Any:
        sizes.append(len(values))
        return to_device(values, device)

    monkeypatch.setattr("facebench.pretrain.augment.ahead.to_device", counted)
    for seed in range(2):
        generator = seeded(seed)
        with drawn_ahead(plan, generator, CPU):
            first(generator)
    assert sizes == [0, 1, 1, 1, 3]


def test_values_of_all_types_are_moved_as_they_are() -> None:
    values: list[Any] = [
        torch.arange(3),
        (torch.rand(2, 3), torch.tensor([True])),
        7,
        torch.rand(()),
    ]
    moved: Any = to_device(values, CPU)
    assert torch.equal(moved[0], values[0])
    assert torch.equal(moved[1][0], values[1][0])
    assert moved[1][1].dtype == torch.bool
    assert moved[2] == 7
    assert torch.equal(moved[3], values[3])


def test_counted_numbers_are_those_of_splitmix64() -> None:
    found = counters.uniform((3,), 1234567, CPU)
    # The first outputs of the published generator from this seed.
    bits = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert found.tolist() == [((b >> 41) + 0.5) * 2.0**-23 for b in bits]


def test_counted_numbers_have_their_distributions() -> None:
    uniform = counters.uniform((200, 300), 5, CPU).flatten().numpy()
    normal = counters.normal((200, 300), 5, CPU).flatten().numpy()
    assert stats.kstest(uniform, "uniform").pvalue > 1e-3
    assert stats.kstest(normal, "norm").pvalue > 1e-3
    shares = torch.linspace(1e-6, 1 - 1e-6, 10001)
    expected = betaincinv(1.6, 1.6, shares.double().numpy())
    np.testing.assert_allclose(beta_quantile(shares).numpy(), expected, rtol=2e-6)


def test_mixing_of_a_device_is_a_permutation_and_a_share() -> None:
    meta = torch.device("meta")
    partner, share = draw_mixing(4, 6, seeded(0), device=meta)
    assert (partner.shape, share.shape) == ((4, 6), (4, 6))
    assert (partner.device, share.device) == (meta, meta)
    one, _ = draw_mixing(4, 6, seeded(0), one_order=True, device=meta)
    assert one.stride(0) == 0


def test_jitter_without_groups_is_jitter_in_groups() -> None:
    images, generator = torch.rand(40, 3, 8, 10, generator=seeded(1)), seeded(2)
    factors = 0.2 + 1.6 * torch.rand(40, 4, generator=generator)
    factors[:, color.HUE] = torch.rand(40, generator=generator) - 0.5
    order = draws.orders(40, 4, generator)
    grouped = color.color_jitter(images, factors, order, torch.ones(40, dtype=torch.bool))
    torch.testing.assert_close(color._jittered(images, factors, order), grouped, atol=1e-5, rtol=0)


def test_rows_of_parameters_follow_their_images() -> None:
    images, sigma = torch.rand(6, 3, 9, 9, generator=seeded(0)), torch.linspace(0.5, 2, 6)
    mask = torch.tensor([True, False, True, True, False, False])

    def blur(part: Tensor, of_part: Tensor) -> Tensor:
        return geometry.gaussian_blur(part, of_part, 5)

    everywhere = torch.where(mask[:, None, None, None], blur(images, sigma), images)
    torch.testing.assert_close(geometry.apply_where(images, mask, blur, sigma), everywhere)
