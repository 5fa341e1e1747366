"""One table, drawn in each format; and that terminals have one way to draw it."""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import facebench
from facebench.rendering.html import html_table
from facebench.rendering.latex import latex_table
from facebench.rendering.markdown import grid, markdown_table
from facebench.rendering.parts import parts
from facebench.rendering.table import (
    Cell,
    Column,
    Section,
    Span,
    Table,
    Wrap,
    cell,
    columns,
    details,
    plain,
    spans,
)
from facebench.rendering.text import text_table

ROOT = Path(facebench.__file__).parent
TABLE = Table(
    title="Rates",
    caption="Rates, real data",
    label="rates",
    columns=(*columns("method", "run"), *columns("honest", "printed", numeric=True)),
    upper=(("", 2), ("RAF-DB", 2)),
    sections=(
        Section("Floors", ((cell("chance", "dim"), cell(""), cell("14.29"), cell("–")),)),
        Section("", ((cell("a_b"), cell("x"), cell("74.50", "bold"), cell("79.1", star=True)),)),
    ),
    notes=("Bold: 5 % better.",),
)
STACKED = Table(
    columns=columns("method\nname", "score"),
    sections=(Section("", ((spans(("PCL", "bold"), ("\nf_s", "dim")), cell("[red]1[/red]")),)),),
)


def drawn(table: Table, width: int = 80) -> str:
    file = io.StringIO()
    Console(file=file, width=width, color_system=None).print(table)
    return file.getvalue()


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_one_module_draws_tables_with_rich() -> None:
    named = [file for file in ROOT.rglob("*.py") if "rich" in file.read_text(encoding="utf-8")]
    files = [file for file in named if "rich.table" in imports(file)]
    assert [file.relative_to(ROOT).as_posix() for file in files] == ["rendering/terminal.py"]


def test_text_pads_columns_and_marks_bold() -> None:
    assert text_table(TABLE).splitlines() == [
        "Rates",
        "-----------------------------",
        "                  RAF-DB",
        "method  run   honest  printed",
        "-----------------------------",
        "Floors",
        "chance         14.29        –",
        "-----------------------------",
        "a_b     x    [74.50]    79.1*",
        "-----------------------------",
        "[ ]: 5 % better.",
    ]


def test_markdown_escapes_and_has_one_line_of_headings() -> None:
    assert markdown_table(TABLE).splitlines() == [
        "**Rates**",
        "",
        "| method | run | RAF-DB<br>honest | RAF-DB<br>printed |",
        "| :-- | :-- | --: | --: |",
        "| *Floors* |  |  |  |",
        "| <sub>chance</sub> |  | 14.29 | – |",
        r"| a\_b | x | **74.50** | 79.1\* |",
        "",
        "- Bold: 5 % better.",
    ]
    assert grid(STACKED).splitlines() == [
        "| method<br>name | score |",
        "| :-- | :-- |",
        r"| **PCL**<br><sub>f\_s</sub> | \[red\]1\[/red\] |",
    ]


def test_latex_escapes_and_numbers_no_table() -> None:
    lines = latex_table(TABLE).splitlines()
    assert r"\begin{tabular}{llrr}" in lines
    assert r" &  & \multicolumn{2}{c}{RAF-DB} \\" in lines
    assert r"a\_b & x & \textbf{74.50} & 79.1$^{*}$ \\" in lines
    assert r"\multicolumn{4}{l}{\emph{Floors}} \\" in lines
    assert r"\par Bold: 5 \% better." in lines


def test_html_escapes_and_breaks_lines() -> None:
    shown = html_table(TABLE)
    assert '<figure id="facebench-rates"' in shown
    assert "<strong>74.50</strong>" in shown
    assert ">79.1*</td>" in shown
    assert "<strong>PCL</strong><br>f_s" in html_table(STACKED)
    assert "&lt;b&gt;" in html_table(details([("<b>", "x")]))
    assert STACKED._repr_html_() == html_table(STACKED)


def test_a_terminal_shows_sections_notes_and_no_markup() -> None:
    lines = [line.strip() for line in drawn(TABLE).splitlines()]
    assert lines[0] == "Rates"
    assert "Floors" in lines
    assert lines[-1] == "Bold: 5 % better."
    assert lines.index("Floors") < [line.startswith("a_b") for line in lines].index(True)
    assert "[red]1[/red]" in drawn(STACKED)


