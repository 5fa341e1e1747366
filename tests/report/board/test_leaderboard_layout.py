"""How the page is laid out: what stands in line, what stays whole, and what stays in sight."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from board_world import ANGLES, add, angles, right
from stored_world import classes
from test_leaderboard_browser import ROW, SIZES, browser, choose, visit
from test_leaderboard_rows import changed
from test_leaderboard_views import saved

from facebench.report.board.html import page
from facebench.report.board.leaderboard import leaderboard
from facebench.report.entries import stored_results
from facebench.report.figures.index import Drawn, index_page

pytestmark = pytest.mark.slow
__all__ = ["browser", "visit"]  # fixtures

METHODS = ("simclr", "pcl", "moco", "lbp", "random")
LONG = "face_pose_augmentation_of_both_views"
MIDDLES = """all => all.map((each) => {
  const { top, bottom } = each.getBoundingClientRect();
  return Math.round((top + bottom) / 2);
})"""
# Each text without a space, and over how many lines it goes.
LINES = """node => Object.fromEntries([...node.childNodes].filter((each) => each.nodeType === 3
    && !each.data.trim().includes(" ")).map((each) => {
  const range = document.createRange();
  range.selectNodeContents(each);
  return [each.data, new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size];
}))"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write a board of seven methods on two tasks, one of them with long settings."""
    root = tmp_path_factory.mktemp("results")
    for place, method in enumerate(METHODS):
        how: dict[str, Any] = {"method": method, "learned": method not in ("lbp", "hog", "random")}
        for mark in ("flip", "none") if method == "pcl" else ("",):
            options = {LONG: mark} if mark else {}
            share = 0.9 - 0.07 * place - (0.05 if mark == "flip" else 0)
            frame = classes(right(share))
            add(root, frame, **how, options=options, mark=mark)
            add(
                root, angles(5 + place), **how, options=options, mark=mark, task="aflw2000",
                title="AFLW2000", family="head pose", columns=ANGLES,
            )  # fmt: skip
    target = root.parent / "leaderboard.html"
    target.write_text(page(leaderboard(stored_results(root), root)), encoding="utf-8")
    return target.as_uri()


def test_titles_of_columns_stand_in_one_line(address: str, browser: Any) -> None:
    def noted(data: Any) -> None:
        data["boards"][0]["columns"][0]["note"] = "1,000 test images, 500 train images, " * 4

    with changed(browser, address, noted) as view:
        titles = view.locator(".headings .title")
        assert titles.count() == 3
        assert len(set(titles.evaluate_all(MIDDLES))) == 1


def test_numbers_about_runs_stand_below_each_other(visit: Any) -> None:
    view = visit()
    view.locator("#facts summary").click()
    view.locator("#facts button").click()
    column = view.locator(".fact", has_text="Images seen").evaluate("th => th.cellIndex")
    ends = view.locator(f"{ROW} > :nth-child({column + 1})").evaluate_all(
        """cells => cells.map((cell) => {
          const range = document.createRange();
          range.selectNodeContents(cell);
          return Math.round(range.getBoundingClientRect().right);
        })"""
    )
    assert len(ends) == len(METHODS)
    assert len(set(ends)) == 1


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_row_is_not_taller_for_what_is_not_published(visit: Any, size: str) -> None:
    """What a screen reader says of a gap takes no space."""
    view = visit(size)
    view.locator(".papers").click()
    heights = view.locator("tr[data-printed]").evaluate_all(
        "rows => rows.map((row) => [row.querySelectorAll('.gap').length > 0, row.offsetHeight])"
    )
    of_gaps = [height for gap, height in heights if gap]
    of_whole = [height for gap, height in heights if not gap]
    assert max(of_gaps) - min(of_whole) <= 1


