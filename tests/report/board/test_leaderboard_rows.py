"""One row a method on the page: which run stands for it, what unfolds, a view's address."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from board_world import add, right
from stored_world import classes
from test_leaderboard_browser import ROW, browser, choose, methods, visit
from whole_results import rewritten

from facebench.config.spec import PretrainSpec
from facebench.report.board.html import page
from facebench.report.board.leaderboard import leaderboard
from facebench.report.entries import stored_results

pytestmark = pytest.mark.slow
__all__ = ["browser", "visit"]  # fixtures

DATA = r'<script type="application/json" id="data">(.*?)</script>'
# Method, images seen, share of the test items that are right, seconds of learning.
RUNS = (
    ("simclr", 64, 0.6, 100), ("simclr", 512, 0.8, 10), ("simclr", 4096, 0.7, 1000),
    ("pcl", 64, 0.65, 20), ("moco", 32, 0.5, 24), ("random", 0, 0.3, 0),
)  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("results")
    common, own = "288 test images have a duplicate", "pretrained on the test images of RAF-DB, ..."
    other = "pretrained on the test images of LFW, without labels"
    for method, images, share, seconds in RUNS:
        result = add(
            root, classes(right(share)), method=method, images=images, learned=images > 0,
            pretrain=PretrainSpec(limit=images),
            warnings=(common, other, *([own] if method == "pcl" else [])), mark=str(images),
        )  # fmt: skip
        rewritten(result, seconds={"pretrain": seconds})
    target = root.parent / "leaderboard.html"
    target.write_text(page(leaderboard(stored_results(root), root)), encoding="utf-8")
    return target.as_uri()


def lines(view: Any) -> list[tuple[str, str]]:
    """Return method and number of images of each row, from the top."""
    heads = view.locator(f"{ROW} th").all_inner_texts()
    found = [text.split("\n") for text in heads]
    return [(head[0], head[2].split(" ")[0].replace(",", "")) for head in found]


def test_each_method_has_its_row_at_the_budget_that_most_share(visit: Any) -> None:
    view = visit()
    assert lines(view) == [
        ("PCL", "64"), ("SimCLR", "64"), ("MoCo", "32"), ("Untrained backbone", "nothing")
    ]  # fmt: skip
    assert view.locator(".chip").all_inner_texts() == ["another budget"]  # MoCo's
    assert view.locator(ROW, has=view.locator(".chip")).locator("th b").inner_text() == "MoCo"
    assert "4 rows for 6 configurations" in view.locator("#status").inner_text()


def test_of_several_runs_at_that_budget_the_best_stands_for_its_method(
    tmp_path: Path, browser: Any
) -> None:
    """As for who leads; the other one is listed first in files and tables."""
    root = tmp_path / "results"
    for place, (rafdb, fer) in enumerate(((0.5, 0.7), (0.6, 0.4))):
        how: dict[str, Any] = {"method": "pcl", "mark": str(place), "options": {"place": place}}
        add(root, classes(right(rafdb)), **how)
        add(root, classes(right(fer)), **how, task="fer2013", title="FER-2013")
    target = tmp_path / "leaderboard.html"
    target.write_text(page(leaderboard(stored_results(root), root)), encoding="utf-8")
    view = browser.new_page()
    view.goto(target.as_uri())
    of_several = "of several such runs the best on "
    for task, detail in (("FER-2013", "place=0"), ("RAF-DB", "place=1")):
        view.get_by_role("button", name=re.compile(f"^{task}")).first.click()
        assert detail in view.locator(f"{ROW} th").inner_text()
        assert f"{of_several}{task}" in view.locator("body").inner_text()
    view.close()


def test_fixed_features_of_other_options_are_no_runs_of_one_method(tmp_path: Path) -> None:
    ours, theirs = {"rotation_invariant": False}, {"rotation_invariant": True}
    for place, options in enumerate((ours, theirs)):
        for seed in (0, 1):
            add(
                tmp_path, classes(right(0.4)), method="lbp", learned=False, options=options,
                seed=seed, mark=f"{place} {seed}",
            )  # fmt: skip
    (board,) = leaderboard(stored_results(tmp_path), tmp_path).boards
    details = ["rotation_invariant=false", "rotation_invariant=true"]
    assert [row.detail for row in board.rows] == details
    assert len({row.method_key for row in board.rows}) == 2
    assert [row.as_printed for row in board.rows] == [False, True]


def test_rows_of_one_method_are_told_apart_in_drawings(visit: Any) -> None:
    """Also where the whole of a label has no space; and an axis of one amount shows it."""
    view = visit()
    choose(view, "rows", "all")
    choose(view, "view", "heat")
    names = view.locator("svg text.who").evaluate_all("all => all.map(e => e.lastChild.data)")
    assert len(names) == len(set(names)) == 6
    assert "SimCLR · 512 images of faces" in names
    view.locator("[name=query]").fill("moco")
    choose(view, "view", "curves")
    assert view.locator(".axes text", has_text="32").count() == 1


def test_the_best_of_each_and_all_runs(visit: Any) -> None:
    view = visit()
    choose(view, "rows", "best")
    assert lines(view)[:2] == [("SimCLR", "512"), ("PCL", "64")]
    assert view.locator(".chip").count() == 0
    choose(view, "rows", "all")
    assert [images for method, images in lines(view) if method == "SimCLR"] == ["512", "4096", "64"]
    assert view.locator(".unfold").count() == 0


def test_equal_time_is_what_most_methods_share_within_a_quarter(visit: Any) -> None:
    """PCL's 20 and MoCo's 24 seconds; of SimCLR's 10 and 100 seconds the nearer."""
    view = visit()
    choose(view, "rows", "time")
    assert lines(view) == [
        ("SimCLR", "512"), ("PCL", "64"), ("MoCo", "32"), ("Untrained backbone", "nothing")
    ]  # fmt: skip
    assert view.locator(ROW, has=view.locator(".chip")).locator("th b").all_inner_texts() == [
        "SimCLR"
    ]
    said = view.locator("tr.group small").first.inner_text()
    assert "at 20 to 24 seconds of learning from faces at 64 px on a tiny machine" in said
    link = view.evaluate("location.href")
    assert link.endswith("#rows=time")
    view.goto("about:blank")
    view.goto(link)
    assert view.locator('[name="rows"][value="time"]').is_checked()
    assert lines(view)[0] == ("SimCLR", "512")


