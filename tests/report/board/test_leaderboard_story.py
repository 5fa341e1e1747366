"""What stands behind a score: what is asked first, how it is reproduced, the scores within it."""

from __future__ import annotations

import json
import math
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from board_world import fill
from test_leaderboard_browser import ROW, browser, visit

from facebench.api.results import load_results
from facebench.config.options import parse_set
from facebench.config.spec import spec_record
from facebench.registry import Registry
from facebench.report.board.html import table_page
from facebench.request.arguments import RunArguments, build_request, open_workspace
from facebench.request.loaded import LoadedRun
from facebench.request.resolve import resolve

pytestmark = pytest.mark.slow
__all__ = ["browser", "visit"]  # fixtures


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("site")
    fill(folder / "results")
    load_results(folder / "results").leaderboard(folder / "leaderboard.html")
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> str:
    return (folder / "leaderboard.html").as_uri()


def opened(view: Any, name: str) -> Any:
    view.locator(f'{ROW} [aria-label^="{name}"]').click()
    return view.locator("dialog[open]")


def test_what_a_reviewer_asks_stands_first(visit: Any, folder: Path) -> None:
    dialog = opened(visit(), "SimCLR, FER-2013")
    text = dialog.locator(".asked").inner_text()
    for said in (
        "real images of FER-2013", "3 exact and 7 near duplicates", "the task's crop",
        "64 images of faces", "a seed on a tiny machine", "0, 1",
    ):  # fmt: skip
        assert said in text
    assert dialog.locator(".body > *").nth(1).get_attribute("class") == "asked"
    for link in dialog.locator("a.file").all():
        assert (folder / str(link.get_attribute("href"))).is_file()


@pytest.mark.nightly
def test_classes_have_their_recalls(visit: Any, folder: Path) -> None:
    dialog = opened(visit(), "PCL, RAF-DB")
    dialog.locator("summary", has_text="Recall by class").click()
    found = [
        row.locator("th, td").all_inner_texts()
        for row in dialog.locator("table", has_text="class 0").locator("tbody tr").all()
    ]
    path = folder / str(dialog.locator("a.file").get_attribute("href"))
    scores = json.loads(path.read_text())["scores"]
    assert [float(row[2]) for row in found] == pytest.approx(
        [100 * recall for recall in scores["honest"]["class_recalls"]], abs=5e-3
    )
    assert [row[1] for row in found] == [str(sum(row)) for row in scores["honest"]["confusion"]]


def test_the_commands_are_those_of_the_run(visit: Any, folder: Path) -> None:
    """What the run command asks for is resolved to the spec that the results state."""
    dialog = opened(visit(), "SimCLR, FER-2013")
    verify, run = dialog.locator(".command pre").all_inner_texts()
    files = [folder / shlex.split(line)[2] for line in verify.splitlines()]
    assert [path.is_file() for path in files] == [True, True]
    runs = requested(run)
    assert len(runs) == len(files)
    for path, found in zip(files, runs, strict=True):
        stored = json.loads(path.read_text())["spec"]
        asked = json.loads(json.dumps(spec_record(found.spec)))
        for key in ("method", "task", "backbone", "seed", "pretrain", "extract", "probe"):
            assert asked[key] == stored[key], key


def test_no_word_of_a_command_is_broken_that_fits_in_a_line(visit: Any) -> None:
    for size in ("desktop", "phone"):
        view = visit(size)
        opened(view, "SimCLR, RAF-DB")
        broken = view.locator(".command pre").evaluate_all(
            """pres => pres.flatMap((pre) => {
              const part = document.createRange(), text = [];
              const walker = document.createTreeWalker(pre, NodeFilter.SHOW_TEXT);
              while (walker.nextNode()) text.push(walker.currentNode);
              const boxes = (node, from, to) => {
                part.setStart(node, from); part.setEnd(node, to);
                return [...part.getClientRects()];
              };
              const letter = boxes(text[0], 0, 1)[0].width;
              return text.flatMap((node) => [...node.data.matchAll(/\\S+/g)].filter((word) => {
                const end = word.index + word[0].length;
                const lines = new Set(boxes(node, word.index, end).map((box) => box.top));
                return lines.size > 1 && word[0].length * letter < pre.clientWidth - 1;
              }).map((word) => word[0]));
            })"""
        )
        assert broken == []
        assert "--method" in view.locator(".command pre").last.inner_text().split()


def test_a_table_longer_than_a_sheet_begins_on_the_first_one(browser: Any) -> None:
    rows = "".join(f"<tr><td>row {number}</td><td>1</td></tr>" for number in range(100))
    table = f'<figure style="overflow-x:auto"><table><caption>A</caption>{rows}</table></figure>'
    pages = []
    for number in (0, 100):
        view = browser.new_page()
        view.set_content(table_page("Table", table if number else ""))
        view.emulate_media(media="print")
        view.set_viewport_size({"width": 1032, "height": 703})  # A4, 12 mm of margin, 96 dpi
        height = view.evaluate("document.documentElement.scrollHeight")
        made = view.pdf(prefer_css_page_size=True)
        pages.append((len(re.findall(rb"/Type\s*/Page\b(?!s)", made)), height))
        view.close()
    assert pages[0][0] == 1
    found, height = pages[1]
    assert 2 <= found <= math.ceil(height / 703)


def requested(command: str) -> list[LoadedRun]:
    """Return the runs that a command asks for, on datasets in the folder ``DATASETS``."""
    flags: dict[str, Any] = {"baselines": False}
    settings = []
    words = iter(shlex.split(command)[2:])
    for word in words:
        if word == "--set":
            settings.append(next(words))
        elif word != "--no-baselines":
            flags[word.removeprefix("--").replace("-", "_")] = next(words)
    assert flags.pop("data", "DATASETS") == "DATASETS"
    arguments = RunArguments(flags=flags, settings=parse_set(settings))
    top, overrides = arguments.merged()
    registry = Registry()
    workspace = open_workspace(top, arguments)
    return resolve(build_request(top, overrides, workspace, registry), registry)
