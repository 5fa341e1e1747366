"""DISFA: label files, folds, and frames in all supported layouts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facebench.data.dataset import open_dataset
from facebench.data.manifest import check_table
from facebench.errors import DataError, SpecError
from facebench_tasks._disfa_labels import LABELS, OTHER_UNITS, UNITS, fold_of
from facebench_tasks.disfa import DISFA, DISFAOptions

FRAMES = 12
SUBJECTS = [f"SN{n:03d}" for n in (*range(1, 14), 16, 17, 18, 21, *range(23, 33))]
TARGETS = list(DISFA.info.targets)


def intensity(subject: str, unit: int, frame: int) -> int:
    return (int(subject[2:]) + unit + frame) % 6


def labels(root: Path, frames: int = FRAMES, end: str = "\n") -> Path:
    for subject in SUBJECTS:
        folder = root / LABELS / subject
        folder.mkdir(parents=True)
        for unit in (*UNITS, *OTHER_UNITS):
            text = "".join(f"{t + 1},{intensity(subject, unit, t)}{end}" for t in range(frames))
            (folder / f"{subject}_au{unit}.txt").write_bytes(text.encode())
    return root


def images(home: Path, numbers: range, name: str = "{}.jpg") -> Path:
    for subject in SUBJECTS:
        (home / subject).mkdir(parents=True)
        for number in numbers:
            (home / subject / name.format(number)).touch()
    return home


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return labels and 12 extracted frames of every subject, numbered from 0."""
    images(labels(tmp_path / "disfa"), range(FRAMES))
    return tmp_path / "disfa"


def test_folds_are_those_of_the_published_lists() -> None:
    homes = fold_of()
    assert sorted(homes) == SUBJECTS
    assert [list(homes.values()).count(fold) for fold in range(3)] == [9, 9, 9]
    assert (homes["SN003"], homes["SN013"], homes["SN002"]) == (0, 1, 2)  # parts 3, 2, 1


def test_rows(root: Path) -> None:
    table = DISFA().manifest(root)
    check_table(DISFA.info, table)
    assert len(table) == 27 * FRAMES
    assert table.attrs["warnings"] == []
    for row in table.to_dict("records"):
        subject, frame = str(row["subject"]), int(row["frame"])
        assert row["path"] == f"{subject}/{frame}.jpg"
        assert row["fold"] == fold_of()[subject]
        found = [row[target] for target in TARGETS]
        assert found == [int(intensity(subject, unit, frame) >= 2) for unit in UNITS]
    assert table["frame"].iloc[:FRAMES].tolist() == list(range(FRAMES))  # not 0, 1, 10, 11, 2


def test_threshold(root: Path) -> None:
    table = DISFA(DISFAOptions(threshold=5)).manifest(root)
    first = [int(intensity("SN001", unit, 0) == 5) for unit in UNITS]
    assert table[TARGETS].iloc[0].tolist() == first


@pytest.mark.parametrize(
    ("home", "start", "name"),
    [
        ("img", 0, "{}.png"),
        ("images", 1, "{:05d}.jpg"),
        ("Images/Left", 1, "frame_{:04d}.jpeg"),
        ("FRAMES", 0, "{}.BMP"),
    ],
)
def test_places_and_numbering_of_frames(
    tmp_path: Path, root: Path, home: str, start: int, name: str
) -> None:
    expected = DISFA().manifest(root)
    other = labels(tmp_path / "other/DISFA")
    images(other / home, range(start, start + FRAMES), name)
    for folder, prefix in ((other, ""), (other.parent, "DISFA/")):
        table = DISFA().manifest(folder)
        assert table["path"].iloc[3] == f"{prefix}{home}/SN001/{name.format(3 + start)}"
        pd.testing.assert_frame_equal(table.drop(columns="path"), expected.drop(columns="path"))


def test_camera(root: Path) -> None:
    right = DISFAOptions(camera="right")
    with pytest.raises(DataError, match="no frames or videos of the right camera"):
        DISFA(right).manifest(root)
    images(root / "Images/Right", range(FRAMES))
    assert DISFA(right).manifest(root)["path"].str.startswith("Images/Right/").all()
    assert DISFA().manifest(root)["path"].iloc[0] == "SN001/0.jpg"


