"""What a console and a notebook show of results, tables and mistakes."""

from __future__ import annotations

import pickle
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from result_world import write_result
from whole_results import changed

import facebench as fb


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> fb.Results:
    root = tmp_path_factory.mktemp("results")
    return fb.Results([write_result(root, "classification", seed=seed) for seed in (0, 1)])


def test_a_notebook_shows_text_and_no_markup_of_it(results: fb.Results) -> None:
    result = changed(results[0], method={"title": "<script>alert(1)</script>"})
    shown = fb.Results([result])._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert shown.count("<tr>") == 2


def test_many_results_are_listed_in_part(results: fb.Results) -> None:
    many = fb.Results(list(results) * 30)
    assert len(repr(many).splitlines()) == 42
    assert repr(many).endswith("  ... and 20 more: to_frame() has all")
    assert many._repr_html_().count("<tr>") == 41
    assert "20 more" in many._repr_html_()


def test_a_result_of_a_part_of_the_items_says_so(results: fb.Results) -> None:
    part = fb.Results([changed(results[0], spec={"limit": 1000})])
    assert repr(part).endswith("only 1,000 items of each split")
    assert "real, only 1,000 items of each split" in part._repr_html_()
    assert "only" not in repr(results[:1])


def test_a_table_is_read_in_a_console_and_shown_in_a_notebook(results: fb.Results) -> None:
    table = results.table(1)
    assert repr(table) == table == str(table)
    assert table._repr_html_() == results.table(1, "html")
    assert pickle.loads(pickle.dumps(table))._repr_html_() == table._repr_html_()


def test_a_notebook_shows_the_lines_of_the_user_and_the_message(tmp_path: Path) -> None:
    library: Any = InteractiveShell  # its functions are not typed
    shell = library()
    shell.run_cell("import facebench as fb")
    call = f"fb.load_results({str(tmp_path / 'no')!r})"
    with redirect_stdout(StringIO()) as shown:
        shell.run_cell(f"def read():\n    return {call}\nread()")
    lines = shown.getvalue().splitlines()
    assert lines[:2] == ["cell, line 3: read()", f"cell, line 2: return {call}"]
    assert lines[2].startswith(f"StageError: {tmp_path / 'no'}: no such folder")
    assert len(lines) == 3
