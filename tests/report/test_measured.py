"""The results that the project publishes: sound, and what its tables and page are made of."""

from pathlib import Path

import pytest

from facebench.report.entries import stored_results
from facebench.report.publication import filled, published
from facebench.results.validation import validate_folder

ROOT = Path(__file__).parents[2]
MEASURED = ROOT / "results" / "measured"
DOCUMENTS = {
    ("measured", "tables"): ("README.md", "docs/measured.md"),
    ("study", "study-tables"): ("docs/study.md",),
}


@pytest.mark.slow
@pytest.mark.parametrize("folders", DOCUMENTS, ids=lambda folders: folders[0])
def test_tables_and_page_are_those_of_the_results(folders: tuple[str, str]) -> None:
    results, tables = (ROOT / "results" / name for name in folders)
    files = published(stored_results(results), results)
    assert {path.name for path in tables.iterdir()} == set(files)
    for name, text in files.items():
        assert (tables / name).read_text(encoding="utf-8") == text, name
    for name in DOCUMENTS[folders]:
        document = (ROOT / name).read_text(encoding="utf-8")
        assert filled(document, files, name) == document


@pytest.mark.slow
def test_every_score_follows_from_the_predictions_beside_it() -> None:
    checked = list(validate_folder(MEASURED))
    assert len(checked) == len(list(MEASURED.glob("*/*.json")))
    assert [finding for one in checked for finding in one.findings] == []
