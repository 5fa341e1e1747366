"""Where progress bars are drawn: terminals, and notebooks that can show them."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from facebench.runtime import terminal


def test_no_bar_is_drawn_where_there_is_neither_terminal_nor_notebook() -> None:
    assert not terminal.draws_bars()


def test_a_notebook_gets_bars_if_it_can_show_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "err", Console(force_jupyter=True))
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    monkeypatch.setattr(terminal, "find_spec", lambda name: None)
    assert not terminal.draws_bars()

    shown: list[Any] = []
    widgets, display = ModuleType("ipywidgets"), ModuleType("IPython.display")

    class Output:
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...
        def clear_output(self, wait: bool) -> None: ...
        def close(self) -> None: ...

    vars(widgets)["Output"] = Output
    vars(display)["display"] = lambda *what, **_: shown.extend(what)
    monkeypatch.setitem(sys.modules, "ipywidgets", widgets)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(display=display))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr(terminal, "find_spec", lambda name: ModuleSpec(name, None))
    monkeypatch.setattr(terminal, "SECONDS_BEFORE_A_BAR", 0.0)
    with terminal.TerminalProgress().bar("extract", 4, "image") as advance:
        advance(1)
        advance(4)
    assert [type(item) for item in shown].count(Output) == 1
