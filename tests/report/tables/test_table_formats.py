"""Tables as text, Markdown, LaTeX, CSV, HTML and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from stored_world import TITLES, classes, write

from facebench.errors import SpecError, UnknownNameError
from facebench.rendering.html import html_table
from facebench.rendering.table import Section, Table, cell, columns
from facebench.report.entries import stored_results
from facebench.report.tables.formats import FORMATS, render
from facebench.report.tables.model import PaperTable
from facebench.report.tables.paper_table import paper_tables

NASTY = r"50 % of_x & y | <b> #1 {z} \w ~ ^ $5 `q` *s* [l](m)"
AUS = (1, 2, 4, 6, 9, 12, 25, 26)


def fill(root: Path, *, synthetic: bool = False) -> list[PaperTable]:
    rng = np.random.default_rng(0)
    for task, title in (("fer2013", "FER-2013"), ("rafdb", "RAF-DB")):
        for method, rate in (("simclr", 0.5), ("pcl", 0.8)):
            for seed in (0, 1):
                write(
                    root, classes(rng.random(200) < rate), task=task, title=title, method=method,
                    seed=seed, synthetic=synthetic, data="voxceleb", warnings=(NASTY,), floors={
                        "majority class": {"accuracy": 0.25}},
                )  # fmt: skip
    return paper_tables(1, stored_results(root))


def detections(root: Path) -> list[PaperTable]:
    """Table 3, whose nine columns need the other layout."""
    count = 120
    columns = [
        {"name": name, "title": name, "scale": 100.0, "higher_is_better": True}
        for name in (*(f"f1_au{n}" for n in AUS), "f1")
    ]
    for method, noise in (("simclr", 0.4), ("pcl", 0.1)):
        rng = np.random.default_rng(0)  # the same labels for both
        frame = pd.DataFrame(
            {"path": [f"{n}.png" for n in range(count)], "fold": np.arange(count) // 10 % 3,
             "subject": [f"s{n // 10:02d}" for n in range(count)]}
        )  # fmt: skip
        for n in AUS:
            frame[f"label_au{n}"] = label = rng.integers(0, 2, count).astype(np.int8)
            for kind in ("honest", "paper", "paper_last"):
                frame[f"{kind}_au{n}"] = label ^ (rng.random(count) < noise)
        write(root, frame, task="disfa", title="DISFA", columns=tuple(columns), method=method,
              data="voxceleb")  # fmt: skip
    return paper_tables(3, stored_results(root))


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_results_give_the_same_bytes_wherever_they_lie(form: str, tmp_path: Path) -> None:
    written = [render(fill(tmp_path / place), form) for place in ("here", "over/there")]
    assert written[0] == written[1]
    assert str(tmp_path) not in written[0]
    assert written[0].endswith("\n")


def test_text_shows_every_kind_of_number(tmp_path: Path) -> None:
    shown = render(fill(tmp_path), "text")
    assert shown.startswith("Table 1. Facial expression recognition on FER-2013 and RAF-DB, real")
    (line,) = [line for line in shown.splitlines() if line.startswith("PCL")]
    score = r"\d\d\.\d\d"
    spread = rf"{score} ± \d\.\d\d"
    numbers = (r"56\.81", spread, rf"\[{spread}\]", f"{score} to {score}", r"[+-]\d+\.\d\d")
    assert re.search(r"\s+".join(numbers), line)
    (line,) = [line for line in shown.splitlines() if line.startswith("SimCLR")]
    assert "49.51*" in line
    assert "[" not in line
    (line,) = [line for line in shown.splitlines() if line.startswith("FSN")]
    assert line.split() == ["FSN", "67.60", "–", "–", "–", "–", "81.10", "–", "–", "–", "–"]
    (line,) = [line for line in shown.splitlines() if line.startswith("majority")]
    assert line.split()[2:] == ["–", "–", "25.00", "–", "–"] * 2
    assert "[ ]: best of our rows" in shown
    assert "±: standard deviation over pretraining seeds" in shown


def test_a_column_with_nothing_of_ours_shows_what_is_printed_and_no_more(tmp_path: Path) -> None:
    write(tmp_path, classes(np.arange(50) < 30), task="rafdb", title="RAF-DB", method="pcl")
    shown = render(paper_tables(1, stored_results(tmp_path)), "text").splitlines()
    (head,) = [line for line in shown if line.startswith("Method ")]
    # No Δ either: the budget of the run is not that of the printed number.
    assert head.split()[3:] == [
        "published",
        "published",
        "test-selected",
        "validated",
        "95",
        "%",
        "interval",
    ]
    (line,) = [line for line in shown if line.startswith("PCL")]
    assert line.split()[-7:-3] == ["56.81", "74.47", "60.00", "60.00"]


def test_many_columns_stand_as_in_the_paper_with_a_line_for_each_kind(tmp_path: Path) -> None:
    shown = render(detections(tmp_path), "text").splitlines()
    (head,) = [line.split() for line in shown if line.startswith("Methods / AU")]
    assert head[5:] == ["1", "2", "4", "6", "9", "12", "25", "26", "ave"]
    at = next(place for place, line in enumerate(shown) if line.startswith("PCL"))
    first = shown[at].split()
    assert first[-10:] == ["published", "53.8", "44.9", "58.1", "37.2", "53.2", "73.1", "86.5",
                           "31.3", "54.8"]  # fmt: skip
    assert [line.split()[0] for line in shown[at + 1 : at + 5]] == [
        "test-selected",
        "validated",
        "95",
        "Δ",
    ]
    honest = shown[at + 2].split()
    assert len(honest) == 10
    assert re.fullmatch(r"\[\d\d\.\d\]", honest[-1])


def test_markdown_is_a_table_of_github(tmp_path: Path) -> None:
    shown = render(fill(tmp_path), "md")
    table = [line for line in shown.splitlines() if line.startswith("|")]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table]
    assert {len(row) for row in cells} == {12}
    assert all(re.fullmatch(r" :?-+:? ", cell) for cell in cells[1])
    assert " FER-2013, Accuracy (%)<br>published " in cells[0]
    (pcl,) = [row for row in cells if row[0] == " PCL "]
    assert pcl[4].strip().startswith("**")
    assert pcl[4].strip().endswith("**")
    (simclr,) = [row for row in cells if row[0] == " SimCLR "]
    assert simclr[2] == r" 49.51\* "
    assert r"of\_x &amp; y \| &lt;b&gt; \#1 \{z\} \\w \~ ^ $5 \`q\` \*s\* \[l\](m)" in shown


def test_latex_rows_have_all_their_cells_and_nothing_is_left_unescaped(tmp_path: Path) -> None:
    for shown, width in ((render(fill(tmp_path / "a"), "latex"), 12),
                         (render(detections(tmp_path / "b"), "latex"), 12)):  # fmt: skip
        plain = re.sub(r"\\[{}&%#_$]", "", shown)
        assert plain.count("{") == plain.count("}")
        assert plain.count("$") % 2 == 0
        begun = re.findall(r"\\begin\{(\w+\*?)\}", shown)
        assert sorted(begun) == sorted(re.findall(r"\\end\{(\w+\*?)\}", shown))
        lines = [line for line in plain.splitlines() if line.endswith(r"\\")]
        for line in lines:
            spans = [int(n) for n in re.findall(r"multicolumn\{(\d+)\}", line)]
            assert line.count("&") + 1 + sum(n - 1 for n in spans) == width, line
        for rule in ("toprule", "midrule", "cmidrule", "bottomrule"):
            assert f"\\{rule}" in shown
    assert r"\textbf{" in shown
    shown = render(fill(tmp_path / "c"), "latex")
    assert r"50 \% of\_x \& y $|$ $<$b$>$ \#1 \{z\} \textbackslash{}w" in shown


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex is installed here")
def test_latex_compiles(tmp_path: Path) -> None:
    body = "\n".join(
        [render(fill(tmp_path / "a"), "latex"), render(detections(tmp_path / "b"), "latex"),
         *(render(paper_tables(n, []), "latex") for n in range(1, 8))]
    )  # fmt: skip
    document = (
        "\\documentclass[twocolumn]{article}\\usepackage[utf8]{inputenc}"
        f"\\usepackage{{booktabs,graphicx}}\\begin{{document}}\n{body}\n\\end{{document}}\n"
    )
    (tmp_path / "t.tex").write_text(document, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "t.pdf").stat().st_size > 0
    assert "Overfull" not in done.stdout  # no table is cut off at the edge of the page


class Outline(HTMLParser):
    """Notes which tags are open, the texts of cells, and what would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[int] = []
        self.reaching: list[int] = []  # down into how many more rows, of each such cell
        self.strong: list[str] = []
        self.fetched: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.tags.add(tag)
        named = dict(attrs)
        self.fetched += [name for name in named if name in ("src", "href")]
        if tag == "tr":
            self.rows.append(len(self.reaching))
            self.reaching = [left - 1 for left in self.reaching if left > 1]
        if tag in ("td", "th"):
            self.rows[-1] += int(named.get("colspan") or 1)
            height = int(named.get("rowspan") or 1)
            self.reaching += [height - 1] if height > 1 else []
        if tag == "tbody":
            assert not self.reaching

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "strong":
            self.strong.append(data)


