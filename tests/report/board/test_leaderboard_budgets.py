"""Who leads, what is bold and what is tested, by the budget that the reader chooses."""

from __future__ import annotations

from typing import Any

import pytest
from test_leaderboard_browser import ROW, browser, choose, visit
from test_leaderboard_rows import address, changed

pytestmark = pytest.mark.slow
__all__ = ["address", "browser", "visit"]  # fixtures


def leaders(view: Any) -> list[str]:
    """Return the heading and the lines of the only card."""
    title = view.locator(".leaders h2").inner_text()
    return [title, *view.locator(".card p").all_inner_texts()[1:]]


def test_at_equal_images_the_leader_is_tested_against_the_next(visit: Any) -> None:
    title, first, next_one, fixed = leaders(visit())
    assert title.startswith("Who leads at equal images seen")
    assert "64 images of faces" in title
    assert first == "PCL 65.00"
    assert next_one.startswith("5.00 points ahead of SimCLR 60.00: ")
    assert fixed.startswith("35.00 points ahead of Untrained backbone 30.00, without learning: ")
    assert all(" p " in line for line in (next_one, fixed))


def test_at_equal_time_runs_of_other_images_are_compared_without_a_test(visit: Any) -> None:
    """PCL and MoCo took 20 and 24 seconds, with 64 and 32 images; SimCLR is of another time."""
    view = visit()
    choose(view, "rows", "time")
    title, first, next_one, fixed = leaders(view)
    assert title.startswith("Who leads at equal time")
    assert "20 to 24 seconds of learning from faces" in title
    assert first == "PCL 65.00"
    assert next_one.startswith("15.00 points ahead of MoCo 50.00 from 32 images of faces")
    assert next_one.endswith("not tested across budgets")
    assert " p " in fixed  # PCL's run is also one of the shared number of images


def test_the_best_runs_are_compared_without_a_test(visit: Any) -> None:
    view = visit()
    choose(view, "rows", "best")
    title, first, next_one, fixed = leaders(view)
    assert title.startswith("Who leads with the best run of each method")
    assert "its best on RAF-DB, at whatever budget" in title
    assert first.startswith("SimCLR 80.00 from 512 images of faces")
    assert next_one.startswith("15.00 points ahead of PCL 65.00 from 64 images of faces")
    assert next_one.endswith("not tested across budgets")
    assert fixed == "50.00 points ahead of Untrained backbone 30.00, without learning: not tested"
    choose(view, "rows", "all")
    assert leaders(view)[1:] == [first, next_one, fixed]
    assert leaders(view)[0].startswith("Who leads among all runs")


def test_a_score_says_among_which_runs_its_rank_is_or_why_it_has_none(visit: Any) -> None:
    """PCL and SimCLR have runs at 64 images; MoCo's is at 32."""
    view = visit()
    here = "runs that learned from 64 images of faces at 64 px, or learned nothing"
    for name, said in {"PCL": f"among {here}", "MoCo": f"none: only {here} are ranked"}.items():
        row = view.locator(ROW).filter(has=view.locator("th b", has_text=name))
        titles = row.locator(".rank").evaluate_all("all => all.map((one) => one.title)")
        assert titles == ([f"rank among {here}"] if name == "PCL" else [])
        row.locator("button.score").click()
        assert view.locator(".asked dt:text-is('Rank') + dd").inner_text() == said
        view.keyboard.press("Escape")
    for choice, expected in {"shared": 0, "best": 1, "all": 1}.items():
        choose(view, "rows", choice)
        assert view.locator("tbody").get_by_text(f"; ranks are among {here}").count() == expected


def test_nothing_is_bold_where_runs_of_other_budgets_are_shown(address: str, browser: Any) -> None:
    def significant(data: Any) -> None:
        row = next(row for row in data["boards"][0]["rows"] if row["method"] == "PCL")
        row["cells"]["c0"]["honest"]["best"] = True

    def same(data: Any) -> None:
        significant(data)
        board = data["boards"][0]
        board["rows"] = [row for row in board["rows"] if row["budget"] in ("", board["budget"])]

    with changed(browser, address, significant) as view:
        assert view.locator(f"{ROW} .best").all_inner_texts() == ["65.00"]
        for choice in ("time", "best", "all"):
            choose(view, "rows", choice)
            assert view.locator(f"{ROW} .best").count() == 0, choice
    with changed(browser, address, same) as view:  # all runs are of one budget
        for choice in ("shared", "time", "best", "all"):
            choose(view, "rows", choice)
            assert view.locator(f"{ROW} .best").all_inner_texts() == ["65.00"], choice


@pytest.mark.parametrize("name", ["pairs", "ranks"])
def test_tests_say_that_they_are_of_equal_images(visit: Any, name: str) -> None:
    view = visit()
    choose(view, "view", name)
    notice = view.locator("#view .banner")
    assert notice.count() == 0
    for choice, said in (("time", "Equal time"), ("best", "Best available"), ("all", "All runs")):
        choose(view, "rows", choice)
        text = notice.inner_text()
        assert text.startswith("Compared at equal images seen, 64 images of faces"), choice
        assert f"although “{said}” is chosen" in text


def test_the_line_above_the_results_says_which_budget_is_chosen(visit: Any) -> None:
    view = visit()
    assert view.locator("#status").inner_text().endswith("validated, equal images seen")
    choose(view, "rows", "best")
    choose(view, "view", "forest")
    assert view.locator("#status").inner_text().endswith("validated, best available")
