"""Folders, video trees and tasks as sources of unlabelled images."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facebench.data.dataset import Dataset
from facebench.data.sources import folder_source, open_source, task_source
from facebench.errors import DataError
from facebench.task import Metric, Task, TaskInfo


def images(root: Path, *paths: str) -> Path:
    for index, path in enumerate(paths):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((6, 6, 3), index, dtype=np.uint8)
        Image.fromarray(pixels).save(root / path, format="png")
    return root


def test_folder_of_images_at_any_depth(tmp_path: Path) -> None:
    root = images(tmp_path / "faces", "b.PNG", "a#1.png", "x/c.jpeg", ".hidden.png", ".git/d.png")
    (root / "notes.txt").touch()
    source = open_source(f"images:{root}", None, tmp_path / "cache")
    assert source.frames.to_dict("list") == {"path": ["a#1.png", "b.PNG", "x/c.jpeg"]}
    assert (source.name, source.synthetic, source.warnings, len(source)) == ("faces", False, (), 3)
    assert source.image(2, 6)[0, 0].tolist() == [2, 2, 2]


def test_names_with_spaces_and_other_letters(tmp_path: Path) -> None:
    names = sorted(unicodedata.normalize(form, "José Ñ #1.png") for form in ("NFC", "NFD"))
    source = open_source(f"images:{images(tmp_path / '日 本', *names)}", None, tmp_path / "cache")
    assert source.frames["path"].tolist() == names
    assert [source.image(row, 6)[0, 0, 0] for row in range(2)] == [0, 1]


def test_what_is_no_image_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = images(tmp_path / "faces", "a.png", "x/b.PNG", "x/c.tiff")
    for name in ("clip.mp4", "x/d.heic", "x/E.HEIC", "VISITED", "notes.txt", "x/.DS_Store"):
        (root / name).touch()
    source = open_source(f"images:{root}", None, tmp_path / "cache")
    assert len(source) == 3
    assert source.warnings == (
        f"{root}: left out 4 files that are no images by name (.heic 2, .mp4 1, no suffix 1)",
    )
    assert source.warnings[0] in caplog.text


@pytest.mark.parametrize(
    ("path", "identity", "video"),
    [
        ("id01/abc/0001.png", "id01", "id01/abc"),
        ("id01/abc/00002/0001.png", "id01", "id01/abc"),
        ("Ann_Lee/1.6/abc/1/0001.png", "Ann_Lee", "Ann_Lee/abc"),
        ("unzippedFaces/Ann_Lee/1.6/abc/1/0001.png", "Ann_Lee", "Ann_Lee/abc"),
        ("unzippedIntervalFaces/data/Ann_Lee/1.6/abc/1/1.png", "Ann_Lee", "Ann_Lee/abc"),
        ("dev/mp4/id01/abc/00002/0001.png", "id01", "id01/abc"),
    ],
)
def test_video_layouts(tmp_path: Path, path: str, identity: str, video: str) -> None:
    source = open_source(f"video:{images(tmp_path / 'v', path)}", None, tmp_path / "cache")
    assert source.frames.to_dict("records") == [
        {"path": path, "identity": identity, "video": video}
    ]


def test_frames_are_sorted_and_strays_ignored(tmp_path: Path) -> None:
    paths = ["b/v/2.png", "b/v/1.png", "a/w/9.png", "a/v/3.png", "a/.v/3.png"]
    source = folder_source(images(tmp_path / "v", *paths), tmp_path / "cache", form="video")
    assert source.frames["path"].tolist() == ["a/v/3.png", "a/w/9.png", "b/v/1.png", "b/v/2.png"]
    assert source.frames["video"].tolist() == ["a/v", "a/w", "b/v", "b/v"]


def test_form_is_found_by_depth(tmp_path: Path) -> None:
    video = images(tmp_path / "v", "a/v/1.png", "a/w/t/1.png")
    flat = images(tmp_path / "f", "a/v/1.png", "a/1.png")
    assert "identity" in open_source(str(video), None, tmp_path / "cache").frames
    assert "identity" not in open_source(str(flat), None, tmp_path / "cache").frames


def test_a_stray_image_that_hides_a_tree_is_named(tmp_path: Path) -> None:
    root = images(tmp_path / "v", "cover.png", "a/v/1.png", "a/v/2.png", "b/w/1.png")
    source = open_source(str(root), None, tmp_path / "cache")
    (warning,) = source.warnings
    assert "since 1 of 4 are less than two folders deep, such as cover.png" in warning
    assert open_source(f"images:{root}", None, tmp_path / "cache").warnings == ()


@pytest.mark.parametrize("name", ["~/faces", "images:~/faces"])
def test_a_tilde_is_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    images(tmp_path / "faces", "a.png")
    assert len(open_source(name, None, tmp_path / "cache")) == 1


def test_wrong_folders(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(DataError, match="no folder nowhere; expected a folder of images"):
        open_source("nowhere", None, cache)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="found no images below"):
        open_source(str(tmp_path / "empty"), None, cache)
    flat = images(tmp_path / "f", "a/1.png")
    with pytest.raises(DataError, match=r"expected identity/video/.*Write images:"):
        open_source(f"video:{flat}", None, cache)
    with pytest.raises(DataError, match="the data folder nowhere does not exist"):
        open_source("voxceleb", Path("nowhere"), cache)


def test_real_voxceleb_is_found(tmp_path: Path) -> None:
    images(tmp_path / "VoxCeleb", "id01/abc/0001.png")
    source = open_source("voxceleb", tmp_path, tmp_path / "cache")
    assert (source.name, source.synthetic) == ("voxceleb", False)
    assert source.frames["identity"].tolist() == ["id01"]


def test_rendered_clips_stand_in_for_voxceleb(tmp_path: Path) -> None:
    """Without a data folder, or with one where they are asked for."""
    (tmp_path / "data" / "VoxCeleb1").mkdir(parents=True)
    with pytest.raises(DataError, match=r"nearest in name: VoxCeleb1;.*--synthetic missing"):
        open_source("voxceleb", tmp_path / "data", tmp_path)
    source = open_source("voxceleb", tmp_path / "data", tmp_path, synthetic="missing", scale=0.004)
    assert source.synthetic
    assert source.frames.nunique().to_dict() == {"path": 16, "identity": 2, "video": 4}
    assert source.image(15, 64).std() > 10
    again = open_source("voxceleb", None, tmp_path, scale=0.004)
    assert again.fingerprint == source.fingerprint


def test_fingerprint_follows_content_and_not_place(tmp_path: Path) -> None:
    root = images(tmp_path / "f", "a.png", "b.png")
    before = folder_source(root, tmp_path / "cache").fingerprint
    moved = root.rename(tmp_path / "g")
    assert folder_source(moved, tmp_path / "cache").fingerprint == before
    Image.new("RGB", (6, 6), (9, 9, 9)).save(moved / "b.png")
    assert folder_source(moved, tmp_path / "cache").fingerprint != before


def test_limit_is_a_fixed_part(tmp_path: Path) -> None:
    root = images(tmp_path / "f", *(f"{i:02d}.png" for i in range(20)))
    source = folder_source(root, tmp_path / "cache")
    small = source.limit(5)
    assert len(small) == len(small.digests) == 5
    assert small.frames["path"].is_monotonic_increasing
    assert small.fingerprint == source.limit(5).fingerprint != source.fingerprint
    assert source.limit(20) is source
    value = int(small.frames["path"].iloc[3][:2])
    assert small.image(3, 6)[0, 0, 0] == value


def dataset(root: Path, protocol: Any) -> Dataset:
    class Tiny(Task):
        info = TaskInfo(
            name="tiny", title="Tiny", version=1, family="identity", dataset="", licence="",
            obtain="", layout="", folders=(), protocol=protocol, image_size=6,
            main_metric=Metric(name="accuracy", title="", higher_is_better=True), counts={},
        )  # fmt: skip

        def manifest(self, root: Path) -> pd.DataFrame:
            raise AssertionError

    splits = ["test"] * 3 if protocol == "verification" else ["test", "train", "train"]
    table = pd.DataFrame({"path": ["0.png", "1.png", "2.png"], "split": splits})
    table = table.assign(label=[0, 1, 0], subject="x", left=3, top=3, right=9, bottom=9)
    images(root, *table["path"])
    return Dataset(Tiny(), root, True, table, None, ("d0", "d1", "d2"))


def test_task_gives_training_images_without_labels(tmp_path: Path) -> None:
    source = task_source(dataset(tmp_path, "classification"))
    assert source.frames.columns.tolist() == ["path", "left", "top", "right", "bottom"]
    assert source.frames["path"].tolist() == ["1.png", "2.png"]
    assert (source.digests, source.synthetic, source.warnings) == (("d1", "d2"), True, ())
    image = source.image(1, 6)
    assert image[:3, :3].min() == image.max() == 2
    assert not image[3:].any()


def test_verification_gives_all_images_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = task_source(dataset(tmp_path, "verification"))
    assert len(source) == 3
    assert source.warnings == ("pretrained on the test images of Tiny, without labels",)
    assert source.warnings[0] in caplog.text
