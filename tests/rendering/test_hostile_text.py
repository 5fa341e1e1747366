"""Every special character, in every place of a table, through every format."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from facebench.rendering.characters import csv_value, one_line, visible
from facebench.rendering.html import html_table
from facebench.rendering.latex import latex_table
from facebench.rendering.markdown import markdown_table
from facebench.rendering.table import Column, Section, Table, cell, columns
from facebench.rendering.text import text_table
from facebench.results.export import write_table

SPECIAL = (
    "\\{}$&%#_~^<>|\"'`*[]()!=+-@:;,./?0a \n\t\r\x00\x07\x1b\x7f\x9b\u202e\u2066\u200b\u2028é−"
)
HOSTILE = st.text(st.sampled_from(SPECIAL), min_size=1, max_size=24)
ATTACKS = (
    r"+1$\input{/etc/passwd}$", "-1\\end{tabular}", "[5pt] x", "*", "% gone", "<script>x</script>",
    "![a](javascript:b)", "a|b", "[bold red]x[/]", "[/bold]", "\x1b]0;title\x07", "\x1b[2J",
    "=HYPERLINK(1)", "@SUM(1)", "-1+1", "\t=1", "a\n\nb", "\u202egnp.exe",
)  # fmt: skip


def hostile(test: Callable[[str], None]) -> Callable[[], None]:
    for attack in ATTACKS:
        test = example(attack)(test)
    checked: Callable[[], None] = settings(max_examples=60)(given(HOSTILE)(test))
    return checked


def table(text: str) -> Table:
    return Table(
        title=text, caption=text, label="x", columns=(Column(heading=text), *columns("b")),
        upper=((text, 2),), notes=(text,),
        sections=(Section(text, ((cell(text), cell(text, "bold")), (cell("y"), cell(text)))),),
    )  # fmt: skip


COMMANDS = {
    command
    for text in ("x", '\\{}$&%#_~^<>|±Δ–—−↑↓×…≥≤→"', "+1")
    for command in re.findall(r"\\(?:[A-Za-z]+|.)", latex_table(table(text)))
}  # what the format itself writes


@hostile
def test_latex_gets_no_command_and_no_sign_of_its_own(text: str) -> None:
    plain, found = latex_table(table("x")).splitlines(), latex_table(table(text)).splitlines()
    assert len(found) == len(plain)  # no paragraph and no line end of its own
    for line, model in zip(found, plain, strict=True):
        assert set(re.findall(r"\\(?:[A-Za-z]+|.)", line)) <= COMMANDS
        bare, base = (re.sub(r"\\.", "", one) for one in (line, model))  # without what is escaped
        assert bare.count("&") == base.count("&")
        assert bare.count("{") - bare.count("}") == base.count("{") - base.count("}")
        assert bare.count("$") % 2 == 0
        assert line == found[0] or "%" not in bare or bare.endswith("{%")
        assert not re.search(r"[#_~]|\^(?!\{\*\})", bare)
        for formula in re.findall(r"\$([^$]*)\$", bare):
            assert re.fullmatch(r"[<>|-]|[a-zA-Z]*|[+-][0-9.,]+|\^\{\*\}|", formula)
        assert not line.startswith(("[", "*"))


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags, self.texts = list[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags += [tag] if tag != "br" else []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def parsed(source: str) -> Tags:
    found = Tags()
    found.feed(source)
    found.close()
    return found


@hostile
def test_html_has_the_same_tags_whatever_is_in_it(text: str) -> None:
    found = parsed(html_table(table(text)))
    assert found.tags == parsed(html_table(table("x"))).tags
    assert visible(text).replace("\n", "") in "".join(found.texts).replace("\n", "")


@hostile
def test_markdown_has_its_cells_and_no_markup_of_others(text: str) -> None:
    lines = markdown_table(table(text)).splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == len(markdown_table(table("x")).splitlines()) - 4
    for line in rows:
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 3
    rest = "".join(lines).replace("<br>", "")
    assert not re.search(r"<|(?<!\\)(?:\\\\)*[`\[\]_]", rest)


@hostile
@pytest.mark.filterwarnings("error")
def test_terminals_get_no_control_sequence_and_no_markup(text: str) -> None:
    file = io.StringIO()
    Console(file=file, width=400, force_terminal=True, color_system=None).print(table(text))
    for shown in (file.getvalue(), text_table(table(text))):
        kept = re.sub(r"\x1b\[[0-9;]*m", "", shown)  # the styles that rich itself writes
        assert visible(kept) == kept
    lines = [
        (text_table(table(each)) + "|").splitlines() for each in (text, "x")
    ]  # the last may be empty
    assert len(lines[0]) == len(lines[1])


@hostile
def test_csv_comes_back_and_holds_no_formula(text: str) -> None:
    written = write_table(pd.DataFrame({"a": [text, "x"], "b": [-1.5, 2.0]}), "csv", None)
    _, (shown, number), _ = csv.reader(io.StringIO(written, newline=""))
    assert shown.lstrip("'") == visible(text).lstrip("'")
    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert float(number) == -1.5


def test_numbers_keep_their_sign_and_texts_their_letters() -> None:
    assert "$+1.25$" in latex_table(table("+1.25"))
    assert csv_value(-1) == -1
    assert visible("Ünïcode 1−2, ≥ é\nb") == "Ünïcode 1−2, ≥ é\nb"
    assert one_line("a\nb\x1bc") == "a b c"