def test_words_of_a_phone_stay_together(address: str, browser: Any) -> None:
    """The mark of another budget, and the buttons behind "Copy as" and "Download"."""

    def elsewhere(data: Any) -> None:
        row = next(row for row in data["boards"][0]["rows"] if row["method"] == "SimCLR")
        row |= {"budget": "32 images of faces at 64 px", "images": 32}

    with changed(browser, address, elsewhere) as view:
        view.set_viewport_size({"width": 390, "height": 844})
        chip = view.locator(".chip")
        assert chip.inner_text() == "another budget"
        assert chip.bounding_box()["height"] < 1.5 * 12.5 * 1.35  # a line
        for words in view.locator("#tools .toolset").all():
            assert len(set(words.locator("> *").evaluate_all(MIDDLES))) == 1
        # A name of an option ends where a line does, if its value has no space beside it.
        view.set_viewport_size({"width": 1280, "height": 900})
        assert view.locator(ROW, has_text="PCL").locator("small wbr").count() >= 1


def test_names_stay_where_a_matrix_scrolls(visit: Any, tmp_path: Path) -> None:
    view = visit("phone")
    for name, width in (("pairs", 300), ("heat", 220)):
        view.set_viewport_size({"width": width, "height": 844})
        choose(view, "view", name)
        frame = view.locator("figure > .across").first
        who = frame.locator("text.who").first
        before = who.bounding_box()["x"]
        frame.evaluate("frame => { frame.scrollLeft = 40; }")
        assert frame.evaluate("frame => frame.scrollLeft") == 40
        frame.locator(".pinned[transform]").wait_for()
        assert who.bounding_box()["x"] == pytest.approx(before, abs=1)
        view.locator("figure summary").first.click()
        root = ElementTree.parse(
            saved(view, view.locator("figure").first, "SVG", tmp_path)
        ).getroot()
        assert not [each for each in root.iter() if "transform" in each.attrib]


def test_the_row_of_a_method_is_its_best_of_equal_budget(visit: Any) -> None:
    """As in the card above: what it says is found in the table."""
    view = visit()
    head = view.locator(ROW, has_text="PCL").locator("th")
    assert f"{LONG}=none" in head.inner_text()
    assert "PCL 83.33" in view.locator(".leaders").inner_text()
    score = view.locator(ROW, has_text="PCL").locator(".value").first
    assert score.inner_text() == "83.33"
    choose(view, "view", "ranks")
    assert f"{LONG}=none" in view.locator("#view").inner_text()


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.04996, "p < 0.05"), (0.0494, "p 0.049"), (0.05, "p 0.050"), (0.0004, "p < 0.001")],
)
def test_a_p_value_is_not_rounded_up_to_the_level_that_it_is_below(
    address: str, browser: Any, p: float, text: str
) -> None:
    def tested(data: Any) -> None:
        for difference in data["boards"][0]["pairs"]["honest"]["c0"]["differences"]:
            difference[3] = p

    with changed(browser, address, tested) as view:
        choose(view, "view", "pairs")
        cells = view.locator("figure").first.locator("svg .what")
        assert set(cells.all_text_contents()) == {text}


def test_imported_weights_are_not_said_to_have_learned_nothing(address: str, browser: Any) -> None:
    def imported(data: Any) -> None:
        row = next(row for row in data["boards"][0]["rows"] if row["method"] == "LBP")
        row |= {
            "method": "Their network",
            "data": "imported weights",
            "pretraining": "imported weights",
        }

    with changed(browser, address, imported) as view:
        (card,) = [
            text for text in view.locator(".card").all_inner_texts() if text.startswith("RAF-DB")
        ]
        said = [line.split(":")[0].split(", ")[-1] for line in card.splitlines() if ", " in line]
        assert said == ["without learning", "imported weights"]
        choose(view, "view", "curves")
        assert "Dotted, what did not learn here: " in view.locator(".floor-note").first.inner_text()


@pytest.mark.parametrize("alike", [False, True])
def test_a_line_joins_runs_that_differ_only_in_how_long_they_learned(
    address: str, browser: Any, alike: bool
) -> None:
    def longer(data: Any) -> None:
        rows = [row for row in data["boards"][0]["rows"] if row["method"] == "PCL"]
        rows[0] |= {"images": 512, "budget": "512 images of faces at 64 px"}
        if alike:
            runs = [run for run in data["results"] if run["spec"]["method"] == "pcl"]
            for run in runs:
                run["options"]["method_options"] = runs[0]["options"]["method_options"]

    with changed(browser, address, longer) as view:
        choose(view, "view", "curves")
        figure = view.locator("figure").first
        assert figure.locator("polyline").count() == int(alike)
        said = "A line joins runs that differ only in how long they learned."
        assert (said in figure.inner_text()) is alike


