"""Copies of datasets that differ in form: read, with a sentence about what was taken, or refused.

Each is made here from the published form; both must give the same rows, labels and pixels.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from test_aflw2000 import both, packed
from test_cplfw import cplfw
from test_disfa import images as disfa_images
from test_disfa import labels as disfa_labels
from test_fer2013 import content, csv, tree
from test_lfw import lfw
from test_rafdb import kaggle, labels, official

from facebench.errors import DataError, FacebenchError, SpecError
from facebench_tasks.aflw2000 import AFLW2000
from facebench_tasks.cplfw import CPLFW
from facebench_tasks.disfa import DISFA, DISFAOptions
from facebench_tasks.fer2013 import FER2013
from facebench_tasks.lfw import LFW
from facebench_tasks.rafdb import RAFDB


def said(table: pd.DataFrame) -> str:
    """Return the sentences of a table as one text."""
    return " ".join(table.attrs["warnings"])


def as_png(folder: Path) -> None:
    """Store the images below a folder as PNG files."""
    for path in sorted(folder.rglob("*.jpg")):
        Image.open(path).save(path.with_suffix(".png"))
        path.unlink()


# --- FER-2013 ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "mark", "end"),
    [
        ("utf-16-le", "\ufeff", "\r\n"),
        ("utf-16-be", "\ufeff", "\n"),
        ("utf-16-le", "", "\n"),
        ("utf-16-be", "", "\r\n"),
    ],
)
def test_a_csv_in_utf_16(tmp_path: Path, encoding: str, mark: str, end: str) -> None:
    expected = content(csv(tmp_path / "a"))
    text = (csv(tmp_path / "b", end=end) / "fer2013.csv").read_bytes().decode()
    (tmp_path / "b/fer2013.csv").write_bytes((mark + text).encode(encoding))
    assert content(tmp_path / "b") == expected
    assert f"read as {encoding.upper()}" in said(FER2013().manifest(tmp_path / "b"))


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "index"])
def test_a_csv_with_row_numbers(tmp_path: Path, name: str) -> None:
    expected = content(csv(tmp_path / "a"))
    file = csv(tmp_path / "b") / "fer2013.csv"
    heading, *rows = file.read_text().splitlines()
    lines = [f"{name},{heading}", *(f"{n},{row}" for n, row in enumerate(rows))]
    file.write_text("\n".join(lines))
    assert content(tmp_path / "b") == expected
    assert "is taken for row numbers" in said(FER2013().manifest(tmp_path / "b"))
    file.write_text("\n".join([f"age,{heading}", *lines[1:]]))
    with pytest.raises(DataError, match=r"fer2013\.csv:1: found 'age'"):
        FER2013().manifest(tmp_path / "b")


def test_emotions_and_test_images_under_other_names(tmp_path: Path) -> None:
    expected = content(tree(tmp_path / "a"))
    root = tree(tmp_path / "b")
    (root / "test").rename(root / "validation")
    for part in ("train", "validation"):
        (root / part / "happy").rename(root / part / "Happiness")
        (root / part / "angry").rename(root / part / "anger")
    assert content(root) == expected
    assert "validation/ is read as test/ is" in said(FER2013().manifest(root))
    (root / "train/happy").mkdir()
    with pytest.raises(DataError, match=r"found .*/Happiness and .*/happy, both of"):
        FER2013().manifest(root)


# --- RAF-DB -----------------------------------------------------------------------------------


def plain_names(folder: Path) -> None:
    for path in sorted(folder.rglob("*_aligned.jpg")):
        path.rename(path.with_name(path.name.replace("_aligned", "")))


@pytest.mark.parametrize("write", [official, kaggle])
@pytest.mark.parametrize("change", [as_png, plain_names])
def test_aligned_images_under_other_names(
    tmp_path: Path, write: Callable[[Path], Path], change: Callable[[Path], None]
) -> None:
    expected = labels(write(tmp_path / "a"))
    root = write(tmp_path / "b")
    change(root)
    assert labels(root) == expected
    assert "4 of 4 images have other names than the published ones" in said(RAFDB().manifest(root))
    for path in sorted(root.rglob("*train_00001*")):
        shutil.copy(path, path.with_name("train_00001_aligned.bmp"))
        shutil.copy(path, path.with_name("train_00001.bmp"))
    with pytest.raises(DataError, match=r"of which either may be train_00001_aligned\.jpg"):
        RAFDB().manifest(root)


@pytest.mark.parametrize("lists", [True, False])
def test_rafdb_by_emotion_and_with_validation(tmp_path: Path, lists: bool) -> None:
    expected = labels(kaggle(tmp_path / "a"))
    root = kaggle(tmp_path / "b", lists=lists)
    names = ("surprise", "fear", "disgust", "happy", "sadness", "Angry", "neutral")
    for part in ("train", "test"):
        for number, name in enumerate(names, start=1):
            (root / "DATASET" / part / str(number)).rename(root / "DATASET" / part / name)
    (root / "DATASET/test").rename(root / "DATASET/validation")
    assert labels(root) == expected
    sentences = said(RAFDB().manifest(root))
    assert "validation/ is read as the test images" in sentences
    assert "read by their names: surprise, fear" in sentences
    shutil.copytree(root / "DATASET/validation", root / "DATASET/test")
    with pytest.raises(DataError, match=r"found .*/test and .*/validation, of which either"):
        RAFDB().manifest(root)
    shutil.rmtree(root / "DATASET/test")
    (root / "DATASET/train/1").mkdir()
    with pytest.raises(DataError, match=r"both of the class Surprise"):
        RAFDB().manifest(root)


# --- CPLFW ------------------------------------------------------------------------------------


def test_cplfw_as_png(tmp_path: Path) -> None:
    root = cplfw(tmp_path / "a", "aligned images")
    expected, pairs = CPLFW().manifest(root), CPLFW().pairs(root)
    as_png(root)
    table, found = CPLFW().manifest(root), CPLFW().pairs(root)
    assert table["path"].tolist() == [p.replace(".jpg", ".png") for p in expected["path"]]
    assert "of 40 images have other names" in said(found).replace("50", "40")
    for side in ("first", "second"):
        assert found[side].tolist() == [p.replace(".jpg", ".png") for p in pairs[side]]
    pd.testing.assert_frame_equal(found[["same", "fold"]], pairs[["same", "fold"]])


# --- One level deeper -------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["archive", "msgs"])
@pytest.mark.parametrize(
    ("task", "write"),
    [
        (FER2013(), csv), (FER2013(), tree), (RAFDB(), official), (RAFDB(), kaggle),
        (LFW(), lfw), (CPLFW(), cplfw),
    ],
)  # fmt: skip
def test_one_level_deeper(
    tmp_path: Path, task: FER2013, write: Callable[[Path], Path], folder: str
) -> None:
    root = tmp_path / "data"
    root.mkdir()
    expected = task.manifest(write(root / folder))
    table = task.manifest(root)
    assert table["path"].tolist() == [f"{folder}/{path}" for path in expected["path"]]
    pd.testing.assert_frame_equal(table.drop(columns="path"), expected.drop(columns="path"))
    write(root / "copy")
    with pytest.raises(DataError, match=rf"found the dataset in .*/(copy|{folder}) and in"):
        task.manifest(root)


def test_300w_lp_one_level_deeper(tmp_path: Path) -> None:
    root = both(tmp_path / "pose", "300W_LP/archive", "AFLW2000/msgs")
    assert len(AFLW2000().manifest(root)) == 17


# --- Head pose --------------------------------------------------------------------------------


def test_poses_in_radians_are_suspected(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    degrees = rng.uniform(-90, 90, (50, 3))
    for name in ("AFW", "AFLW2000"):
        packed(tmp_path, name, degrees.tolist())
    assert "be radians" not in said(AFLW2000().manifest(tmp_path))
    packed(tmp_path, "AFW", np.radians(degrees).tolist())
    sentences = said(AFLW2000().manifest(tmp_path))
    assert "300W-LP: 100% of the angles are within 2 degrees of 0 (-1.5" in sentences
    assert "AFLW2000: 100%" not in sentences


def test_images_that_were_scaled_under_their_landmarks(tmp_path: Path) -> None:
    root = both(tmp_path)
    Image.new("RGB", (224, 224)).save(root / "AFLW2000/image00002.jpg")
    with pytest.raises(DataError, match=r"x 300, y 350 in image00002\.jpg of 224 x 224 px"):
        AFLW2000().manifest(root)


# --- DISFA with 26 people -----------------------------------------------------------------------


def test_26_people(tmp_path: Path) -> None:
    root = disfa_images(disfa_labels(tmp_path / "a/archive"), range(12))
    everyone = DISFA().manifest(root)
    with pytest.raises(SpecError, match=r"has all 27.*Give disfa\.without"):
        DISFA(DISFAOptions(subjects=26)).manifest(root)
    named = DISFA(DISFAOptions(subjects=26, without="sn010")).manifest(root)
    without = everyone[everyone["subject"] != "SN010"].reset_index(drop=True)
    pd.testing.assert_frame_equal(named, without)
    assert "without SN010 of fold 3; the folds have 9, 9, 8 subjects" in said(named)
    shutil.rmtree(root / "SN010")
    shutil.rmtree(root / "ActionUnit_Labels/SN010")
    lacking = DISFA(DISFAOptions(subjects=26)).manifest(root)
    pd.testing.assert_frame_equal(lacking, without)
    with pytest.raises(DataError, match=r"no folder SN010; with 26 people give disfa\.subjects=26"):
        DISFA().manifest(root)
    with pytest.raises(DataError, match="no folder SN010"):
        DISFA(DISFAOptions(subjects=26, without="SN001")).manifest(root)
    deeper = DISFA(DISFAOptions(subjects=26)).manifest(root.parent)
    assert deeper["path"].tolist() == [f"archive/{path}" for path in without["path"]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subjects": 25}, "expected a whole number of 26 to 27"),
        ({"subjects": 26, "without": "SN01"}, "Did you mean 'SN0"),
        ({"without": "SN010"}, r"expected disfa\.subjects=26"),
    ],
)
def test_subjects_that_there_are_not(options: dict[str, object], message: str) -> None:
    with pytest.raises(FacebenchError, match=message):
        DISFAOptions(**options)  # type: ignore[arg-type]


# --- Hostile files ------------------------------------------------------------------------------


def test_poses_that_unpack_to_far_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes may unpack to gigabytes; the bound is lowered so that the test need not."""
    monkeypatch.setattr("facebench_tasks._pose_npz._LARGEST", 10_000)
    packed(tmp_path, "AFLW2000", [(0.0, 0.0, 0.0)])
    packed(tmp_path, "AFW", [(0.0, 0.0, 0.0)] * 2)
    with zipfile.ZipFile(tmp_path / "AFW.npz") as archive:
        arrays = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "AFW.npz", "w") as archive:
        for name, content_ in arrays.items():
            archive.writestr(
                name,
                b"\0" * 20_000 if name == "pose.npy" else content_,
                zipfile.ZIP_DEFLATED if name == "pose.npy" else zipfile.ZIP_STORED,
            )
    with pytest.raises(DataError, match=r"AFW\.npz: not a readable npz.*unpacks to 20,000 bytes"):
        AFLW2000().manifest(tmp_path)


@pytest.mark.parametrize("form", ["csv", "mat", "npz"])
def test_files_of_nothing_but_noise_are_one_line(tmp_path: Path, form: str) -> None:
    noise = np.random.default_rng(0).bytes(3000)
    if form == "csv":
        (tmp_path / "fer2013.csv").write_bytes(noise)
    else:
        both(tmp_path)
        place = tmp_path / ("AFLW2000/image00002.mat" if form == "mat" else "300W_LP/AFW.npz")
        place.write_bytes(noise)
        if form == "npz":
            for name in ("AFW", "HELEN", "IBUG", "LFPW"):
                for flip in ("", "_Flip"):
                    shutil.rmtree(tmp_path / f"300W_LP/{name}{flip}")
    task = FER2013() if form == "csv" else AFLW2000()
    with pytest.raises(DataError) as error:
        task.manifest(tmp_path)
    assert "\n" not in str(error.value)