@contextmanager
def changed(browser: Any, address: str, change: Callable[[Any], None]) -> Iterator[Any]:
    """Open the page with other data."""
    text = Path(url2pathname(urlsplit(address).path)).read_text(encoding="utf-8")
    (block,) = re.findall(DATA, text)
    data = json.loads(block)
    change(data)
    view = browser.new_page()
    view.set_content(text.replace(block, json.dumps(data).replace("<", "\\u003c")))
    yield view
    view.close()


def test_no_time_is_equal_that_differs_more_or_is_of_another_machine(
    address: str, browser: Any
) -> None:
    """Then no two methods share one, and the longest of one method is taken: SimCLR's."""

    def slower(data: Any) -> None:
        of_moco(data)["seconds"]["pretrain"] = 26

    def elsewhere(data: Any) -> None:
        of_moco(data)["environment"] = len(data["environments"])
        data["environments"].append({**data["environments"][0], "device": "a large machine"})

    def of_moco(data: Any) -> Any:
        (run,) = (run for run in data["results"] if run["spec"]["method"] == "moco")
        return run

    for change in (slower, elsewhere):
        with changed(browser, address, change) as view:
            choose(view, "rows", "time")
            assert lines(view)[0] == ("SimCLR", "4096")
            assert view.locator(".chip").count() == 2


def test_equal_time_cannot_be_chosen_where_none_is_stored(address: str, browser: Any) -> None:
    def untimed(data: Any) -> None:
        for run in data["results"]:
            run["seconds"]["pretrain"] = 0

    with changed(browser, address, untimed) as view:
        choice = view.locator('[name="rows"][value="time"]')
        assert choice.is_disabled()
        why = "No result here says how long its learning took"
        assert choice.get_attribute("title") == why
        assert view.locator("label", has=choice).get_attribute("title") == why
        assert len(lines(view)) == 4


def test_columns_about_runs_sort_by_their_numbers(visit: Any, address: str) -> None:
    """The most first, then the fewest; what has none is last either way."""
    view = visit()
    view.locator("#facts summary").click()
    view.locator("#facts button").click()
    choose(view, "rows", "all")
    kinds = view.locator(".headings .fact").evaluate_all("all => all.map((e) => e.ariaSort)")
    assert kinds == ["none", "none", "none", None, None]  # images, seconds, date; two of links
    heading = view.locator("th", has=view.locator('[data-sort="images"]'))
    heading.locator("button").click()
    assert [images for _, images in lines(view)] == ["4096", "512", "64", "64", "32", "nothing"]
    assert heading.get_attribute("aria-sort") == "descending"
    view.keyboard.press("Enter")  # the heading keeps the focus
    assert [images for _, images in lines(view)] == ["32", "64", "64", "512", "4096", "nothing"]
    assert heading.get_attribute("aria-sort") == "ascending"
    assert view.locator("[aria-sort=ascending], [aria-sort=descending]").count() == 1
    view.locator('[data-sort="seconds"]').click()
    view.locator('[data-sort="seconds"]').click()
    seen = [("SimCLR", "512"), ("PCL", "64"), ("MoCo", "32"), ("SimCLR", "64"), ("SimCLR", "4096")]
    assert lines(view)[:5] == seen  # 10, 20, 24, 100 and 1,000 seconds
    link = view.evaluate("location.href")
    assert "sort=-seconds" in link
    view.goto("about:blank")
    view.goto(link)
    assert lines(view)[:5] == seen
    view.locator("#facts [value=seconds]").uncheck()
    assert lines(view)[0] == ("SimCLR", "512")  # the best score
    assert "sort" not in view.evaluate("location.hash")
    view.goto("about:blank")
    view.goto(f"{address}#sort=-seconds")  # of a column that is not shown
    assert view.locator("th[aria-sort=descending]").inner_text().startswith("RAF-DB")