def test_missing_frames_are_counted(root: Path) -> None:
    for name in ("SN001/0.jpg", "SN001/5.jpg", "SN010/11.jpg"):
        (root / name).unlink()
    (root / "SN002/12.jpg").touch()
    (root / "SN003/face.jpg").touch()
    table = DISFA().manifest(root)
    assert len(table) == 27 * FRAMES - 3
    row = table[table["path"] == "SN001/1.jpg"].iloc[0]
    assert row["frame"] == 1  # not shifted by the missing first frame
    assert row["au1"] == int(intensity("SN001", 1, 1) >= 2)
    without_image, without_label, strays = table.attrs["warnings"]
    assert "left out 3 labels without an image: SN001 2, SN010 1" in without_image
    assert "left out 1 images without a label: SN002 1" in without_label
    assert "SN003/face.jpg" in strays


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: [(root / f"SN004/{n}.jpg").unlink() for n in range(4, 12)], "the 4th and"),
        (lambda root: (root / "SN004/40.jpg").touch(), "the 41th and labels for 12"),
        (
            lambda root: (root / "SN004/0.jpg").rename(root / "SN004/12.jpg"),
            "SN004 seem to be numbered from 1",
        ),
        (lambda root: (root / "SN004/00.jpg").touch(), r"found 0\.jpg and 00\.jpg for frame 0"),
        (lambda root: shutil.rmtree(root / "SN004"), "has no frames of SN004"),
        (lambda root: shutil.rmtree(root / LABELS / "SN004"), "has no folder SN004"),
        (lambda root: shutil.rmtree(root / LABELS), r"(?s)Labels/ is not there.*signed agreement"),
        (lambda root: (root / LABELS / "SN004/SN004_au9.txt").unlink(), "lacks SN004_au9"),
    ],
)
def test_frames_and_labels_that_do_not_fit(
    root: Path, change: Callable[[Path], object], message: str
) -> None:
    change(root)
    with pytest.raises(DataError, match=message):
        DISFA().manifest(root)


def test_frames_that_begin_late_cannot_be_assigned(tmp_path: Path) -> None:
    images(labels(tmp_path), range(3, FRAMES))
    with pytest.raises(DataError, match="found 3 as the smallest number"):
        DISFA().manifest(tmp_path)


def test_no_images(tmp_path: Path) -> None:
    labels(tmp_path)
    for wanted, kind in (("auto", "frames or videos"), ("frames", "frames"), ("videos", "videos")):
        with pytest.raises(DataError, match=f"no {kind} of the left camera"):
            DISFA(DISFAOptions(images=wanted)).manifest(tmp_path)  # type: ignore[arg-type]


def test_unknown_subjects_and_odd_numbers_are_said(root: Path) -> None:
    (root / LABELS / "SN033").mkdir()
    file = root / LABELS / "SN005/SN005_au4.txt"
    file.write_text(file.read_text().replace("7,", "70,", 1))
    unlisted, jumping = DISFA().manifest(root).attrs["warnings"]
    assert "SN033" in unlisted
    assert "1 label files" in jumping
    assert "SN005_au4.txt" in jumping


@pytest.mark.parametrize("folder", [False, True])
def test_frames_list(root: Path, folder: bool) -> None:
    (root / "lists").mkdir()
    for part, subject in enumerate(("SN002", "SN013", "SN003"), start=1):
        text = "".join(f"DISFA/{subject}/{n}.jpg\r\n" for n in (0, 2, 10))
        (root / f"lists/DISFA_part{part}_path.txt").write_bytes(text.encode())
    everything = root / "all.txt"
    everything.write_text("".join(f.read_text() for f in sorted((root / "lists").iterdir())))
    options = DISFAOptions(frames_list="lists" if folder else str(everything))
    table = DISFA(options).manifest(root)
    assert table["path"].tolist() == [
        f"{subject}/{n}.jpg" for subject in ("SN002", "SN003", "SN013") for n in (0, 2, 10)
    ]
    assert "used the 9 of 324 frames" in table.attrs["warnings"][0]
    everything.write_text("DISFA/SN002/12.jpg\n")
    with pytest.raises(DataError, match=r"1 of 1 frames listed .*no image or no label: SN002/12"):
        DISFA(DISFAOptions(frames_list="all.txt")).manifest(root)
    everything.write_text("DISFA/SN014/1.jpg\n")
    with pytest.raises(DataError, match=r"all\.txt:1: found 'DISFA/SN014/1\.jpg'"):
        DISFA(DISFAOptions(frames_list="all.txt")).manifest(root)
    with pytest.raises(DataError, match="nowhere"):
        DISFA(DISFAOptions(frames_list="nowhere")).manifest(root)


