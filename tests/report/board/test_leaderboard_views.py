"""The drawn views of the page: what they show, their address, and what can be taken from them."""

from __future__ import annotations

import csv
import io
import re
import struct
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname
from xml.etree import ElementTree

import pytest
from board_world import SHARES
from test_leaderboard_browser import EVIL, ROW, address, browser, choose, methods, visit

pytestmark = pytest.mark.slow
__all__ = ["address", "browser", "visit"]  # fixtures


def unfolded(view: Any, name: str) -> Any:
    """Return the first figure of a view, with its numbers."""
    choose(view, "view", name)
    figure = view.locator("figure").first
    figure.locator("summary").click()
    figure.locator("tbody tr").first.wait_for()  # they are made once it is open
    return figure


def cells(figure: Any) -> list[list[str]]:
    return [row.locator("th, td").all_inner_texts() for row in figure.locator("tbody tr").all()]


def copied(view: Any, place: Any, form: str) -> str:
    """Press a button that copies, and return what it copied."""
    view.context.grant_permissions(["clipboard-read", "clipboard-write"])
    place.locator(f'[aria-label="Copy as {form}"]').click()
    view.locator("#said", has_text=f"{form} copied").wait_for(state="attached")
    text: str = view.evaluate("navigator.clipboard.readText()")
    return text


def test_a_forest_has_the_best_first_and_the_floor(visit: Any) -> None:
    view = visit()
    figure = unfolded(view, "forest")  # of FER-2013
    assert [row[0] for row in cells(figure)] == ["PCL", "SimCLR", "Untrained backbone"]
    assert figure.locator(".forest-row .who").all_text_contents() == [
        row[0] for row in cells(figure)
    ]  # fmt: skip
    x = [float(c.get_attribute("cx")) for c in figure.locator("circle").all()]
    assert x == sorted(x, reverse=True)
    assert figure.locator("line.floor-mark").count() == 1
    # Degrees: the smallest error is the best, and so it is on the right.
    last = view.locator("figure").last
    x = [float(c.get_attribute("cx")) for c in last.locator("circle").all()]
    assert x == sorted(x, reverse=True)
    figure.locator("tbody button").first.click()
    assert view.locator("dialog[open] h2").inner_text().startswith("PCL FER-2013")


def test_pairs_have_differences_and_p_values(visit: Any) -> None:
    view = visit()
    figure = unfolded(view, "pairs")
    rows = cells(figure)
    assert [row[:2] for row in rows] == [
        ["PCL", "SimCLR"], ["PCL", "Untrained backbone"], ["SimCLR", "Untrained backbone"],
    ]  # fmt: skip
    assert rows[1][2] == f"+{100 * (SHARES['pcl'] - SHARES['random']):.2f}"
    assert all(row[4].startswith("p ") for row in rows)
    titles = figure.locator("svg g > title").all_text_contents()
    both = [
        t for t in titles if t.startswith(("PCL minus Untrained", "Untrained backbone minus PCL"))
    ]
    assert sorted(title.split(": ")[1].split(",")[0] for title in both) == ["+60.00", "−60.00"]
    assert figure.locator("rect.better").count() == figure.locator("rect.worse").count() > 0


@pytest.mark.nightly
def test_pairs_say_what_is_missing(visit: Any) -> None:
    view = visit()
    view.locator("[name=query]").fill("moco")
    choose(view, "view", "pairs")
    assert "fewer than two" in view.locator("figure").first.inner_text()


@pytest.mark.nightly
def test_mean_ranks_have_a_critical_difference(visit: Any) -> None:
    view = visit()
    figure = unfolded(view, "ranks")
    assert [row[0:1] + row[2:3] for row in cells(figure)] == [
        ["PCL", "1.00"], ["SimCLR", "2.00"], ["Untrained backbone", "3.00"]
    ]  # fmt: skip
    assert "p = 0.0498" in figure.inner_text()
    assert "critical difference 1.91" in figure.locator("svg").text_content()
    assert figure.locator("line.clique").count() == 2
    choose(view, "board", "1")  # one task is too few
    assert "at least three methods" in view.locator("figure").inner_text()
    assert view.locator("svg").count() == 0