def test_other_runs_unfold_with_the_most_images_first(visit: Any) -> None:
    view = visit()
    button = view.locator(".unfold")
    assert button.all_inner_texts() == ["+ 2 more runs"]
    button.click()
    assert lines(view)[1:4] == [("SimCLR", "64"), ("SimCLR", "4096"), ("SimCLR", "512")]
    assert view.evaluate("document.activeElement.dataset.unfold") == "SimCLR"
    view.locator(".unfold").click()
    assert methods(view).count("SimCLR") == 1


def test_a_view_has_an_address(visit: Any, address: str) -> None:
    view = visit()
    choose(view, "rows", "best")
    choose(view, "protocol", "paper")
    view.locator('[data-sort="method"]').click()
    view.locator(".unfold").click()
    seen, link = lines(view), view.evaluate("location.href")
    assert link != address
    view.goto("about:blank")
    view.goto(link)
    assert lines(view) == seen
    assert "test-selected" in view.locator("#status").inner_text()
    view.goto("about:blank")
    view.goto(f"{address}#rows=none&view=pie&board=7&sort=c9&open=none")  # of another page
    assert len(lines(view)) == 4


def test_a_warning_stands_where_it_concerns(visit: Any) -> None:
    """That of all test images in the heading, that of one score at it, that of LFW nowhere."""
    view = visit()
    assert view.locator("thead .doubt").count() == 1
    assert view.locator("thead button[title]").get_attribute("title") == (
        "288 test images have a duplicate"
    )
    doubtful = view.locator(ROW, has=view.locator("td .doubt"))
    assert doubtful.locator("th b").all_inner_texts() == ["PCL"]
    # Nor in a score's story: what the weights saw of LFW is no doubt about a score on RAF-DB, and
    # among its warnings it reads as one. Until now the story listed it.
    view.locator(ROW, has_text="PCL").locator("button.score").click()
    assert view.locator("dialog[open] .warnings li").all_inner_texts() == [
        "288 test images have a duplicate", "pretrained on the test images of RAF-DB, ...",
    ]  # fmt: skip
    assert "LFW" not in view.locator("dialog[open]").inner_text()


def test_curves_show_every_run_at_its_images(visit: Any) -> None:
    view = visit()
    choose(view, "view", "curves")
    assert view.locator("figure").count() == 1
    titles = view.locator("svg.plot g.press title").all_text_contents()
    assert sorted(title.split(":")[0] for title in titles) == ["MoCo", "PCL", *["SimCLR"] * 3]
    across = view.locator(".level text").all_text_contents()
    assert across == ["Untrained backbone"]
    assert view.locator(".axes text", has_text="1,000").count() == 1
    # SimCLR's points, not beside PCL's: an axis of logarithms; each factor of eight is as wide.
    view.locator("[name=query]").fill("simclr")
    x, y = points(view)
    assert math.isclose(x[1] - x[0], x[2] - x[1], abs_tol=0.2)
    assert y[1] < y[2] < y[0]  # 80, 70 and 60 %, from the top
    # Against seconds the order is another one: 10, 100, 1,000.
    choose(view, "compute", "seconds")
    x, y = points(view)
    assert math.isclose(x[1] - x[0], x[2] - x[1], abs_tol=0.2)
    assert y[0] < y[2] < y[1]
    assert "Seconds depend on the machine: a tiny machine." in view.locator("figure").inner_text()
    link = view.evaluate("location.href")
    view.goto("about:blank")
    view.goto(link)
    assert view.locator('[name="compute"][value="seconds"]').is_checked()
    assert points(view) == (x, y)


def points(view: Any) -> tuple[list[float], list[float]]:
    """Return where the last line goes, in pixels from the left and from the top."""
    pairs = view.locator("polyline").last.get_attribute("points").split(" ")
    x, y = zip(*(map(float, pair.split(",")) for pair in pairs), strict=True)
    return list(x), list(y)
