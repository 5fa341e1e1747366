"""The table at the end of a run: a line for each method, a mean over its seeds, 80 columns."""

from __future__ import annotations

import io
from pathlib import Path
from statistics import fmean, stdev

from board_world import right
from rich.console import Console
from stored_world import classes, write

from facebench.rendering.table import Cell, plain
from facebench.report.render import tables
from facebench.report.summary import summary_tables
from facebench.report.tables.families import family_tables
from facebench.results.store import Result


def shown(results: list[Result]) -> list[str]:
    console = Console(file=io.StringIO(), width=80)
    for table in summary_tables(results):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def bold(one: Cell) -> bool:
    return any(span.emphasis == "bold" for span in one.spans)


def test_seeds_are_one_line_with_their_mean_and_deviation(tmp_path: Path) -> None:
    floors = {"majority class": {"accuracy": 0.25}}
    results = [
        write(tmp_path, classes(right(share, seed)), seed=seed, floors=floors, learned=False,
              method=method)
        for method, shares in (("random", (0.3, 0.35)), ("lbp", (0.5,)))
        for seed, share in enumerate(shares)
    ]  # fmt: skip
    (table,) = summary_tables(results)
    rows = [[plain(cell) for cell in row] for row in table.rows()]
    values = [
        100 * float((r.predictions["honest"] == r.predictions["label"]).mean()) for r in results
    ]
    assert rows[0][:2] == ["majority class", "25.00"]
    expected = f"{fmean(values[:2]):.2f} ± {stdev(values[:2]):.2f}"
    assert rows[1][:2] == ["Untrained backbone f_s (2)", expected]
    assert rows[2][:2] == ["LBP f_s", f"{values[2]:.2f}"]
    line = next(line for line in shown(results) if "Untrained backbone" in line)
    assert expected in line  # method and score on one line of 80 columns
    assert "SYNTHETIC" not in "".join(shown(results))
    assert "Untrained backbone f_s: facecycle16, nothing learned" in shown(results)


def test_every_line_with_a_number_on_rendered_faces_says_so(tmp_path: Path) -> None:
    results = [write(tmp_path, classes(right(0.5)), synthetic=True, method=method)
               for method in ("pcl", "simclr")]  # fmt: skip
    lines = [line for line in shown(results) if "50.00" in line]
    assert len(lines) == 2
    assert all("SYNTHETIC" in line for line in lines)
    (table,) = summary_tables(results)
    assert {plain(row[-1]) for row in table.rows()} == {"–"}  # printed numbers are of real data


def test_a_warning_of_some_rows_is_marked_at_them(tmp_path: Path) -> None:
    leak, images = "pretrained on the test images of RAF-DB, without labels", "8 images are twice"
    results = [
        write(tmp_path, classes(right(0.5)), method=method, warnings=(images, *own))
        for method, own in (("pcl", (leak,)), ("simclr", (leak, "so are labels")), ("moco", ()))
    ]
    lines = shown(results)
    marked = {method: next(line for line in lines if line.startswith(f" {method} f_s"))
              for method in ("PCL", "SimCLR", "MoCo")}  # fmt: skip
    assert marked["PCL"].startswith(" PCL f_s [a] ")
    assert marked["SimCLR"].startswith(" SimCLR f_s [a,b] ")
    assert "[" not in marked["MoCo"]
    (table,) = summary_tables(results)
    # Bold is the significantly best score of a table of the paper; here none is compared.
    assert not any(bold(one) for row in table.rows() for one in row[1:])
    assert lines[-3:] == [images, f"[a] {leak}", "[b] so are labels"]
    assert shown(results[:1])[-2:] == [images, leak]  # of the only row
    (together,) = family_tables(results)
    assert {plain(row[0]) for row in together.rows()} >= {
        "PCL f_s, seed 0 [a]", "SimCLR f_s, seed 0 [a,b]", "MoCo f_s, seed 0",
    }  # fmt: skip
    assert together.notes[-2:] == (f"[a] {leak}", "[b] so are labels")
    (each,) = tables(results)
    assert not any(bold(one) for row in each.rows() for one in row[1:])
    assert ["[" in plain(row[0]) for row in each.rows() if "seed 0" in plain(row[0])] == [
        True, True, False,
    ]  # fmt: skip
