"""The page of what this project measured: what its first screen says, and its run commands."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from test_leaderboard_browser import ROW, SIZES, STEPS, browser, choose, visit
from test_leaderboard_drawings import HIDDEN
from test_leaderboard_story import requested

from facebench.api.results import load_results
from facebench.config.spec import spec_record

pytestmark = pytest.mark.nightly
__all__ = ["browser", "visit"]  # fixtures

MEASURED = Path(__file__).parents[3] / "results" / "measured"
STORIES = """() => [...document.querySelectorAll("button.score")].map((button) => {
  button.click();
  const dialog = document.querySelector("dialog");
  const story = [...dialog.querySelectorAll(".command pre")].map((each) => each.innerText);
  story.push(dialog.querySelector(".older")?.innerText ?? "");
  dialog.close();
  return story;
})"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    target: Path = tmp_path_factory.mktemp("site") / "leaderboard.html"
    load_results(MEASURED).leaderboard(target)
    return target.as_uri()


@pytest.mark.parametrize("size", list(SIZES))
def test_the_first_screen_says_who_leads_and_by_how_much(visit: Any, size: str) -> None:
    view = visit(size)
    titles = view.locator(".headings .title").all_inner_texts()[1:]
    cards = view.locator(".card").all()
    assert [card.locator(".of").inner_text().split(" · ")[0] for card in cards] == [
        "FER-2013",
        "LFW",
    ]
    for card in cards:
        box = card.bounding_box()
        assert box["y"] + box["height"] < SIZES[size][1]
        task = card.locator(".of").inner_text().split(" · ")[0]
        column = next(i for i, title in enumerate(titles) if title.startswith(task))
        # Of the table's rows: those that learned from the shared budget.
        scores = {}
        for row in view.locator(ROW).all():
            if "another budget" in row.inner_text() or "nothing learned" in row.inner_text():
                continue
            value = row.locator("td").nth(column).locator(".value").inner_text()
            scores[row.locator("b").inner_text()] = float(value)
        first, second = sorted(scores, key=lambda name: -scores[name])[:2]
        lines = card.inner_text().split("\n\n")
        assert lines[1] == f"{first} {scores[first]:.2f}"
        amount, _, rest = lines[2].partition(" points ahead of ")
        assert rest.startswith(f"{second} {scores[second]:.2f}: ")
        assert float(amount) == pytest.approx(scores[first] - scores[second], abs=0.011)


@pytest.mark.parametrize("size", list(SIZES))
def test_no_text_of_a_drawing_is_cut_or_covered(visit: Any, size: str) -> None:
    view = visit(size)
    for board, choice in (("0", "shared"), ("0", "all"), ("1", "shared"), ("1", "all")):
        for name, value in (("board", board), ("rows", choice)):
            view.evaluate(f"document.querySelector('[name={name}][value=\"{value}\"]').click()")
        for step in STEPS[1:]:
            choose(view, "view", step)
            assert view.evaluate(HIDDEN) == [], (board, choice, step)


def test_a_phone_shows_both_tasks_beside_the_methods(visit: Any) -> None:
    frame = visit("phone").locator(".scroll")
    assert frame.evaluate("frame => frame.scrollWidth <= frame.clientWidth")


def test_an_axis_of_a_phone_has_round_amounts(visit: Any) -> None:
    view = visit("phone")
    choose(view, "view", "curves")
    choose(view, "compute", "seconds")
    for figure in view.locator("figure").all():
        texts = figure.locator(".axes text[text-anchor=middle]").all_text_contents()
        amounts = [text.replace(",", "") for text in texts if text[0].isdigit()]
        assert len(amounts) >= 2
        assert all(re.fullmatch("[125]0*", amount) for amount in amounts), amounts


@pytest.mark.parametrize("name", ["table3-synthetic", "table7-synthetic"])
def test_what_a_run_is_does_not_stretch_its_lines(browser: Any, name: str) -> None:
    """A run has three lines of numbers; its description beside them needs no more height."""
    view = browser.new_page(viewport={"width": 1280, "height": 800})
    view.goto((MEASURED.parent / "tables" / f"{name}.html").as_uri())
    cells = view.locator("th[rowspan='3'] + td[rowspan='3']").evaluate_all(
        "all => all.map((td) => td.offsetHeight)"
    )
    line = view.locator("td", has_text="95 % interval").last.evaluate("td => td.offsetHeight")
    view.close()
    assert len(cells) >= 3
    assert max(cells) <= 3 * line + 30


def test_a_command_repeats_the_spec_or_the_story_says_why_not(visit: Any) -> None:
    view = visit()
    choose(view, "rows", "all")
    stories = []
    for board in ("0", "1"):
        choose(view, "board", board)
        view.locator("#printed input").set_checked(False, force=True)
        stories += view.evaluate(STORIES)
    assert len(stories) >= 100
    said = 0
    for verify, run, older in stories:
        files = [
            MEASURED / "/".join(Path(shlex.split(v)[2]).parts[-2:]) for v in verify.splitlines()
        ]
        for path, found in zip(files, requested(run), strict=True):
            stored = json.loads(path.read_text())
            want, got = (
                leaves(stored["spec"]),
                leaves(json.loads(json.dumps(spec_record(found.spec)))),
            )
            differing = {key for key in want.keys() & got.keys() if want[key] != got[key]}
            assert differing <= {"pretrain.data", "pretrain.checkpoint_minutes"}, path
            for key in got.keys() - want.keys() - {"checkpoint", "pretrain.sync_batchnorm"}:
                assert key.split(".")[-1] in older, (path, key)
            info, task = found.method.info, found.task.info
            versions = stored["method"]["version"], stored["task"]["version"]
            if versions != (info.version, task.version):
                assert "was version" in older, path
                assert stored["environment"]["git_commit"] in older
                said += 1
    assert 0 < said < len(stories)


def leaves(tree: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Return the options of a spec by their dotted names."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{above}{key}"
        found |= leaves(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return found
