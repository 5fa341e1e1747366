"""What a run of several prints: which one, its score, and about how long the others take."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from whole_results import whole_result

from facebench.cli.run_lines import RunLines, score_line, time_left


def spec(method: str, seed: int, task: str) -> Any:
    return SimpleNamespace(method=method, seed=seed, name=f"{method} on {task}, seed {seed}",
                           backbone="tiny", preset="quick")  # fmt: skip


def test_the_time_left_counts_what_learns_and_what_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [0.0]
    monkeypatch.setattr("facebench.cli.run_lines.time.monotonic", lambda: clock[0])
    specs = [spec(m, 0, t) for m in ("a", "b", "c") for t in ("x", "y")]
    lines = RunLines(specs)
    assert lines.left() is None
    seconds = (100, 10, 200, 20)
    for number, (one, took) in enumerate(zip(specs, seconds, strict=False)):
        lines.started(one)
        clock[0] += took
        lines.ended(whole_result(), found=False)
        if number == 0:  # nothing is known of those that do not learn
            assert lines.left() == 5 * 100
    assert lines.left() == pytest.approx((100 + 200) / 2 + (10 + 20) / 2)
    lines.started(specs[4])
    lines.ended(whole_result(), found=True)  # takes no time, and says nothing of others
    assert lines.left() == pytest.approx(15)
    shown = capsys.readouterr().err
    assert "[1/6] a on x, seed 0 (tiny, preset quick)" in shown
    assert "found, nothing to do: Accuracy (%) 50.00 validated" in shown
    assert "(about 15 s left)" in shown


def test_one_run_alone_has_no_count(capsys: pytest.CaptureFixture[str]) -> None:
    lines = RunLines([spec("a", 0, "x")])
    lines.started(spec("a", 0, "x"))
    lines.ended(whole_result(), found=False)  # the table with its score follows
    assert capsys.readouterr().err.splitlines() == ["a on x, seed 0 (tiny, preset quick)"]


def test_a_score_says_that_faces_are_rendered() -> None:
    assert score_line(whole_result(task={"synthetic": True})).endswith("test-selected, SYNTHETIC")
    assert [time_left(s) for s in (None, 30, 300, 7200)] == [
        "", "  (about 30 s left)", "  (about 5 min left)", "  (about 2.0 h left)",
    ]  # fmt: skip
