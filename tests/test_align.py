"""Alignment of judged images, from options to results: ``--set align.KEY=VALUE``."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor

import facebench as fb
from facebench.api.runs import prepare_runs
from facebench.api.words import arguments_of
from facebench.config.align import AlignSpec
from facebench.data.align.five_points import TEMPLATES
from facebench.data.align.landmark_file import COLUMNS
from facebench.data.dataset import Dataset, open_dataset
from facebench.errors import DataError, SpecError, StageError
from facebench.progress import Silent
from facebench.registry import Registry
from facebench.report.groups import comparable
from facebench.report.render import tables
from facebench.results.store import Result

SIDE = 32  # of the images of ``tiny``
MISSED = 5


def colours(images: Tensor) -> Tensor:
    """Mean colours of quarters of the image."""
    return torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory, data: Path, plugin: Path) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("align")
    return {
        "device": "cpu", "precision": "32", "floors": False, "data": data, "plugins": [plugin],
        "cache": folder / "cache", "results": folder / "results", "progress": Silent(),
    }  # fmt: skip


@pytest.fixture(scope="module")
def tiny(words: dict[str, Any]) -> Dataset:
    cls = Registry(tuple(words["plugins"])).load("task", "tiny")
    return open_dataset(cls(), words["data"], words["cache"])


@pytest.fixture(scope="module")
def landmarks(tmp_path_factory: pytest.TempPathFactory, tiny: Dataset) -> Path:
    """Return a file in which every face is in the template already, but for some that lack."""
    points = (TEMPLATES["arcface"][1] + 0.5) * SIDE / 112 - 0.5
    rows = [[path, *points.ravel()] for path in tiny.table["path"].iloc[MISSED:]]
    file = tmp_path_factory.mktemp("landmarks") / "points.csv"
    pd.DataFrame(rows, columns=["path", *COLUMNS]).to_csv(file, index=False)
    return file


def judged(words: dict[str, Any], **align: Any) -> Result:
    settings = {"probe.epochs": 3, **{f"align.{key}": value for key, value in align.items()}}
    (result,) = fb.evaluate(
        colours, "tiny", name="colours", version="1", **{**words, "settings": settings}
    )
    return result


@pytest.fixture(scope="module")
def cropped(words: dict[str, Any]) -> Result:
    return judged(words)


@pytest.fixture(scope="module")
def aligned(words: dict[str, Any], landmarks: Path) -> Result:
    return judged(words, kind="five_points", landmarks=str(landmarks))


def test_the_default_is_no_part_of_a_result(cropped: Result) -> None:
    assert "align" not in cropped.record.plain()["spec"]
    assert "alignment" not in cropped.record.plain()["task"]


def test_a_result_says_how_images_were_aligned(
    words: dict[str, Any], cropped: Result, aligned: Result, tiny: Dataset
) -> None:
    found = aligned.record.task.alignment
    assert found is not None
    assert (found.kind, found.template) == ("five_points", "arcface")
    assert str(found.landmarks).startswith("points.csv ")
    assert (found.faces, found.not_found) == (len(tiny) - MISSED, MISSED)
    assert f"no face was found in {MISSED} of {len(tiny)} images" in aligned.record.warnings[-1]
    # Faces that are in the template already come out as they are, up to the rounding of a pixel.
    ours, theirs = (
        np.load(words["cache"] / "features" / result.record.stages.features / "features.npy")
        for result in (aligned, cropped)
    )
    np.testing.assert_allclose(ours, theirs, atol=1 / 255)
    assert aligned.record.stages.features != cropped.record.stages.features
    assert aligned.record.task.fingerprint == cropped.record.task.fingerprint


def test_alignments_share_no_column(cropped: Result, aligned: Result) -> None:
    assert len(comparable([cropped, aligned])) == 2
    with pytest.raises(StageError, match="alignment the task's crop and five points"):
        fb.compare(cropped, aligned)
    lines = "\n".join(note for table in tables([aligned]) for note in table.notes)
    assert "images aligned: five points (arcface, points.csv " in lines


def test_a_result_names_the_file_and_no_folder(aligned: Result, landmarks: Path) -> None:
    assert aligned.spec.align is not None
    assert aligned.spec.align.landmarks == landmarks.name
    assert str(landmarks.parent) not in aligned.path.read_text()


def test_the_same_landmarks_under_another_name_share_a_column(
    words: dict[str, Any], aligned: Result, landmarks: Path, tmp_path: Path
) -> None:
    renamed = Path(shutil.copy(landmarks, tmp_path / "renamed.csv"))
    again = judged(
        {**words, "results": tmp_path / "results"}, kind="five_points", landmarks=str(renamed)
    )
    assert "renamed.csv" in str(again.record.task.alignment)
    assert again.record.stages == aligned.record.stages
    assert len(comparable([again, aligned])) == 1
    assert len(fb.compare(again, aligned).metrics) > 0  # not refused
    changed = pd.read_csv(landmarks)
    changed["nose_x"] += 1
    changed.to_csv(renamed, index=False)
    other = judged(
        {**words, "results": tmp_path / "results"}, kind="five_points", landmarks=str(renamed)
    )
    assert len(comparable([again, other])) == 2


def test_missing_landmarks_are_said_before_anything_is_shown_or_learned(
    words: dict[str, Any], tmp_path: Path
) -> None:
    settings = {"align.kind": "five_points", "align.landmarks": str(tmp_path / "absent.csv")}
    places = {key: words[key] for key in ("data", "cache", "plugins", "floors")}
    with pytest.raises(DataError, match=r"absent\.csv: cannot be read"):
        prepare_runs(
            arguments_of({"method": "hog", "task": "tiny", "settings": settings, **places}, "run")
        )


@pytest.mark.parametrize(
    ("side", "centre", "black"), [(2 * SIDE, (), "75%"), (16, (SIDE - 4, 16), "25%")]
)
def test_a_crop_beyond_the_image_is_said(
    words: dict[str, Any], side: int, centre: tuple[float, ...], black: str
) -> None:
    found = judged(words, side=side, centre=centre)
    said = f"{black} of the crop lies beyond the image, and is black (of 32 images, in 32)"
    assert said in found.record.warnings[-1]


@pytest.mark.parametrize("align", [{"side": 50 * SIDE}, {"side": 16, "centre": (900, 900)}])
def test_a_crop_of_no_image_is_refused(words: dict[str, Any], align: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="100% of the crop lies beyond the image"):
        judged(words, **align)
    settings = {f"align.{key}": value for key, value in align.items()}
    places = {key: words[key] for key in ("data", "cache", "plugins", "floors")}
    with pytest.raises(SpecError, match="100% of the crop"):
        fb.dry_run(method="hog", task="tiny", settings=settings, **places)


def test_landmarks_are_kept(words: dict[str, Any], aligned: Result, landmarks: Path) -> None:
    kept = [entry for entry in fb.list_cache(words["cache"]) if entry.kind == "landmarks"]
    before = len(kept)
    assert before > 0
    assert fb.check_cache(words["cache"]) == []
    for one in kept:
        stored = np.load(one.path / "points.npy")
        assert np.isnan(stored).any(axis=(1, 2)).sum() == MISSED
    again = judged(words, kind="five_points", template="dlib", landmarks=str(landmarks))
    assert again.record.stages.features != aligned.record.stages.features
    assert len([e for e in fb.list_cache(words["cache"]) if e.kind == "landmarks"]) == before


def test_a_sheet_shows_the_crop(words: dict[str, Any], tmp_path: Path, tiny: Dataset) -> None:
    places = {key: words[key] for key in ("data", "cache", "plugins")}
    sheet = fb.show_input(
        "tiny", out=tmp_path / "a.png", settings={"align.side": 16, "align.centre": (20, 10)},
        preprocess={"image_size": 16}, **places,
    )  # fmt: skip
    assert sheet.align == AlignSpec(side=16, centre=(20.0, 10.0))
    with Image.open(tiny.root / sheet.images[0]) as image:
        expected = np.array(image.convert("RGB"))[2:18, 12:28]
    np.testing.assert_array_equal((sheet.batch[0] * 255).round().permute(1, 2, 0), expected)
    with pytest.raises(SpecError, match=r"align\.knd"):
        fb.show_input("tiny", out=tmp_path / "a.png", settings={"align.knd": "none"}, **places)


def test_a_dry_run_names_the_alignment(words: dict[str, Any]) -> None:
    (planned,) = fb.dry_run(
        method="hog", task="tiny", settings={"align.kind": "none"},
        **{key: words[key] for key in ("data", "cache", "plugins", "floors")},
    )  # fmt: skip
    assert planned.settings["align.kind"][0] == "none"
    assert planned.spec.align.kind == "none"


def test_a_file_of_other_images_is_refused(words: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    row = ["other.png", *TEMPLATES["arcface"][1].ravel()]
    pd.DataFrame([row], columns=["path", *COLUMNS]).to_csv(file, index=False)
    with pytest.raises(DataError, match="landmarks of none of the 144 images"):
        judged(words, kind="five_points", landmarks=str(file))


def test_a_face_is_detected(tmp_path: Path) -> None:
    """The photograph that comes with scikit-image; its points were read off by eye."""
    pytest.importorskip("dlib")
    if find_spec("face_recognition_models") is None:
        pytest.skip("face-recognition-models is not installed")
    from skimage import data as photographs

    from facebench.data.align.detector import find_points

    points = find_points(photographs.astronaut(), None)
    read_off = [(203, 102), (247, 103), (223, 127), (204, 140), (246, 141)]
    np.testing.assert_allclose(points, read_off, atol=4)
    blank = find_points(np.zeros((48, 48, 3), np.uint8), None)
    assert np.isnan(blank).all()