@pytest.mark.parametrize("wrap", ["words", "never"])
def test_what_is_too_wide_is_wrapped_and_not_cut(wrap: Wrap) -> None:
    column = Column(heading="", wrap=wrap)
    table = Table(columns=(column,), sections=(Section("", ((cell("x" * 25),),)),), framed=False)
    assert drawn(table, 12).replace("\n", "") == "x" * 25


@pytest.mark.parametrize("width", [30, 40, 60, 80])
def test_a_narrow_terminal_loses_no_text(width: int) -> None:
    rows = [("Untrained backbone", "33.00", "26.00 to 39.50"), ("HoG", "-0.02", "1.00 to 2.00")]
    numbers = columns("validated", "95 % interval", numeric=True, wrap="never")
    table = Table(
        columns=(Column(heading="method"), *numbers),
        sections=(Section("", tuple(tuple(map(cell, row)) for row in rows)),),
    )
    lines = drawn(table, width).splitlines()
    assert max(map(len, lines)) <= width
    words = ("HoG", "33.00", "-0.02", "26.00", "39.50", "validated")
    for word in (*words, "Untrained", "backbone") if width > 40 else words:
        assert any(word in line for line in lines), word


@pytest.mark.parametrize("width", [40, 44, 50, 60, 70, 80])
def test_names_of_options_are_broken_after_an_underscore_alone(width: int) -> None:
    row = ("Untrained backbone", "radius=2.0, rotation_invariant=false", "43.49 to 46.67")
    table = Table(
        columns=(*columns("method", "settings"), *columns("95 % interval", numeric=True)),
        sections=(Section("", (tuple(map(cell, row)),)),),
    )
    text = text_table(table, width)
    assert max(map(len, text.splitlines())) <= width
    parts = ["Untrained", "backbone", "radius=2.0,", "rotation_", "invariant=false", "43.49"]
    assert [part for part in parts if part not in text] == []


def test_lines_end_where_their_text_ends() -> None:
    lines = drawn(TABLE).splitlines()
    assert lines == [line.rstrip() for line in lines]


def test_the_text_of_a_cell_has_no_emphasis() -> None:
    assert plain(Cell((Span("a", "bold"), Span("\nb", "dim")), star=True)) == "a\nb*"


@given(
    widths=st.lists(st.integers(1, 9), min_size=1, max_size=30),
    width=st.integers(40, 120),
    over=st.integers(0, 30),
)
def test_columns_that_do_not_fit_stand_below(widths: list[int], width: int, over: int) -> None:
    """No line is wider than asked for, and each number stands once, beside its row's name."""
    numbers = [[str(row) + "7" * (size - 1) for size in widths] for row in range(2)]
    over = min(over, len(widths))
    upper = (("", 2), ("left", over), ("right", len(widths) - over))
    table = Table(
        title="Rates",
        columns=(
            *columns("method", "a run with words"),
            *columns(*("n" * size for size in widths), numeric=True),
        ),
        upper=tuple((text, count) for text, count in upper if count),
        sections=tuple(
            Section(f"part {row}", ((cell(f"row{row}"), cell(""), *map(cell, of_row)),))
            for row, of_row in enumerate(numbers)
        ),
        notes=("Bold: 5 % better.",),
    )
    lines = text_table(table, width).splitlines()
    assert max(map(len, lines)) <= width
    assert (lines[0], lines[-1]) == ("Rates", "[ ]: 5 % better.")
    assert lines.count("Rates") == lines.count("[ ]: 5 % better.") == 1
    for row, of_row in enumerate(numbers):
        found = [line.split()[1:] for line in lines if line.startswith(f"row{row}")]
        assert [text for part in found for text in part] == of_row
        assert lines.count(f"part {row}") == len(found)


def test_headings_over_columns_stand_over_the_part_that_is_below_them() -> None:
    table = Table(
        columns=(*columns("method"), *columns(*"abcdef", numeric=True)),
        upper=(("", 1), ("left", 4), ("right", 2)),
        sections=(Section("", (tuple(map(cell, ("x", *"123456"))),)),),
    )
    assert [
        (piece.upper, [c.heading for c in piece.columns])
        for piece in parts(table, [6, 1, 1, 1, 1, 1, 1], 15, 2)
    ] == [
        ((("", 1), ("left", 3)), ["method", "a", "b", "c"]),
        ((("", 1), ("left", 1), ("right", 2)), ["method", "d", "e", "f"]),
    ]
