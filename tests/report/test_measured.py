"""The results that the project publishes: sound, and what its tables and page are made of."""

from pathlib import Path

import pytest

from facebench.report.entries import stored_results
from facebench.report.publication import filled, published
from facebench.results.store import read_result
from facebench.results.validation import validate_folder, validate_result

ROOT = Path(__file__).parents[2]
MEASURED = ROOT / "results" / "measured"
DOCUMENTS = {
    ("measured", "tables"): ("README.md", "docs/measured.md"),
    ("study", "study-tables"): ("docs/study.md",),
    ("anchor", "anchor-tables"): ("docs/anchor.md",),
}


@pytest.mark.slow
@pytest.mark.parametrize("folders", DOCUMENTS, ids=lambda folders: folders[0])
def test_tables_and_page_are_those_of_the_results(
    folders: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEBENCH_CACHE", str(tmp_path))  # which keeps what was resampled before
    results, tables = (ROOT / "results" / name for name in folders)
    files = published(stored_results(results), results, tables)
    assert {path.name for path in tables.iterdir()} == set(files)
    for name, text in files.items():
        assert (tables / name).read_text(encoding="utf-8") == text, name
    for name in DOCUMENTS[folders]:
        document = (ROOT / name).read_text(encoding="utf-8")
        assert filled(document, files, name) == document


def test_every_result_is_what_was_sealed() -> None:
    results = sorted(MEASURED.glob("*/*.json"))
    assert results
    for path in results:
        assert len(read_result(path).predictions) > 0


@pytest.mark.slow
def test_scores_follow_from_the_predictions_beside_them() -> None:
    """Of one result of each task: the nightly test below takes all, some for two seconds."""
    tasks = list(MEASURED.iterdir())
    assert len(tasks) > 1
    for task in tasks:
        assert list(validate_result(min(task.glob("*.json")))) == []


@pytest.mark.nightly
@pytest.mark.parametrize("folder", ["measured", "earlier", "study", "anchor"])
def test_every_score_follows_from_the_predictions_beside_it(folder: str) -> None:
    checked = list(validate_folder(ROOT / "results" / folder, anew=True))
    assert len(checked) == len(list((ROOT / "results" / folder).glob("*/*.json")))
    assert [finding for one in checked for finding in one.findings] == []
