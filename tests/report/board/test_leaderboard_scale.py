"""A page of 5,000 results: its size, how soon it is there, what it holds while it scrolls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from board_world import fill
from test_leaderboard_browser import ROW, browser, choose, methods, visit

from facebench.report.board.html import page
from facebench.report.board.leaderboard import leaderboard
from facebench.report.board.model import Leaderboard
from facebench.report.entries import stored_results

pytestmark = pytest.mark.nightly
__all__ = ["browser", "visit"]  # fixtures

RESULTS = 5000
OPENS = 1.0  # seconds
LINES = 250  # of the table that are made at a time
MEGABYTES = 8


def many(board: Leaderboard, count: int) -> Leaderboard:
    """Repeat the rows of the first board until they have as many results; each has its own."""
    real, runs, rows = board.boards[0], list(board.results), []
    place = 0
    while len(runs) < count:
        row = real.rows[place % len(real.rows)]
        cells = {}
        for column, cell in row.cells.items():
            fresh = [replace(board.results[n], file=f"{place}/{column}.json") for n in cell.results]
            cells[column] = replace(
                cell,
                results=tuple(range(len(runs), len(runs) + len(fresh))),
                honest=replace(cell.honest, value=(cell.honest.value or 0) - place / 1000),
            )
            runs += fresh
        rows.append(
            replace(row, id=f"r{len(real.rows) + place}", order=len(real.rows) + place, cells=cells,
                    method=f"{row.method} {place % 50}", detail=f"temperature={place}",
                    method_key=f"{row.method_key} {place % 50}")
        )  # fmt: skip
        place += 1
    whole = replace(real, rows=(*real.rows, *rows))
    return replace(board, boards=(whole, *board.boards[1:]), results=tuple(runs))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("results")
    fill(root)
    target: Path = root.parent / "many.html"
    target.write_text(page(many(leaderboard(stored_results(root), root), RESULTS)), "utf-8")
    return target.as_uri()


@pytest.fixture
def view(visit: Any, address: str) -> Any:
    """Open the page once more: the first time the browser itself starts."""
    opened = visit()
    opened.goto("about:blank")
    return opened


def test_it_opens_in_a_second(view: Any, address: str) -> None:
    assert Path(address.removeprefix("file://")).stat().st_size < MEGABYTES * 1e6
    assert cpu_seconds(view, lambda: view.goto(address)) < OPENS
    assert view.locator(ROW).count() > 50


def cpu_seconds(view: Any, action: Callable[[], Any]) -> float:
    """Return the seconds of processor time that the page's thread takes for an action."""
    session = view.context.new_cdp_session(view)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def taken() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float({one["name"]: one["value"] for one in metrics}["TaskDuration"])

    before = taken()
    action()
    view.evaluate("document.body.offsetHeight")
    return taken() - before


def test_all_runs_scroll_and_sort(view: Any, address: str) -> None:
    view.goto(f"{address}#rows=all")
    rows = int(view.locator("table").get_attribute("aria-rowcount")) - 3
    assert rows > 1000
    assert 0 < view.locator(ROW).count() <= LINES
    height = view.evaluate("document.documentElement.scrollHeight")
    for share in (0.2, 0.5, 0.51, 0.9, 0.1):
        view.evaluate(f"scrollTo(0, {share * height})")
        view.locator("body").evaluate("() => new Promise((done) => requestAnimationFrame("
                                      "() => requestAnimationFrame(done)))")  # fmt: skip
        assert view.evaluate(
            "Boolean(document.elementFromPoint(640, 500)?.closest('tr[data-row]'))"
        )
        assert view.locator(ROW).count() <= LINES, share
    view.evaluate("scrollTo(0, 0)")
    assert cpu_seconds(view, view.locator('[data-sort="method"]').click) < OPENS
    assert methods(view)[0].startswith("MoCo")
    view.locator("[name=query]").fill("temperature=1003")
    assert {name.rsplit(" ", 1)[-1] for name in methods(view)} == {"3"}


def test_the_keyboard_goes_through_lines_that_are_yet_to_be_made(view: Any, address: str) -> None:
    view.goto(f"{address}#rows=all")
    view.locator('[data-sort="method"]').focus()
    view.keyboard.press("Control+End")
    view.keyboard.press("Control+Home")
    for _ in range(60):
        view.keyboard.press("ArrowDown")
    index = view.evaluate("document.activeElement.closest('tr').ariaRowIndex")
    assert index == str(3 + 60)  # the first press leads from the headings to the first line


def test_equal_time_and_a_column_about_runs_are_as_quick(view: Any, address: str) -> None:
    view.goto(f"{address}#facts=images,written")
    assert cpu_seconds(view, partial(choose, view, "rows", "time")) < OPENS
    assert view.locator('[name="rows"][value="time"]').is_checked()
    choose(view, "rows", "all")
    assert cpu_seconds(view, view.locator('[data-sort="written"]').click) < OPENS
    assert view.locator("[aria-sort=descending] button").get_attribute("data-sort") == "written"


def test_the_other_views_draw(view: Any, address: str) -> None:
    view.goto(f"{address}#rows=all")
    for name in ("curves", "forest", "pairs", "heat"):
        assert cpu_seconds(view, partial(choose, view, "view", name)) < OPENS, name
        assert view.locator("figure").count() > 0, name
