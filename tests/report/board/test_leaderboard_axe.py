"""axe-core, which checks what assistive technology needs, finds nothing in any view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_leaderboard_browser import SIZES, STEPS, address, browser, choose, visit

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright",
    reason="needs axe-playwright-python: pip install 'facebench[test]'",
)

pytestmark = pytest.mark.nightly
TABLES = Path(__file__).parents[3] / "results" / "tables"
__all__ = ["address", "browser", "visit"]  # fixtures


def broken(view: Any) -> list[str]:
    """Return the rules that the page breaks as it is now, and where."""
    found = axe.Axe().run(view).response
    assert len(found["passes"]) > 10  # it looked at the page
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_axe_finds_nothing(visit: Any, size: str, scheme: str) -> None:
    view = visit(size, scheme)
    if size == "phone":
        view.locator(".more").click()
    view.locator("#facts summary").click()
    view.locator("#facts button").click()
    for board in ("1", "0"):
        choose(view, "board", board)
        for step in STEPS[::-1]:  # the table is last
            choose(view, "view", step)
            for fold in view.locator("figure summary").all():
                fold.click()
            assert broken(view) == [], (board, step)
    view.locator(".papers").click()
    assert broken(view) == []
    for kind in ("tr[data-row]", "tr[data-printed]"):
        view.locator(f"{kind} button.score").first.evaluate("button => button.click()")
        view.evaluate("document.querySelectorAll('dialog details').forEach(f => f.open = true)")
        assert broken(view) == [], kind
        view.keyboard.press("Escape")
    view.locator("[name=query]").fill("in no row")
    assert broken(view) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_axe_finds_nothing_in_tables_of_the_paper(browser: Any, size: str, scheme: str) -> None:
    width, height = SIZES[size]
    view = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    tables = sorted(TABLES.glob("table*.html"))
    assert len(tables) >= 6
    for path in tables:
        view.goto(path.as_uri())
        assert view.evaluate("document.documentElement.scrollWidth") == width, path.name
        assert broken(view) == [], path.name
    view.close()


def test_it_finds_what_is_wrong(visit: Any) -> None:
    view = visit()
    view.evaluate("document.querySelector('#theme').textContent = ''")
    assert [said.split(":")[0] for said in broken(view)] == ["button-name"]
