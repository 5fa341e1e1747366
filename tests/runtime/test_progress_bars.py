"""Where progress bars are drawn: terminals, and the cells of notebooks."""

import io
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from facebench.runtime import notebook, terminal


def test_no_bar_is_drawn_where_there_is_neither_terminal_nor_notebook(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(terminal, "err", Console(file=written))
    monkeypatch.setattr(terminal, "SECONDS_BEFORE_A_BAR", -1.0)
    with terminal.TerminalProgress().bar("extract", 4, "image") as advance:
        advance(4)
    assert written.getvalue() == ""


class Displays:
    """What IPython displays, each with all that it was updated to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown: list[list[dict[str, str]]] = []
        self.shell = SimpleNamespace(execution_count=1)
        core, display = ModuleType("IPython.core.getipython"), ModuleType("IPython.display")
        vars(core)["get_ipython"] = lambda: self.shell
        vars(display)["display"] = self.display
        monkeypatch.setitem(sys.modules, "IPython.core.getipython", core)
        monkeypatch.setitem(sys.modules, "IPython.display", display)
        monkeypatch.setattr(terminal, "err", Console(force_jupyter=True))
        monkeypatch.setattr(terminal, "SECONDS_BEFORE_A_BAR", -1.0)
        monkeypatch.setattr(notebook, "SECONDS_BETWEEN", 0.0)
        monkeypatch.setattr(notebook, "_lines", {})

    def display(self, first: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        states = [first]
        self.shown.append(states)
        return SimpleNamespace(update=lambda state, raw: states.append(state))


def test_the_stages_of_a_cell_share_a_line_which_is_empty_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    displays = Displays(monkeypatch)
    progress = terminal.TerminalProgress()
    for title in ("extract", "<probe>"):
        with progress.bar(title, 4000, "image") as advance:
            advance(1000)
    (states,) = displays.shown
    assert states[1]["text/plain"].startswith("extract: 1,000 of 4,000, ")
    assert '<progress max="4000" value="1000">' in states[1]["text/html"]
    assert states[2] == states[-1] == {"text/plain": "", "text/html": ""}
    assert "&lt;probe&gt;: 1,000 of 4,000" in states[3]["text/html"]

    displays.shell.execution_count = 2
    with pytest.raises(TypeError), progress.bar("extract", 4, "image") as advance:
        advance(None)  # type: ignore[arg-type]  # any failure
    assert len(displays.shown) == 2
    assert displays.shown[1][-1] == {"text/plain": "", "text/html": ""}


def test_a_short_stage_shows_nothing_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    displays = Displays(monkeypatch)
    monkeypatch.setattr(terminal, "SECONDS_BEFORE_A_BAR", 60.0)
    with terminal.TerminalProgress().bar("extract", 4, "image") as advance:
        advance(4)
    assert displays.shown == []


def test_the_time_left_is_that_at_the_rate_so_far() -> None:
    said = notebook._text("extract", 300, 1200, "image", 60.0)
    assert said == "extract: 300 of 1,200, 5.0 image/s, 0:01:00, left 0:03:00"
    assert notebook._text("extract", 0, 1200, "image", 60.0) == "extract: 0 of 1,200"
