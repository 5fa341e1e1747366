"""Files of users are run as they are now."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path

import pytest

from facebench.runtime.python_source import run_source
from facebench.runtime.stops import Stopped, stop_signals


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python keep bytecode, as it does for most users."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


@pytest.mark.usefixtures("kept")
def test_a_file_of_equal_size_and_time_is_not_taken_for_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    for value in (1, 2):
        file.write_text(f"class Own:\n    value = {value}\n")
        os.utime(file, (1_000_000_000, 1_000_000_000))
        module = run_source("own_of_a_user", file)
        assert module is not None
        assert module.Own.value == value
        assert sys.modules["own_of_a_user"] is module
        assert inspect.getsource(module.Own) == file.read_text()
    assert [*tmp_path.iterdir()] == [file]  # no bytecode beside it


def test_a_file_that_fails_leaves_no_module(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text("1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        run_source("failing_file", file)
    assert "failing_file" not in sys.modules


def test_a_file_that_removes_its_own_module_fails_for_its_own_reason(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text("import sys\ndel sys.modules[__name__]\n1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        run_source("removed_module", file)


def test_a_file_that_ends_the_process_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text("import sys\nsys.exit(3)\n")
    with pytest.raises(ImportError, match=r"it calls exit\(3\) when it is imported; .*__main__"):
        run_source("exiting_file", file)
    assert "exiting_file" not in sys.modules


def test_a_stop_by_the_user_is_no_error_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    with stop_signals(), pytest.raises(Stopped) as stop:
        run_source("stopped_file", file)
    assert stop.value.code == 143


def test_another_kind_of_file_is_not_run(tmp_path: Path) -> None:
    file = tmp_path / "own.txt"
    file.write_text("1 / 0\n")
    assert run_source("another_kind", file) is None