def test_html_is_a_sound_fragment_that_fetches_nothing(tmp_path: Path) -> None:
    for tables in (fill(tmp_path / "a"), detections(tmp_path / "b")):
        outline = Outline()
        shown = render(tables, "html")
        outline.feed(shown)
        assert outline.open == []
        assert len(set(outline.rows)) == 1
        assert outline.fetched == []
        assert outline.strong
        assert not outline.tags & {"html", "body", "script", "b", "link"}
    assert "&lt;b&gt;" in render(fill(tmp_path / "c"), "html")


def test_in_html_a_method_stands_beside_all_of_its_lines(tmp_path: Path) -> None:
    tables = detections(tmp_path)
    lines = render(tables, "md").splitlines()
    continued = sum(line.startswith("|  |  | ") and set(line) > set("| ") for line in lines)
    assert continued > 0
    reaching = re.findall(r'<th scope="row" rowspan="(\d)"', render(tables, "html"))
    assert sum(int(rows) - 1 for rows in reaching) == continued


def test_a_negative_difference_has_a_minus(tmp_path: Path) -> None:
    write(tmp_path, classes(np.arange(200) < 20), task="rafdb", method="lbp", learned=False)
    tables = paper_tables(1, stored_results(tmp_path))
    (of_lbp,) = (one for row in tables[0].rows for one in row.cells if one.difference is not None)
    expected = f"−{52.17 - 10:.2f}"
    assert of_lbp.difference == pytest.approx(10 - 52.17)
    for form in ("text", "md", "html"):
        assert expected in render(tables, form)
    assert f"${expected.replace('−', '-')}$" in render(tables, "latex")
    assert "−" not in render(tables, "csv")


