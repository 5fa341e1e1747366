"""Processes are started for the results of a folder whose draws are not kept yet, if many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from facebench.results.stats import start
from facebench.runtime import pool
from facebench.runtime.kept_values import kept_in


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of processes that were to start; ten results are worth one more."""
    numbers: list[int] = []

    @contextmanager
    def noted(processes: int, *_: str) -> Iterator[None]:
        numbers.append(processes)
        yield

    monkeypatch.setattr(pool, "FEW", 10)
    monkeypatch.setattr(start, "starting", noted)
    return numbers


def _stored(folder: Path, count: int) -> None:
    (folder / "task").mkdir(exist_ok=True)
    for number in range(count):
        (folder / "task" / f"{number}.json").touch()


def test_processes_start_for_the_results_that_came_since_the_last_time(
    asked: list[int], tmp_path: Path
) -> None:
    with kept_in(tmp_path / "cache"):
        for results in (0, 9, 40, 40, 45, 65, 65, 9):
            for path in (tmp_path / "task").glob("*"):
                path.unlink()
            _stored(tmp_path, results)
            with start.drawing_starts(tmp_path, 4):
                pass
    assert asked == [1, 1, 4, 1, 1, 3, 1, 1]


def test_other_results_are_drawn_of_another_choice_and_another_folder(
    asked: list[int], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        _stored(tmp_path / name, 20)
    with kept_in(tmp_path / "cache"):
        for folder, tasks in (("one", "all"), ("one", "lfw"), ("two", "all"), ("one", "lfw")):
            with start.drawing_starts(tmp_path / folder, 4, tasks, None):
                pass
    assert asked == [3, 3, 3, 1]


def test_processes_start_again_after_a_block_that_failed(asked: list[int], tmp_path: Path) -> None:
    _stored(tmp_path, 20)
    with kept_in(tmp_path / "cache"):
        for _ in range(2):
            with pytest.raises(KeyError), start.drawing_starts(tmp_path, 4):
                raise KeyError
    assert asked == [3, 3]


def test_a_damaged_number_is_none(
    asked: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _stored(tmp_path, 20)
    monkeypatch.setattr(start, "kept", lambda _: b"twenty")
    with kept_in(tmp_path / "cache"), start.drawing_starts(tmp_path, 4):
        pass
    assert asked == [3]


def test_no_process_is_started_where_nothing_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "FEW", 1)
    begun: list[object] = []

    def dispatched(*given: object) -> Iterator[None]:
        begun.append(given)
        return iter(())

    monkeypatch.setattr(pool, "_dispatched", dispatched)
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "1.json").touch()
    (tmp_path / "file").touch()
    for cache, expected in (("file", 0), ("cache", 1)):
        with kept_in(tmp_path / cache), start.drawing_starts(tmp_path, 4):
            assert len(begun) == expected
