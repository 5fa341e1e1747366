"""Processes are started for the results of a folder whose draws are not kept yet, if many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from facebench.results.scores import KINDS
from facebench.results.stats import start
from facebench.runtime import pool
from facebench.runtime.kept_values import FOLDER, keep, kept_in


@pytest.mark.parametrize(
    ("results", "values", "expected"),
    [(0, 0, 1), (9, 0, 1), (10, 0, 2), (40, 0, 4), (40, 61, 2), (40, 80, 1), (40, 99, 1)],
)
def test_what_is_kept_needs_no_process(
    results: int, values: int, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(pool, "FEW", 10)
    monkeypatch.setattr(start, "starting", lambda processes, *_: asked.append(processes))
    for number in range(results):
        (tmp_path / "task" / f"{number}.json").parent.mkdir(exist_ok=True)
        (tmp_path / "task" / f"{number}.json").touch()
    with kept_in(tmp_path / "cache"):
        for number in range(values):
            keep(f"value-{number}", b"1")
            (tmp_path / "cache" / FOLDER / f".value-{number}.left.tmp").touch()  # by one that ended
        start.drawing_starts(tmp_path, 4)
    assert asked == [expected]


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


def test_values_are_kept_of_each_kind_of_score() -> None:
    assert len(KINDS) == start._KINDS
