"""Computations in other processes give what this one gives, and keep values where it does."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import pytest

from facebench.runtime import pool
from facebench.runtime.kept_values import keep, kept_in
from facebench.runtime.pool import computed, worth_starting


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_items(processes: int) -> None:
    assert list(computed(math.sqrt, map(float, range(50)), processes)) == [
        number**0.5 for number in range(50)
    ]


@pytest.mark.parametrize("name", ["first", "second"])  # the second finds the processes of the first
def test_values_are_kept_where_the_process_that_asks_keeps_them(tmp_path: Path, name: str) -> None:
    keys = [f"{name}-{number}" for number in range(4)]
    with kept_in(tmp_path / name):
        list(computed(partial(keep, value=b"1"), keys, 2))
    assert (
        sorted(path.name for path in (tmp_path / name).rglob(f"{name}*") if path.is_file()) == keys
    )


def test_few_computations_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "FEW", 10)
    assert [worth_starting(count, 3) for count in (0, 9, 10, 20, 99)] == [1, 1, 2, 3, 3]
