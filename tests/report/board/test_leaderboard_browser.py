"""The page in a real browser: Debian's chromium, Chrome, or the one that playwright brings."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from board_world import add, fill, right
from stored_world import classes

from facebench.report.board.html import page
from facebench.report.board.leaderboard import leaderboard
from facebench.report.entries import stored_results

playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install 'facebench[test]'"
)

pytestmark = pytest.mark.slow

EVIL = "</script><img src=x onerror='window.hit=1'><script>window.hit=1</script>"
CHROMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIZES = {
    "desktop": (1280, 900),
    "phone": (390, 844),
    "enlarged": (640, 450),  # of a desktop at 200 %
}
ROW = "tbody tr[data-row]"
STEPS = ("table", "curves", "forest", "pairs", "ranks", "heat")

CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("results")
    fill(root)
    add(root, classes(right(0.2)), name=EVIL, warnings=(EVIL,), mark="evil", options={EVIL: EVIL})
    target = root.parent / "leaderboard.html"
    target.write_text(page(leaderboard(stored_results(root), root)), encoding="utf-8")
    return target.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        found = next(filter(None, map(shutil.which, CHROMES)), None)
        found = found or driver.chromium.executable_path
        if not Path(found).exists():
            pytest.skip(
                f"no browser: none of {', '.join(CHROMES)} is on PATH, and playwright has none "
                "(apt-get install chromium, or playwright install chromium)"
            )
        # Chromium refuses its sandbox to root, which is who runs in most containers.
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = driver.chromium.launch(executable_path=found, args=flags)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Any]:
    """Open the page; in the end it must have asked for nothing, and complained of nothing."""
    asked: list[str] = []
    said: list[str] = []
    contexts = []

    def refuse(route: Any) -> None:
        if route.request.url == address:
            route.continue_()
        else:
            asked.append(route.request.url)
            route.abort()

    def opening(size: str = "desktop", scheme: str = "light") -> Any:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        contexts.append(context)
        context.route("**/*", refuse)
        opened = context.new_page()
        opened.on("console", lambda message: said.append(message.text))
        opened.on("pageerror", lambda error: said.append(str(error)))
        opened.goto(address)
        return opened

    yield opening
    for context in contexts:
        context.close()
    assert asked == []
    assert said == []


def methods(view: Any) -> list[str]:
    names: list[str] = view.locator(f"{ROW} th b").all_inner_texts()
    return ["EVIL" if name == EVIL else name for name in names]


def choose(view: Any, name: str, value: str) -> None:
    view.locator(f'input[name="{name}"][value="{value}"]').check(force=True)


def test_every_view_draws_in_silence(visit: Any) -> None:
    view = visit()
    assert methods(view) == ["PCL", "SimCLR", "Untrained backbone", "EVIL", "MoCo"]
    for name, figures in {
        "curves": 3, "forest": 3, "pairs": 3, "ranks": 1, "heat": 1, "table": 0
    }.items():  # fmt: skip
        choose(view, "view", name)
        assert view.locator("figure").count() == figures, name
        assert view.locator("figure svg[role=img][aria-label]").count() == figures, name


def test_a_click_sorts_and_another_turns_round(visit: Any) -> None:
    view = visit()
    heading = view.locator("th", has=view.locator('[data-sort="c1"]'))
    heading.locator("button").click()
    best = methods(view)
    assert best == ["PCL", "SimCLR", "MoCo", "Untrained backbone", "EVIL"]
    assert heading.get_attribute("aria-sort") == "descending"
    heading.locator("button").click()
    assert methods(view) == best[::-1]
    assert heading.get_attribute("aria-sort") == "ascending"
    assert view.locator("[aria-sort=ascending], [aria-sort=descending]").count() == 1


def test_the_best_first_is_the_smallest_error(visit: Any) -> None:
    view = visit()
    view.locator("[data-sort]", has_text="AFLW2000").click()
    assert methods(view)[:3] == ["PCL", "SimCLR", "Untrained backbone"]
    assert view.locator("th[aria-sort=ascending]").inner_text().startswith("AFLW2000")


def test_the_keyboard_sorts_and_walks_the_table(visit: Any) -> None:
    view = visit()
    view.locator('[data-sort="method"]').focus()
    view.keyboard.press("ArrowRight")
    view.keyboard.press("ArrowRight")
    view.keyboard.press("Enter")
    assert methods(view)[2] == "MoCo"
    assert view.evaluate("document.activeElement.dataset.sort") == "c1"
    view.keyboard.press("ArrowDown")
    assert "PCL, RAF-DB" in view.evaluate("document.activeElement.ariaLabel")
    view.keyboard.press("Home")
    assert view.evaluate("document.activeElement.innerText").startswith("PCL")
    # One tab stop for the whole table: the next one leaves it, and comes back to where it was.
    assert view.locator("table [tabindex='0']").count() == 1
    view.keyboard.press("Shift+Tab")
    assert not view.evaluate("Boolean(document.activeElement.closest('table'))")
    view.keyboard.press("Tab")
    assert view.evaluate("document.activeElement.innerText").startswith("PCL")
    assert view.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_filters_hide_rows_and_columns(visit: Any) -> None:
    view = visit()
    view.select_option("[name=backbone]", "timm:resnet18")
    assert methods(view) == ["MoCo"]
    view.select_option("[name=backbone]", "")
    view.select_option("[name=data]", "nothing learned")
    assert methods(view) == ["Untrained backbone"]
    view.select_option("[name=data]", "")
    view.select_option("[name=family]", "head pose")
    assert methods(view) == ["PCL", "SimCLR", "Untrained backbone"]
    assert view.locator(".headings .metric").all_inner_texts() == ["Yaw ↓", "MAE (degrees) ↓"]
    assert "3 configurations, 2 columns" in view.locator("#status").inner_text()


def test_real_and_synthetic_rows_are_never_together(visit: Any) -> None:
    view = visit()
    assert view.locator(".theirs").count() > 0
    view.locator(".papers").click()
    assert view.locator(".quoted tr[data-printed]").count() > 0
    assert view.locator("#kind-note").is_hidden()
    choose(view, "board", "1")
    assert methods(view) == ["Untrained backbone", "SimCLR", "PCL"]
    assert view.locator(".quoted").count() == 0
    assert view.locator("#kind-note").is_visible()


def test_printed_rows_can_be_put_away(visit: Any) -> None:
    view = visit()
    view.locator("#printed input").uncheck()
    assert view.locator(".quoted, .theirs").count() == 0
    assert len(methods(view)) == 5
    link = view.evaluate("location.href")
    assert link.endswith("#printed=false")
    view.goto("about:blank")
    view.goto(link)
    assert not view.locator("#printed input").is_checked()
    assert view.locator(".quoted, .theirs").count() == 0
    view.locator("#printed input").check()
    assert view.locator(".theirs").count() > 0
    assert view.evaluate("location.hash") == ""


def test_a_published_number_stands_below_the_score_of_its_method(visit: Any) -> None:
    """And what no run here is of is folded, where a search still finds it."""
    view = visit()
    pcl = view.locator(f'{ROW} [aria-label^="PCL, RAF-DB"]')
    assert pcl.locator(".theirs").inner_text() == "published 74.47"
    assert pcl.locator(".theirs").get_attribute("title") == "in PCL, CVPR 2023"
    assert "published 74.47" in pcl.get_attribute("aria-label")
    assert view.locator(ROW, has_text="Untrained backbone").locator(".theirs").count() == 0
    assert view.locator("tr[data-printed]").count() == 0
    view.locator("[name=query]").fill("fab-net")
    assert view.locator("tr[data-printed] b").all_inner_texts() == ["FAb-Net"] * 2
    view.locator("[name=query]").fill("")
    view.locator(".papers").click()
    assert view.locator("tr[data-printed]").count() > 1
    assert "papers=shown" in view.evaluate("location.href")
    assert view.locator(".papers").get_attribute("aria-expanded") == "true"


def test_the_protocol_changes_the_numbers(visit: Any) -> None:
    view = visit()
    choose(view, "protocol", "paper")
    assert "test-selected" in view.locator("#status").inner_text()
    assert view.locator("table[role=grid]").get_attribute("aria-label").endswith("test-selected")


def test_enter_opens_where_a_score_comes_from_and_escape_gives_the_focus_back(visit: Any) -> None:
    view = visit()
    cell = view.locator(f'{ROW} [aria-label^="SimCLR, RAF-DB"]')
    cell.focus()
    view.keyboard.press("Enter")
    dialog = view.locator("dialog[open]")
    text = dialog.inner_text()
    assert dialog.locator("h2").inner_text() == "SimCLR RAF-DB, Accuracy (%) ↑"
    files = dialog.locator("summary code").all_inner_texts()
    assert [re.sub("[0-9a-f]{16}", "#", name) for name in files] == [
        f"rafdb/simclr-facecycle16-f_s-s{seed}-#.json" for seed in (0, 1)
    ]
    for said in ("240 of 240 test items", "3 exact and 7 near duplicates", "d" * 64, "e" * 64):
        assert said in text
    dialog.locator(".fold summary", has_text="Spec").first.click()
    assert 'extract.feature = "f_s"' in dialog.inner_text()
    for _ in range(12):  # Tab goes round inside
        view.keyboard.press("Tab")
        assert view.evaluate("Boolean(document.activeElement.closest('dialog'))")
    view.keyboard.press("Escape")
    assert view.locator("dialog[open]").count() == 0
    assert view.evaluate("document.activeElement.ariaLabel").startswith("SimCLR, RAF-DB")


def test_a_printed_number_says_where_it_is_printed(visit: Any) -> None:
    view = visit()
    view.locator(".papers").click()
    view.locator('[aria-label="PCL, RAF-DB, published 74.47"]').click()
    text = view.locator("dialog[open]").inner_text()
    assert "not evaluated here" in text
    assert "Table 1, page 6" in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(visit: Any, scheme: str) -> None:
    view = visit(scheme=scheme)

    def weak(step: str) -> None:
        found = view.evaluate(CONTRAST)
        assert found["seen"] > 10, step
        assert found["weak"] == [], step

    for step in STEPS:
        choose(view, "view", step)
        for fold in view.locator("figure summary").all():
            fold.click()
        weak(step)
    before = view.evaluate("getComputedStyle(document.body).backgroundColor")
    view.locator("#theme").click()
    assert view.evaluate("getComputedStyle(document.body).backgroundColor") != before
    choose(view, "view", "table")
    view.locator('[aria-label*="with a warning"]').first.click()
    weak("dialog, in the other theme")


@pytest.mark.parametrize("size", ["phone", "enlarged"])
def test_a_narrow_page_needs_no_sideways_scrolling(visit: Any, size: str) -> None:
    view = visit(size)
    width, _ = SIZES[size]
    for step in STEPS[::-1]:
        choose(view, "view", step)
        assert view.evaluate("document.documentElement.scrollWidth") == width, step
    # The table scrolls in its own frame, and the names stay.
    frame = view.locator(".scroll")
    frame.evaluate("frame => frame.scrollLeft = 200")
    left = view.locator(f"{ROW} th").first.bounding_box()["x"]
    assert left == pytest.approx(frame.bounding_box()["x"], abs=2)
    view.locator(".score").first.evaluate("button => button.click()")
    box = view.locator("dialog").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_nothing_moves_by_itself(visit: Any) -> None:
    """So that a reader who asks for less motion has none to be spared."""
    view = visit()
    moving = """() => [...document.querySelectorAll("*")].filter((each) => {
      const style = getComputedStyle(each);
      return style.transitionDuration !== "0s" || style.animationName !== "none"
        || style.scrollBehavior !== "auto";
    }).length"""
    view.locator(".score").first.click()
    assert view.evaluate(moving) == 0
    assert view.evaluate("document.getAnimations().length") == 0


def test_a_name_from_a_foreign_file_is_text_and_nothing_else(visit: Any) -> None:
    view = visit()
    for step in (*STEPS[1:], "table"):
        choose(view, "view", step)
        if step != "ranks":  # it is on one task only
            assert view.get_by_text("onerror").count() > 0
    view.locator(ROW, has_text="onerror").locator("button.score").click()
    assert EVIL in view.locator("dialog[open]").inner_text()
    assert view.locator("img, dialog script").count() == 0
    assert view.evaluate("window.hit === undefined")