def test_headings_stand_over_their_columns(tmp_path: Path) -> None:
    shown = render(fill(tmp_path), "html")
    assert '<th scope="col" style="text-align:left">Method</th>' in shown
    assert '<th scope="col" style="text-align:right">validated</th>' in shown


def test_in_html_a_negative_difference_has_a_minus() -> None:
    table = Table(columns=columns("Δ", numeric=True), sections=(Section("", ((cell("-0.53"),),)),))
    assert ">−0.53<" in html_table(table)
    named = Table(columns=columns("name"), sections=(Section("", ((cell("--set a-1"),),)),))
    assert ">--set a-1<" in html_table(named)


def test_json_and_csv_hold_every_number_as_it_is(tmp_path: Path) -> None:
    tables = fill(tmp_path)
    (table,) = tables
    record = json.loads(render(tables, "json"))
    assert record["format"] == 2
    (read,) = record["tables"]
    assert (read["number"], read["synthetic"]) == (1, False)
    names = {
        "published": "printed", "test_selected": "paper", "test_selected_std": "paper_std",
        "validated": "honest", "validated_std": "honest_std", "low": "low", "high": "high",
        "difference": "difference",
    }  # fmt: skip
    lines = list(csv.DictReader(io.StringIO(render(tables, "csv"))))
    cells = []
    for row, found in zip(table.rows, read["rows"], strict=True):
        assert found["row"] == row.name
        assert (found["entry"] or {}).get("entry") == (row.entry.key if row.entry else None)
        for own, stored in zip(row.cells, found["cells"], strict=True):
            assert {n: stored[n] for n in names} == {n: getattr(own, names[n]) for n in names}
            assert stored["best"] == own.best
            cells.append(own)
    assert len(lines) == len(cells)
    for line, own in zip(lines, cells, strict=True):
        for name in names:
            value = getattr(own, names[name])
            assert line[name] == ("" if value is None else repr(value))
        assert line["results"].split() == list(own.results)


def test_synthetic_tables_say_so_and_print_nothing_of_the_paper(tmp_path: Path) -> None:
    tables = fill(tmp_path, synthetic=True)
    for form in FORMATS:
        shown = render(tables, form)
        assert "74.47" not in shown
        assert "synthetic" in shown.lower()


def test_a_csv_of_real_and_synthetic_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, synthetic=True)
    both = fill(tmp_path)
    assert len(both) == 2
    with pytest.raises(SpecError, match="--real or --synthetic"):
        render(both, "csv")
    assert render(both, "text").count("Table 1.") == 2
    with pytest.raises(UnknownNameError, match="unknown format 'pdf'"):
        render(both, "pdf")


def test_the_command_writes_a_file_or_shows_it(
    tmp_path: Path, facebench: Callable[..., Any]
) -> None:
    fill(tmp_path / "runs", synthetic=True)
    fill(tmp_path / "runs")
    folder = ("--results", str(tmp_path / "runs"))
    shown = facebench("table", "1", *folder).stdout
    assert "SYNTHETIC faces" in shown
    assert "real data" in shown
    assert "SYNTHETIC" not in facebench("table", "1", *folder, "--real").stdout
    facebench("table", "1", *folder, "--synthetic", "--format", "md", "--out", "t.md")
    written = Path("t.md").read_text(encoding="utf-8")
    assert written == facebench("table", "1", *folder, "--synthetic", "--format", "md").stdout
    assert TITLES["pcl"] in written
    for wrong, reason in (
        (("9", *folder), "unknown table '9'"),
        (("1", *folder, "--format", "doc"), "unknown format 'doc'"),
        (("1", "--results", "nowhere"), "no such folder"),
        (("1", *folder, "--format", "csv"), "--real or --synthetic"),
    ):
        assert reason in facebench("table", *wrong, status=2).stderr.replace("\n", " ")
