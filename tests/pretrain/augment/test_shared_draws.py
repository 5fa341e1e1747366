"""Draws of several devices: an image has those that it would have on one."""

from functools import partial
from typing import TypeVar

import pytest
import torch
from torch import Generator, Tensor

from facebench.errors import PluginError
from facebench.pretrain.augment import draws
from facebench.pretrain.augment.crops import QuadrantCrops, RandomResizedCrop
from facebench.pretrain.augment.transforms import (
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

EVERYTHING = Compose(
    (
        RandomResizedCrop(16, (0.3, 1.0)), Flip(), Rotation(20.0, 0.1, p=0.7),
        ColorJitter(0.4, 0.4, 0.4, 0.1, p=0.8), Grayscale(0.3), GaussianBlur(3, p=0.5),
        Sobel(0.3), Solarize(0.3), GaussianNoise(0.1),
    )
)  # fmt: skip


G = TypeVar("G", bound=Generator)


def seeded(generator: G) -> G:
    generator.manual_seed(5)
    return generator


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("world", [2, 4])
def test_eight_images_have_the_same_views_on_any_number_of_devices(
    world: int, form: torch.memory_format
) -> None:
    images = torch.rand(16, 3, 24, 24, generator=seeded(Generator()))  # eight, and a partner each
    images = images.contiguous(memory_format=form)
    plain = seeded(Generator())
    whole = (EVERYTHING(images, plain), *QuadrantCrops(16)(images, plain))
    for rank in range(world):
        own = torch.cat([part[rank::world] for part in images.chunk(2)])
        generator = seeded(draws.SharedGenerator(rank, world))
        shared = (EVERYTHING(own, generator), *QuadrantCrops(16)(own, generator))
        for views, expected in zip(shared, whole, strict=True):
            wanted = torch.cat([part[rank::world] for part in expected.chunk(2)])
            assert torch.allclose(views, wanted, atol=1e-6)
        assert torch.equal(generator.get_state(), plain.get_state())


def test_rows_in_another_order_are_laid_out() -> None:
    """Seven images, of which two devices have four and three, each three times in sequence."""
    whole = draws.uniform((21, 2), 0, 1, seeded(Generator())).view(7, 3, 2)
    noise = draws.normal(torch.empty(21, 2), 1.0, seeded(Generator())).view(7, 3, 2)
    for rank in range(2):
        own = torch.arange(rank, 7, 2)
        places = (own[:, None] * 3 + torch.arange(3)).flatten()
        for draw, expected in ((_numbers, whole), (_noise, noise)):
            generator = seeded(draws.SharedGenerator(rank, 2))
            with draws.laid_out(generator, 21, places):
                found = draw(len(places), generator)
            assert torch.equal(found.view(-1, 3, 2), expected[own])
    with draws.laid_out(generator, 21, places), pytest.raises(ValueError, match="1 rows .* 9"):
        _numbers(1, generator)
    assert draws.uniform((2,), 0, 1, generator).shape == (2,)


def test_a_plain_generator_draws_for_what_it_is_given() -> None:
    generator = seeded(Generator())
    with draws.laid_out(generator, 9, torch.arange(3)):
        assert torch.equal(_numbers(9, generator), torch.rand(9, 2, generator=seeded(Generator())))


def test_a_direct_draw_is_noticed_at_the_next_draw_and_at_the_end() -> None:
    generator = seeded(draws.SharedGenerator(0, 2, "method 'own'"))
    draws.chosen(3, 0.5, generator)
    torch.rand(3, generator=generator)
    for later in (generator.check, lambda: draws.key(generator), lambda: _numbers(2, generator)):
        with pytest.raises(PluginError, match="method 'own' draws from its generator directly"):
            later()
    with pytest.raises(PluginError, match="directly"):
        generator.set_state(seeded(Generator()).get_state())
    seeded(generator).check()  # begins anew


def test_what_a_whole_batch_shares_is_drawn_alike_on_all_devices() -> None:
    plain = seeded(Generator())
    expected = [torch.randperm(9, generator=plain), _numbers(4, plain)]
    for rank in range(2):
        generator = seeded(draws.SharedGenerator(rank, 2))
        start = generator.get_state()
        for _ in range(2):  # a state that was known is gone back to, as methods of frames do
            generator.set_state(start)
            draw = partial(torch.randperm, 9, generator=generator)
            order = draws.whole_batch(generator, draw)
            assert torch.equal(order, expected[0])
            assert torch.equal(_numbers(2, generator), expected[1][rank::2])
        generator.check()


def _numbers(count: int, generator: Generator) -> Tensor:
    return draws.uniform((count, 2), 0, 1, generator)


def _noise(count: int, generator: Generator) -> Tensor:
    return draws.normal(torch.empty(count, 2), 1.0, generator)