def test_bad_options() -> None:
    with pytest.raises(SpecError, match="camera is 'top'; expected one of left, right"):
        DISFAOptions(camera="top")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="threshold is 6; expected a whole number of 1 to 5"):
        DISFAOptions(threshold=6)


def videos(root: Path, home: str, name: str, frames: int) -> None:
    """Write a video of every subject whose frame t has the grey level 20 t."""
    av = pytest.importorskip("av")
    (root / home).mkdir()
    for subject in SUBJECTS:
        with av.open(str(root / home / name.format(subject)), "w") as container:
            stream = container.add_stream("mpeg4", rate=20, options={"g": "5"})
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for t in range(frames):
                grey = np.full((48, 64, 3), 20 * t, dtype=np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
            container.mux(stream.encode())


def test_videos(tmp_path: Path) -> None:
    root = labels(tmp_path / "data/DISFA")
    videos(root, "Videos_LeftCamera", "LeftVideo{}_Comp.AVI", FRAMES - 1)
    (root / "Videos_LeftCamera/readme.txt").touch()
    dataset = open_dataset(DISFA(), root.parent, tmp_path / "cache")
    table = dataset.table
    assert len(table) == 27 * (FRAMES - 1)
    assert table["path"].iloc[3] == "Videos_LeftCamera/LeftVideoSN001_Comp.AVI#3"
    assert "left out 27 labels without an image: SN001 1, SN002 1," in dataset.warnings[0]
    for number in (0, 7, 3, 10):
        image = DISFA().read_image(root, table["path"].iloc[number])
        assert image.shape == (48, 64, 3)
        assert abs(float(image.mean()) - 20 * number) < 4
    assert dataset.image(5, 256).shape == (256, 256, 3)
    with pytest.raises(DataError, match="no frames or videos of the right camera"):
        DISFA(DISFAOptions(camera="right")).manifest(root)
    (root / "Videos_LeftCamera/LeftVideoSN009_Comp.AVI").unlink()
    with pytest.raises(DataError, match="no left video of SN009"):
        DISFA().manifest(root)


def test_extracted_frames_go_before_videos(root: Path) -> None:
    videos(root, "Video_LeftCamera", "LeftVideo{}_comp.avi", FRAMES)
    assert DISFA().manifest(root)["path"].iloc[0] == "SN001/0.jpg"
    table = DISFA(DISFAOptions(images="videos")).manifest(root)
    assert table["path"].iloc[0] == "Video_LeftCamera/LeftVideoSN001_comp.avi#0"


def test_an_image_is_read_whole(root: Path) -> None:
    Image.new("RGB", (20, 10), (9, 8, 7)).save(root / "SN001/0.jpg")
    assert DISFA().read_image(root, "SN001/0.jpg").shape == (10, 20, 3)


@pytest.mark.wheel
def test_stand_in(stand_ins: Path) -> None:
    dataset = open_dataset(DISFA(), None, stand_ins, scale=0.02)
    table = dataset.table
    assert dataset.warnings == ()
    assert sorted(table["subject"].unique()) == SUBJECTS
    shares = table.groupby("fold")[TARGETS].mean()
    assert shares.shape == (3, 8)
    assert ((shares >= 0.05) & (shares <= 0.45)).to_numpy().all()
    assert len(list((dataset.root / LABELS / "SN001").iterdir())) == 12
    assert dataset.image(0, 64).std() > 5
