"""What is published follows from the results alone, and nothing outlives them."""

import re
from pathlib import Path

import pytest
from board_world import fill

from facebench.errors import StageError
from facebench.report.entries import stored_results
from facebench.report.publication import filled, publish, published

_CAPTION = re.compile("<caption[^>]*>(.*)</caption>")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    fill(folder)
    return folder


@pytest.fixture(scope="module")
def files(root: Path) -> dict[str, str]:
    return published(stored_results(root), root)


def test_a_table_of_each_kind_of_data_that_there_are_results_of(
    root: Path, files: dict[str, str]
) -> None:
    kinds = {
        (result.record.task.name, result.record.task.synthetic) for result in stored_results(root)
    }
    for task, number in (("rafdb", 1), ("lfw", 2), ("disfa", 3), ("aflw2000", 4)):
        for synthetic, kind in ((True, "synthetic"), (False, "real")):
            if (task, synthetic) in kinds:
                for suffix in ("md", "tex", "csv", "html", "json"):
                    assert files[f"table{number}-{kind}.{suffix}"]
    assert {"leaderboard.html", "leaderboard.md"} <= set(files)


def test_a_table_in_html_is_a_whole_page_that_leads_to_the_leaderboard(
    files: dict[str, str],
) -> None:
    pages = {name: text for name, text in files.items() if re.fullmatch(r"table\S+\.html", name)}
    assert pages
    for name, text in pages.items():
        assert text.startswith("<!doctype html>")
        (title,), captions = re.findall("<title>(.*)</title>", text), _CAPTION.findall(text)
        assert captions == [title], name
        assert re.findall('href="([^"]+)"', text) == ["data:,", "leaderboard.html"]
        assert "<script" not in text
        assert "--paper:" in text  # the colours of the leaderboard


def test_the_same_results_elsewhere_give_the_same_bytes(
    root: Path, files: dict[str, str], tmp_path: Path
) -> None:
    elsewhere = root.rename(tmp_path / "another name")
    try:
        assert published(stored_results(elsewhere), elsewhere) == files
    finally:
        elsewhere.rename(root)


def test_a_table_goes_when_its_results_go(files: dict[str, str], tmp_path: Path) -> None:
    publish(files, tmp_path)
    kept = {name: text for name, text in files.items() if not name.startswith("table1")}
    (tmp_path / "mine.txt").write_text("kept")
    publish(kept, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "mine.txt"}
    assert all((tmp_path / name).read_text("utf-8") == text for name, text in kept.items())


def test_a_document_is_filled_and_filled_again_to_the_same(files: dict[str, str]) -> None:
    document = "# Ours\n<!-- published: leaderboard.md -->\nof another day\n<!-- end -->\nafter\n"
    once = filled(document, files, "README.md")
    assert files["leaderboard.md"].strip() in once
    assert "of another day" not in once
    assert once.endswith("<!-- end -->\nafter\n")
    assert filled(once, files, "README.md") == once


def test_a_document_that_asks_for_what_is_not_there_is_an_error(files: dict[str, str]) -> None:
    with pytest.raises(StageError, match="found no '<!-- published"):
        filled("nothing", files, "README.md")
    with pytest.raises(StageError, match=r"README.md: asks for table9.md, .*leaderboard.html"):
        filled("<!-- published: table9.md -->\n<!-- end -->", files, "README.md")
