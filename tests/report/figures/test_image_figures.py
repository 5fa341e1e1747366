"""Mistakes and neighbours, against naive loops over predictions and features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from result_world import KINDS, info_of, write_result
from whole_results import changed

import facebench as fb
from facebench.errors import DataError, StageError
from facebench.report.figures.drawing import write
from facebench.report.figures.image_grid import Cell, image_grid, licence_warnings
from facebench.report.figures.mistakes import most_confident
from facebench.report.figures.neighbours import nearest_neighbours
from facebench.results.store import Result


def naive(result: Result) -> list[tuple[tuple[str, ...], float]]:
    """Return every mistake with its confidence, as the predictions say."""
    found: list[tuple[tuple[str, ...], float]] = []
    frame = result.predictions
    thresholds: Any = None
    if result.record.of_pairs:
        thresholds = result.scores.honest.value("thresholds")
    for _, row in frame.iterrows():
        if thresholds is not None and row["honest"] != row["same"]:
            apart = abs(row["honest_similarity"] - thresholds[row["fold"]])
            found.append(((row["first"], row["second"]), apart))
        elif "label" in frame and row["honest"] != row["label"]:
            found.append(((row["path"],), row["honest_probability"]))
        elif "label_au1" in frame:
            found += [
                ((row["path"],), abs(row[f"honest_probability_{t}"] - row[f"label_{t}"]))
                for t in ("au1", "au12")
                if row[f"honest_{t}"] != row[f"label_{t}"]
            ]
        elif "label_yaw" in frame:
            errors = [abs(row[f"honest_{t}"] - row[f"label_{t}"]) for t in ("yaw", "roll")]
            found.append(((row["path"],), sum(errors) / 2))
    return sorted(found, key=lambda one: -one[1])


@pytest.mark.parametrize("kind", KINDS)
def test_mistakes_are_wrong_and_the_surest_come_first(
    written: dict[str, Result], kind: str
) -> None:
    result = written[kind]
    found, expected = most_confident(result, list("abcd"), 9), naive(result)[:9]
    assert len(found) == len(expected) > 3
    assert [one.confidence for one in found] == pytest.approx([sure for _, sure in expected])
    assert found[0].paths == expected[0][0]
    assert all(one.said for one in found)


def test_a_decision_is_at_least_as_sure_as_chance(written: dict[str, Result]) -> None:
    frame = written["classification"].predictions
    assert frame["honest_probability"].between(0.25, 1).all()
    assert frame["honest_probability"].nunique() > 10


def test_what_has_no_confident_mistakes_is_refused(tmp_path: Path) -> None:
    result = write_result(tmp_path, "classification")
    frame = result.predictions
    right = frame.assign(honest=frame["label"])
    right.to_parquet(result.predictions_path)
    with pytest.raises(DataError, match="found no mistake among 48"):
        most_confident(result, (), 3)
    frame.drop(columns="honest_probability").to_parquet(result.predictions_path)
    with pytest.raises(StageError, match=r"earlier version .* --force"):
        most_confident(result, (), 3)


def test_neighbours_are_those_of_a_naive_search() -> None:
    values = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    found = nearest_neighbours(values, count=4, beside=3, seed=1)
    assert found.nearest.shape == (4, 3)
    for query, near, similar in zip(found.queries, found.nearest, found.similarity, strict=True):
        cosines = {
            other: float(values[query] @ values[other])
            / float(np.linalg.norm(values[query]) * np.linalg.norm(values[other]))
            for other in range(30)
            if other != query
        }
        best = sorted(cosines, key=lambda other: -cosines[other])[:3]
        assert near.tolist() == best
        assert similar == pytest.approx([cosines[other] for other in best], abs=1e-6)
    assert nearest_neighbours(values[:2], count=9, beside=9, seed=0).nearest.tolist() == [[1], [0]]
    with pytest.raises(DataError, match="found 1 test images"):
        nearest_neighbours(values[:1], count=1, beside=1, seed=0)


def test_faces_are_not_rendered_again_for_a_figure(
    written: dict[str, Result], tmp_path: Path
) -> None:
    of_fer = {"task": {"synthetic": True}, "spec": {"task": "fer2013"}}
    rendered = changed(written["classification"], **of_fer)
    for draw in (fb.draw_mistakes, fb.draw_neighbours, fb.draw_features):
        with pytest.raises(StageError, match="features are not in the cache"):
            draw(rendered, tmp_path / "a.png", cache=tmp_path / "cache")
    assert not list(tmp_path.rglob("*.png"))


def test_a_grid_of_real_faces_has_a_licences_warning_beside_it(tmp_path: Path) -> None:
    info = info_of("classification")
    assert licence_warnings(info, synthetic=True) == ()
    warnings = licence_warnings(info, synthetic=False)
    face = np.zeros((8, 8, 3), np.uint8)
    rows = [[Cell((face,), "said", right=False)], [Cell((face, face), "other", right=True)]]
    file = write(image_grid(rows, "T", synthetic=False, warnings=warnings), tmp_path / "a.png")
    assert "Licence: none." in file.with_suffix(".caption.txt").read_text()