def test_all_leaders_are_printed(address: str, browser: Any) -> None:
    """Also those that are folded on the screen."""

    def several(data: Any) -> None:
        board = data["boards"][0]
        column = board["columns"][0]
        for place in range(5):
            name = f"more{place}"
            board["columns"].append({**column, "id": name, "title": name})
            board["pairs"]["honest"][name] = board["pairs"]["honest"][column["id"]]
            for row in board["rows"]:
                row["cells"][name] = row["cells"][column["id"]]

    with changed(browser, address, several) as view:
        cards = view.locator(".card")
        assert [card.is_visible() for card in cards.all()].count(False) == 3
        view.evaluate("() => { window.dispatchEvent(new Event('beforeprint')); }")
        assert all(card.is_visible() for card in cards.all())


def test_an_index_of_figures_fits_a_phone(browser: Any) -> None:
    reason = f"found no {'/cache' * 20}/features; expected what its run left there"
    shown = index_page("Figures", [Drawn("features-tsne", "PCL f_s", None, reason)])
    view = browser.new_page(viewport={"width": 390, "height": 844})
    view.set_content(shown)
    assert view.evaluate("document.documentElement.scrollWidth") == 390
    name, *_ = view.locator("td").all()
    assert name.bounding_box()["height"] < 60  # a line, and the space above it
    view.close()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_synthetic_board_says_so_before_its_first_number(
    address: str, browser: Any, size: str
) -> None:
    def rendered(data: Any) -> None:
        data["boards"][0]["synthetic"] = True

    with changed(browser, address, rendered) as view:
        view.set_viewport_size(dict(zip(("width", "height"), SIZES[size], strict=True)))
        note = view.locator("#kind-note").bounding_box()
        assert note["y"] + note["height"] < view.locator(".card").first.bounding_box()["y"]
        assert note["y"] + note["height"] < SIZES[size][1] / 2


def test_a_difference_from_a_published_number_does_not_widen_a_phone(
    address: str, browser: Any
) -> None:
    """It has a line of its own, and so do the parts of a long name of an option."""
    with changed(browser, address, lambda data: None) as view:
        choose(view, "protocol", "paper")
        view.set_viewport_size({"width": 390, "height": 844})
        different = view.locator(".theirs", has_text="Δ").first
        before, after = (part.bounding_box() for part in different.locator(".whole").all())
        assert after["y"] >= before["y"] + before["height"] - 1
        frame = view.locator(".scroll")
        assert frame.evaluate("frame => frame.scrollWidth <= frame.clientWidth")
        names = view.locator(ROW, has_text="PCL").first.locator(".setting", has_text="augmentation")
        lines = names.evaluate(LINES)
        assert "augmentation_" in lines
        assert all(n == 1 for n in lines.values()), lines


def test_ranks_fit_a_phone_beside_long_settings(address: str, browser: Any) -> None:
    def longer(data: Any) -> None:
        for row in data["boards"][0]["rows"]:
            if row["method"] == "LBP":
                row["detail"] = "radius=1.0, rotation_invariant=true"

    with changed(browser, address, longer) as view:
        view.set_viewport_size({"width": 390, "height": 844})
        choose(view, "view", "ranks")
        table = view.locator(".across", has=view.locator(".sheet"))
        assert "rotation_invariant=true" in table.inner_text()
        assert table.evaluate("frame => frame.scrollWidth <= frame.clientWidth")


def test_a_method_that_learns_nothing_has_a_row_for_each_setting_and_says_so(
    address: str, browser: Any
) -> None:
    def twice(data: Any) -> None:
        rows = data["boards"][0]["rows"]
        row = next(row for row in rows if row["method"] == "LBP")
        rows.append({**row, "id": "another", "order": len(rows), "method_key": "LBP radius=2"})

    with changed(browser, address, lambda data: None) as view:
        assert "per setting" not in view.locator(".group").first.inner_text()
    with changed(browser, address, twice) as view:
        assert view.locator(ROW, has_text="LBP").count() == 2
        assert "and per setting of LBP" in view.locator(".group").first.inner_text()
