"""What methods that learn from frames of videos make of folders with and without videos."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facebench.data.frames import frames_for
from facebench.data.packed import pack
from facebench.data.sources import Source, folder_source
from facebench.data.tracks import tracks
from facebench.errors import DataError, PluginError
from facebench.method import MethodInfo

Write = Callable[..., Source]


def info(**fields: Any) -> MethodInfo:
    return MethodInfo(name="mine", title="Mine", version=1, paper="none", year=2026, **fields)


PAIRS, FOUR = info(needs="pairs"), info(needs="frames", frames=4)
EITHER = info(needs="pairs", single_images="a flip of each image")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function from folder to number of frames, to the source of these frames."""

    def of(form: Any = "video", /, **folders: int) -> Source:
        for folder, count in folders.items():
            for number in range(count):
                path = tmp_path / "clips" / folder.replace("_", "/") / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (8, 8), (number, 0, 0)).save(path)
        return folder_source(tmp_path / "clips", tmp_path / "cache", form=form)

    return of


def test_tracks_are_folders_in_the_order_of_the_numbers() -> None:
    paths = ["a/v/10.jpg", "a/v/9.jpg", "b/v/t1/x2.jpg", "b/v/t2/x1.jpg", "a/v/9b.jpg"]
    codes, places = tracks(paths)
    assert codes.tolist() == [0, 0, 1, 2, 0]
    assert places.tolist() == [2, 0, 0, 0, 1]


def test_single_images_are_an_error_for_what_needs_frames(write: Write) -> None:
    source = write("images", ann_a=5)
    for needs in (PAIRS, FOUR):
        with pytest.raises(DataError, match=r"frames of a video; clips has single images\. Give"):
            frames_for(source, needs, 0)
    assert frames_for(source, info(), 3).frames.equals(source.limit(3).frames)


def test_labelled_images_that_a_limit_leaves_are_counted(write: Write) -> None:
    source, labelled = write("images", ann_a=5), info(needs="labels")
    said = "mine learned from 3 of these images (pretrain.limit)"
    assert frames_for(source, labelled, 3).warnings == (*source.warnings, said)
    assert frames_for(source, labelled, 5).warnings == source.warnings
    assert frames_for(source, info(), 3).warnings == source.warnings


def test_videos_that_are_too_short_are_an_error(write: Write) -> None:
    source = write(ann_a=3, bob_a=1)
    with pytest.raises(DataError, match=r"learns from 4 or more .* has frames of shorter videos"):
        frames_for(source, FOUR, 0)


def test_a_fallback_is_recorded_with_the_images_that_it_is_for(write: Write) -> None:
    source = write(ann_a=3, bob_a=1, cyd_a=1)
    warning = "mine learned from a flip of each image for 2 of 5 images"
    assert frames_for(source, EITHER, 0).warnings[-1].startswith(warning)
    alone = frames_for(write("images"), EITHER, 0)
    assert "for 5 of 5 images" in alone.warnings[-1]
    assert alone.fingerprint == write("images").fingerprint
    whole = write(ann_a=3, bob_a=2, cyd_a=2)
    assert frames_for(whole, EITHER, 0).warnings == ()


def test_frames_that_are_left_out_are_counted(write: Write) -> None:
    left = "mine did not learn from 1 of 4 frames, whose videos have fewer than 2"
    assert frames_for(write(ann_a=3, bob_a=1), PAIRS, 0).warnings == (left,)


def test_a_limit_takes_runs_of_frames(write: Write) -> None:
    source = write(**{f"p{n:02d}_v": 20 for n in range(9)})
    taken = frames_for(source, FOUR, 40)
    assert len(taken) == 40
    folders = np.array([Path(path).parent.name for path in taken.frames["path"]])
    codes, _ = tracks(taken.frames["path"].tolist())
    numbers = np.array([int(Path(path).stem) for path in taken.frames["path"]])
    assert len(folders) == 40
    for code in range(codes.max() + 1):
        runs = np.unique(numbers[codes == code] // 8)  # each whole, but for the last one drawn
        assert (numbers[codes == code][:, None] // 8 == runs).sum() == (codes == code).sum()
    sizes = np.unique(np.stack([codes, numbers // 8]), axis=1, return_counts=True)[1]
    assert sum(size not in (8, 4) for size in sizes) <= 1  # 4: the end of a track of 20
    assert len(sizes) < 12
    assert frames_for(source, FOUR, 40).fingerprint == taken.fingerprint


def test_a_pack_knows_the_order_of_a_track(write: Write, tmp_path: Path) -> None:
    faces = pack(write(ann_a=11), 8, tmp_path / "cache")
    codes, places = faces.tracks()
    assert (codes == 0).all()
    assert faces.images[:, 0, 0, 0].tolist() == places.tolist()
    assert places.tolist() != list(range(11))  # 10.png is packed after 1.png


@pytest.mark.parametrize(
    "fields",
    [{"needs": "frames"}, {"frames": 3}, {"needs": "frames", "frames": 2, "single_images": "x"}],
    ids=str,
)
def test_a_declaration_that_contradicts_itself_is_an_error(fields: dict[str, Any]) -> None:
    with pytest.raises(PluginError, match=r"expected (frames|needs)"):
        info(**fields)