@pytest.mark.nightly
def test_a_heat_map_has_ranks_or_shares_of_what_is_published(visit: Any) -> None:
    view = visit()
    figure = unfolded(view, "heat")
    ranks = {row[0]: row[2:] for row in cells(figure)}
    assert ranks["PCL"] == ["1", "1", "1"]
    assert ranks["MoCo"][0] == "–"
    choose(view, "measure", "share")
    figure = unfolded(view, "heat")
    shares = {row[0]: row[2:] for row in cells(figure)}
    assert shares["PCL"][1] == f"{100 * 90 / 74.47:.0f} %"  # RAF-DB
    assert shares["PCL"][2].endswith(" %")
    assert shares["Untrained backbone"] == ["–"] * 3
    assert "not which method is better" in figure.inner_text()


@pytest.mark.nightly
def test_a_view_has_an_address(visit: Any, address: str) -> None:
    view = visit()
    choose(view, "view", "heat")
    choose(view, "measure", "share")
    view.locator("[name=query]").fill("pcl")
    link = view.evaluate("location.href")  # playwright hears of a new one later
    view.goto("about:blank")
    view.goto(link)
    assert view.locator('[name="view"][value="heat"]').is_checked()
    assert view.locator('[name="measure"][value="share"]').is_checked()
    (title,) = view.locator("figure text.who title").all_text_contents()
    assert title.startswith("PCL ·")
    assert view.locator("[name=query]").input_value() == "pcl"


def test_an_address_is_followed_in_the_window_of_another_view(visit: Any) -> None:
    """It differs behind the # alone, so that a browser does not load the page again."""
    view = visit()
    choose(view, "view", "heat")
    view.locator("[name=query]").fill("pcl")
    view.evaluate("location.hash = '#rows=all&printed=false'")
    view.locator(".scroll table").wait_for()
    assert view.locator('[name="rows"][value="all"]').is_checked()
    assert view.locator("[name=query]").input_value() == ""
    assert not view.locator("#printed input").is_checked()
    assert len(methods(view)) > 1
    view.locator(".skip").press("Enter")  # a link, too, and of no view
    view.wait_for_url(lambda address: "rows=all" in address)
    assert view.locator('[name="rows"][value="all"]').is_checked()
    assert view.evaluate("document.activeElement.id") == "view"
    view.evaluate("location.hash = ''")
    view.locator('[name="rows"][value="shared"]:checked').wait_for()
    assert view.locator("#printed input").is_checked()


@pytest.mark.nightly
def test_the_search_finds_rows_and_says_when_it_finds_none(visit: Any) -> None:
    view = visit()
    view.locator("[name=query]").fill("resnet18 moco")
    assert methods(view) == ["MoCo"]
    view.locator("[name=query]").fill("in no row")
    assert view.locator(ROW).count() == 0
    view.get_by_role("button", name="Show all rows").click()
    assert len(methods(view)) == 5
    assert view.locator("[name=query]").input_value() == ""


@pytest.mark.nightly
def test_columns_about_runs_are_those_that_are_stored(visit: Any) -> None:
    view = visit()
    view.locator("#facts summary").click()
    view.locator("#facts button").click()
    titles = view.locator(".headings .fact").all_inner_texts()
    assert titles == [  # no parameters, length, signature or paper is stored
        "Images seen", "Learning took", "Written", "Authors’ code", "Result files"
    ]  # fmt: skip
    cells = view.locator(ROW, has_text="SimCLR").locator("td.fact")
    assert cells.all_text_contents()[:4] == [
        "64", "0 seconds", "2026-01-01", "github.com/google-research/simclr"
    ]  # fmt: skip
    assert cells.locator("a").get_attribute("href") == "https://github.com/google-research/simclr"
    assert view.evaluate("location.hash") == "#facts=shown"
    view.locator('#facts [value="written"]').uncheck()
    assert view.locator(".headings .fact").count() == 4
    link = view.evaluate("location.href")
    view.goto("about:blank")
    view.goto(link)
    assert view.locator(".headings .fact").all_inner_texts() == titles[:2] + titles[3:]
    assert view.locator("table [tabindex='0']").count() == 1  # links are reached by arrows
    view.locator("#facts button").click()
    view.locator("#facts button").click()
    assert view.locator(".fact").count() == 0


@pytest.mark.nightly
def test_an_address_of_a_foreign_file_is_a_link_only_to_the_web(visit: Any) -> None:
    view = visit()
    view.locator("#facts summary").click()
    view.locator("#facts button").click()
    links = view.locator("td.fact a").evaluate_all("all => all.map((each) => each.protocol)")
    assert set(links) == {"https:"}


