"""The page as a file: whole, the same every time, and closed to what foreign names may carry."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from board_world import add, fill, right
from stored_world import classes

from facebench.config.spec import plain
from facebench.report.board.html import page
from facebench.report.board.leaderboard import leaderboard
from facebench.report.board.model import Leaderboard
from facebench.report.entries import stored_results

NAMES = (
    "</script><script>alert(1)</script>", "<!--<script>", "{{script}}", "a & b \u2028 \\u003c",
    '"><img src=x onerror=alert(1)>',
)  # fmt: skip
EMPTY = Leaderboard(
    boards=(), results=(), origins=(), datasets=(), environments=(), options=(), layouts=()
)


class Parts(HTMLParser):
    """Text of every element by its tag, and every address that would be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {}
        self.addresses: list[str] = []
        self.policy = ""
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._open.append(tag)
        self.texts.setdefault(tag, []).append("")
        self.addresses += [found[k] or "" for k in ("src", "href") if k in found]
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"] or ""

    def handle_endtag(self, tag: str) -> None:
        self._open.clear()  # what follows belongs to no part that is asked for

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open[-1]][-1] += data


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    fill(folder)
    for place, name in enumerate(NAMES):
        add(folder, classes(right(0.4)), name=name, mark=str(place), options={"place": place})
    return folder


@pytest.fixture(scope="module")
def built(root: Path) -> Leaderboard:
    return leaderboard(stored_results(root), root)


@pytest.mark.wheel
def test_the_data_come_back_as_they_were(built: Leaderboard) -> None:
    data, script = Parts(page(built)).texts["script"]
    assert json.loads(data) == json.loads(json.dumps(plain(built)))
    assert '"use strict"' in script
    names = {row["method"] for board in json.loads(data)["boards"] for row in board["rows"]}
    assert set(NAMES) <= names


def test_a_name_neither_ends_the_data_nor_fills_the_template(built: Leaderboard) -> None:
    found = page(built)
    assert found.lower().count("<script") == found.lower().count("</script>") == 2
    assert Parts(found).texts.keys() == Parts(page(EMPTY)).texts.keys()
    assert found.count('"use strict"') == 1


def test_the_policy_allows_this_script_and_this_style_and_nothing_else(built: Leaderboard) -> None:
    parts = Parts(page(built))

    def source(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    rules = dict(rule.strip().split(" ", 1) for rule in parts.policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == source(parts.texts["script"][1])
    assert rules["style-src"] == source(parts.texts["style"][0])


def test_nothing_is_fetched(built: Leaderboard) -> None:
    found = page(built)
    assert Parts(found).addresses == ["data:,", "#view"]
    style = Parts(found).texts["style"][0]
    assert not re.search(r"url\(|@import", style)


def test_the_page_is_the_same_bytes_every_time(root: Path, built: Leaderboard) -> None:
    assert page(leaderboard(stored_results(root)[::-1], root)) == page(built)


def test_the_page_without_data_is_small() -> None:
    assert len(page(EMPTY).encode()) < 150_000
