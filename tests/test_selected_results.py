"""Some of several results, by task, method and kind of data."""

from __future__ import annotations

import pytest
from board_world import add, right
from stored_world import classes

import facebench as fb


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> fb.Results:
    root = tmp_path_factory.mktemp("results")
    for method in ("pcl", "simclr"):
        add(root, classes(right(0.5)), method=method)
        add(root, classes(right(0.6)), method=method, task="fer2013", title="FER-2013")
    add(root, classes(right(0.7)), task="fer2013", title="FER-2013", synthetic=True)
    return fb.load_results(root)


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ({}, 5), ({"tasks": "rafdb"}, 2), ({"tasks": ["rafdb", "fer2013"]}, 5),
        ({"methods": "pcl"}, 2), ({"tasks": "fer2013", "methods": ("simclr",)}, 2),
        ({"tasks": "fer2013", "methods": "simclr", "synthetic": False}, 1),
        ({"synthetic": True}, 1), ({"tasks": "rafdb", "synthetic": True}, 0),
    ],
)  # fmt: skip
def test_selected_results_are_those_that_a_frame_has_of_these_names(
    results: fb.Results, words: dict[str, object], count: int
) -> None:
    frame = results.to_frame()
    for column, key in (("task", "tasks"), ("method", "methods")):
        names = words.get(key, list(frame[column]))
        frame = frame[frame[column].isin([names] if isinstance(names, str) else list(names))]  # type: ignore[call-overload]
    if "synthetic" in words:
        frame = frame[frame["synthetic"] == words["synthetic"]]
    found = results.select(**words)  # type: ignore[arg-type]
    assert isinstance(found, fb.Results)
    assert [str(result.path) for result in found] == list(frame["path"])
    assert len(found) == count


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"tasks": "rafbd"}, "unknown task with results 'rafbd'. Did you mean 'rafdb'?"),
        ({"methods": ["pcl", "simcrl"]}, "Did you mean 'simclr'?"),
    ],
)
def test_a_name_without_results_gets_the_nearest(
    results: fb.Results, words: dict[str, object], said: str
) -> None:
    with pytest.raises(fb.FacebenchError, match=said.replace("?", r"\?")):
        results.select(**words)  # type: ignore[arg-type]
