"""What a reader needs of a drawing: whole texts beside each other, one look for each method."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from test_leaderboard_browser import SIZES, STEPS, address, browser, choose, visit

pytestmark = pytest.mark.slow
__all__ = ["address", "browser", "visit"]  # fixtures

# Texts of drawings that are cut at an edge, or lie on another text.
HIDDEN = """() => [...document.querySelectorAll("figure svg.plot")].flatMap((svg) => {
  const [width, height] = ["width", "height"].map((side) => Number(svg.getAttribute(side)));
  const texts = [...svg.querySelectorAll("text")].map((text) => ({ text: text.textContent,
    box: text.getBBox() })).filter(({ text }) => text.trim());
  const cut = texts.filter(({ box }) => box.x < -0.5 || box.x + box.width > width + 0.5
    || box.y < -1 || box.y + box.height > height + 1);
  const within = (a, b, start, size) =>
    Math.min(a[start] + a[size], b[start] + b[size]) - Math.max(a[start], b[start]);
  const upon = texts.filter(({ box }, i) => texts.slice(i + 1).some((other) =>
    within(box, other.box, "x", "width") > 1 && within(box, other.box, "y", "height") > 3));
  return [...cut, ...upon].map(({ text }) => text);
})"""


@pytest.mark.parametrize("size", list(SIZES))
def test_no_text_of_a_drawing_is_cut_or_covered(visit: Any, size: str) -> None:
    view = visit(size)
    for choice in ("shared", "all"):
        view.evaluate(f"document.querySelector('[name=rows][value={choice}]').click()")
        for step in STEPS[1:]:
            choose(view, "view", step)
            assert view.locator("figure svg.plot text").count() > 5, step
            assert view.evaluate(HIDDEN) == [], (choice, step)


def test_axes_have_a_name_and_several_numbers(visit: Any) -> None:
    view = visit("phone")
    for step in ("forest", "curves"):
        choose(view, "view", step)
        for figure in view.locator("figure").all():
            texts = figure.locator("svg text").all_text_contents()
            metric = figure.locator("figcaption small").inner_text().split(" ↑")[0].split(" ↓")[0]
            assert [text for text in texts if text.startswith(metric)], (step, metric)
            numbers = figure.locator(".axes text").all_text_contents()
            assert sum(text.replace(".", "").isdigit() for text in numbers) >= 2, (step, numbers)


def test_a_method_looks_alike_in_all_curves(visit: Any) -> None:
    view = visit()
    choose(view, "view", "curves")
    looks: dict[str, set[tuple[str | None, str]]] = {}
    for item in view.locator(".legend li").all():
        marker = item.locator(".marker")
        shape = marker.evaluate("mark => mark.tagName + (mark.getAttribute('points') ?? '')")
        looks.setdefault(item.inner_text(), set()).add((marker.get_attribute("class"), shape))
    assert len(looks) >= 3
    assert all(len(found) == 1 for found in looks.values())
    assert len(set().union(*looks.values())) == len(looks)


def test_methods_of_one_amount_stand_side_by_side(visit: Any) -> None:
    view = visit()
    choose(view, "view", "curves")
    for figure in view.locator("figure").all():
        boxes = [mark.bounding_box() for mark in figure.locator("svg.plot .marker").all()]
        edges = sorted((box["x"], box["x"] + box["width"]) for box in boxes)
        assert all(end <= start for (_, end), (start, _) in pairwise(edges))


def test_what_learned_nothing_is_named_with_its_score(visit: Any) -> None:
    """Below the drawing, since a name has not always a place in it."""
    view = visit()
    choose(view, "view", "curves")
    note = view.locator("figure .floor-note").first.inner_text()
    assert "what learned nothing: Untrained backbone 30.00" in note


def test_mean_ranks_fit_a_phone(visit: Any) -> None:
    view = visit("phone")
    choose(view, "view", "ranks")
    frame = view.locator("figure > .across").first
    assert frame.evaluate("frame => frame.scrollWidth <= frame.clientWidth")
    names = view.locator("svg text.who").all_text_contents()
    assert names == ["PCL 1.00", "SimCLR 2.00", "Untrained backbone 3.00"]


def test_a_column_without_a_shown_row_is_left_out(visit: Any) -> None:
    view = visit()
    titles = view.locator(".headings .title").all_inner_texts()
    assert titles == ["Method", "FER-2013", "RAF-DB", "AFLW2000"]
    view.locator("#printed input").uncheck()
    view.locator("[name=query]").fill("moco")
    assert (
        view.locator("#status").inner_text().startswith("1 row for 1 configuration, 1 of 3 columns")
    )
    assert view.locator(".headings .title").all_inner_texts() == ["Method", "RAF-DB"]


def test_figures_that_lack_something_come_last(visit: Any) -> None:
    view = visit()
    view.locator("[name=query]").fill("moco")  # on RAF-DB only, which is the second task
    choose(view, "view", "forest")
    titles = view.locator("figcaption b").all_inner_texts()
    assert titles == ["RAF-DB", "FER-2013", "AFLW2000"]
    assert view.locator("figure").nth(1).locator("svg.plot").count() == 0