def test_the_table_is_copied_as_it_is_shown(visit: Any) -> None:
    view = visit()
    tools = view.locator("#tools")
    table = list(csv.reader(io.StringIO(copied(view, tools, "CSV"))))
    shown = [re.sub(r"\s+", " ", name) for name in view.locator("tbody th b").all_inner_texts()]
    lines = [row[0] for row in table if row[1] == "trivial baseline"]
    assert lines == ["majority class"]  # lines through the whiskers on the page
    names = [re.sub(r"\s+", " ", row[0]) for row in table[1:] if row[1] != "trivial baseline"]
    assert names == shown
    assert all(len(row) == len(table[0]) for row in table)
    simclr = next(row for row in table if row[0] == "SimCLR")
    assert re.fullmatch(r"\d+\.\d\d \[\d+\.\d\d, \d+\.\d\d\]", simclr[2])
    lines = copied(view, tools, "Markdown").splitlines()
    assert len(lines) == len(table) + 1
    assert lines[1].count("--:") == len(table[0]) - 2
    text = copied(view, tools, "LaTeX")
    assert text.count("\\\\\n") == len(table)
    assert "\\% " in text or "\\%)" in text
    assert "\\begin{tabular}{ll" in text


def test_the_table_is_saved_as_it_is_copied(visit: Any, tmp_path: Path) -> None:
    view = visit(scheme="dark")
    tools = view.locator("#tools")
    root = ElementTree.parse(saved(view, tools, "SVG", tmp_path)).getroot()
    table = list(csv.reader(io.StringIO(copied(view, tools, "CSV"))))
    title, *found = root.findall(".//{*}text")
    assert title.text == "Scores on real data, validated"
    assert [one.text for one in found] == [text for row in table for text in row]
    places = [(float(one.get("x", "")), float(one.get("y", ""))) for one in found]
    assert len(set(places)) == len(places)
    assert len({y for _, y in places}) == len(table)
    assert len({x for x, _ in places}) == len(table[0])
    width, height = (float(root.get(key, "")) for key in ("width", "height"))
    assert all(0 <= x < width and 0 < y < height for x, y in places)
    assert {one.get("fill") for one in found} == {"rgb(29, 28, 26)"}  # dark on light paper
    header = saved(view, tools, "PNG", tmp_path).read_bytes()[:24]
    assert struct.unpack(">II", header[16:]) == (3 * width, 3 * height)
    assert view.locator("body > .unseen").count() == 0


@pytest.mark.nightly
def test_what_is_copied_is_no_markup(visit: Any) -> None:
    view = visit()
    choose(view, "rows", "all")
    text = copied(view, view.locator("#tools"), "Markdown")
    assert EVIL not in text
    assert "\\<script\\>" in text


@pytest.mark.nightly
def test_drawings_are_saved_on_light_paper(visit: Any, tmp_path: Path) -> None:
    view = visit(scheme="dark")
    for name in ("curves", "forest", "pairs", "ranks", "heat"):
        root = ElementTree.parse(saved(view, unfolded(view, name), "SVG", tmp_path)).getroot()
        assert root.find(".//{*}text") is not None, name
        left = {key for element in root.iter() for key in element.attrib} & {"class", "onclick"}
        assert not left, name
        paper = root.find("{*}rect")
        assert paper is not None
        assert paper.get("fill") == "rgb(251, 250, 247)", name
    header = saved(view, view.locator("figure"), "PNG", tmp_path).read_bytes()[:24]
    width, height = struct.unpack(">II", header[16:])
    assert (width, height) == tuple(3 * float(root.get(key, 0)) for key in ("width", "height"))


def saved(view: Any, figure: Any, form: str, folder: Path) -> Path:
    with view.expect_download() as waiting:
        figure.locator(f'[aria-label="Download as {form}"]').click()
    target: Path = folder / waiting.value.suggested_filename
    assert target.suffix == f".{form.lower()}"
    waiting.value.save_as(target)
    return target


def test_the_switch_names_the_score_of_a_probe_that_selects_nothing(
    visit: Any, address: str, browser: Any
) -> None:
    switch = visit().get_by_role("group", name="Score")
    assert switch.inner_text().split("\n")[-1] == "test-selected"
    text = Path(url2pathname(urlsplit(address).path)).read_text(encoding="utf-8")
    fixed = browser.new_page()
    fixed.set_content(text.replace('"selected":"test-selected"', '"selected":"fixed recipe"'))
    switch = fixed.get_by_role("group", name="Score")
    assert switch.inner_text().split("\n")[-1] == "fixed recipe"
    fixed.close()
