"""What a first look at the page says: who leads at equal images, what floors there are, words."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from board_world import SHARES
from test_leaderboard_browser import ROW, STEPS, address, browser, choose, visit

pytestmark = pytest.mark.slow
__all__ = ["address", "browser", "visit"]  # fixtures


def test_a_floor_is_a_line_at_its_number(visit: Any) -> None:
    view = visit()
    assert view.locator(".floor-key").all_inner_texts() == ["majority class 25.00"] * 2
    assert view.get_by_role("rowheader", name="majority class").count() == 0
    # On FER-2013 no result is below it: what is left and right of the points follows from theirs.
    cells = view.locator(f"{ROW} td:nth-of-type(1)")
    values, places = [], []
    for cell in cells.filter(has=view.locator(".whisker")).all():
        values.append(float(cell.locator(".value").inner_text()))
        places.append(float(cell.locator("circle").get_attribute("cx").removesuffix("%")))
    slope, start = np.polyfit(values, places, 1)
    lines = cells.locator(".floors line")
    assert lines.count() == cells.count()
    for line in lines.all():
        at = float(line.get_attribute("x1").removesuffix("%"))
        assert at == pytest.approx(slope * 25 + start, abs=0.02)
        assert 0 < at < min(places)
    box = cells.first.bounding_box()
    assert lines.first.bounding_box()["height"] == pytest.approx(box["height"], abs=2)
    said = view.locator(f"{ROW} [aria-label*='not better than majority class']")
    assert said.count() == 1  # 20 % of RAF-DB
    choose(view, "board", "1")
    assert view.locator(".floor-key, .floors").count() == 0  # it stores no floor of its metric


def test_the_first_screen_says_who_leads_and_by_how_much(visit: Any) -> None:
    view = visit()
    texts = {
        card.locator(".of").inner_text().split(" · ")[0]: card.inner_text()
        for card in view.locator(".card").all()
    }
    assert list(texts) == ["FER-2013", "RAF-DB", "AFLW2000"]
    ahead = 100 * (SHARES["pcl"] - SHARES["simclr"])
    for name in ("FER-2013", "RAF-DB"):
        assert f"{ahead:.2f} points ahead of SimCLR 60.00: significant p 0.0" in texts[name]
        assert (
            "60.00 points ahead of Untrained backbone 30.00, without learning: sig" in texts[name]
        )
        assert "MoCo" not in texts[name]  # another backbone
    assert "degrees ahead of SimCLR" in texts["AFLW2000"]  # the smaller error
    view.locator(".card button").first.click()
    assert view.locator("dialog[open] h2").inner_text().startswith("PCL FER-2013")
    view.keyboard.press("Escape")
    view.locator("[name=query]").fill("simclr")
    assert view.locator(".card").count() == 0  # it is of the whole board


def test_a_reader_meets_the_words_of_the_field(visit: Any) -> None:
    """Baseline and evaluate, for what code and stored results name a floor, and judging."""
    view = visit()
    seen = []
    for step in STEPS[::-1]:  # the table is last
        choose(view, "view", step)
        for fold in view.locator("figure summary").all():
            fold.click()
        seen.append(view.locator("body").inner_text())
    view.locator(f'{ROW} [aria-label^="SimCLR, RAF-DB"]').click()
    seen.append(view.locator("dialog[open]").inner_text())
    seen += view.locator("[title]").evaluate_all("all => all.map((each) => each.title)")
    text = "\n".join(seen)
    assert re.findall(r"\w*(?:floor|judg)\w*", text, re.IGNORECASE) == []
    for said in ("trivial baselines", "trivial baseline: what no", "Evaluate the kept weights"):
        assert said in text
