"""Collection of cyclic garbage is seldom in a block, and as before after it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from facebench.runtime.garbage import collected_seldom


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize(("set_before", "within"), [(700, 50_000), (60_000, 60_000), (0, 0)])
def test_the_threshold_is_raised_for_a_block_alone(set_before: int, within: int) -> None:
    gc.set_threshold(set_before, 9, 8)
    found = []

    @collected_seldom()
    def fail() -> None:
        found.append(gc.get_threshold())
        raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert found == [(within, 9, 8)]
    assert gc.get_threshold() == (set_before, 9, 8)


def test_blocks_of_threads_that_overlap_leave_the_threshold_as_it_was() -> None:
    gc.set_threshold(700, 9, 8)
    one, other = collected_seldom(), collected_seldom()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert gc.get_threshold() == (50_000, 9, 8)
    other.__exit__(None, None, None)
    assert gc.get_threshold() == (700, 9, 8)
