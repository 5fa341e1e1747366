"""Computations in other processes give what this one gives, and keep values where it does."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import psutil
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


def test_processes_that_are_started_import_meanwhile_what_is_asked_of_them() -> None:
    ended = time.monotonic() + 60
    with pool.starting(2, "wave", "colorsys"):
        while not all([*computed(_is_imported, ["wave", "colorsys"] * 4, 2)]):
            assert time.monotonic() < ended
    assert "wave" not in sys.modules


def test_processes_that_were_let_go_end_and_others_compute_what_is_asked_later() -> None:
    first = set(computed(_number_of_process, range(8), 2))
    pool.let_end(2)
    assert os.getpid() not in first
    assert first.isdisjoint(computed(_number_of_process, range(8), 2))
    pool.let_end(1)
    ended = time.monotonic() + 60
    while any(psutil.pid_exists(pid) for pid in first):
        assert time.monotonic() < ended


def _number_of_process(_: int) -> int:
    return os.getpid()


def test_a_module_that_cannot_be_imported_is_told_to_who_needs_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pool.starting(2, "facebench.no_such_module"):
        assert list(computed(math.sqrt, [4.0, 9.0], 2)) == [2.0, 3.0]
    assert capfd.readouterr().err == ""


def _is_imported(name: str) -> bool:
    return name in sys.modules


def test_who_ends_early_is_told_nothing_of_what_is_not_used() -> None:
    results = computed(math.sqrt, [4.0] * 40, 2)
    assert next(iter(results)) == 2.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results.close()  # type: ignore[attr-defined]


def _import_for_long(_: Sequence[str]) -> None:
    time.sleep(100)


def test_who_fails_does_not_wait_for_processes_that_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_import", _import_for_long)
    begun = time.monotonic()
    with pytest.raises(KeyError), pool.starting(2, "wave"):
        raise KeyError
    assert time.monotonic() - begun < 50


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals of POSIX")
def test_ctrl_c_does_not_reach_processes_not_even_those_that_still_start() -> None:
    """What a process blocks when it starts was blocked before it imported anything."""
    command = (
        "from functools import partial\n"
        "import signal\n"
        "from facebench.runtime.pool import computed\n"
        "blocked = partial(signal.pthread_sigmask, signal.SIG_BLOCK)\n"
        "print([signal.SIGINT in found for found in computed(blocked, [()] * 4, 2)])\n"
        "print(signal.SIGINT in blocked(()))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert told.stdout.splitlines() == [str([True] * 4), "False"]
