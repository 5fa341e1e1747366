"""Frames of a video by their number: each shows its number as eight black or white columns."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from facebench.errors import DataError
from facebench_tasks._video import frame_count, read_frame

av = pytest.importorskip("av")

FRAMES = 100
KINDS = {  # codec and its options; key frames every 12 or 25 frames, some with reordered frames
    "plain.avi": ("mpeg4", {"g": "12"}),
    "reordered.avi": ("mpeg4", {"g": "12", "bf": "2"}),
    "untimed.avi": ("libx264", {"g": "25", "bf": "3"}),  # FFmpeg gives wrong time stamps
    "reordered.mp4": ("libx264", {"g": "25", "bf": "3"}),
    "lossless.mkv": ("ffv1", {}),
}


def picture(number: int) -> np.ndarray:
    """Return ``[32, 64, 3]``: bit k of the number as column k, 8 px wide."""
    bits = [255 * (number >> k & 1) for k in range(8)]
    return np.repeat(np.tile(np.repeat(bits, 8), (32, 1))[..., None], 3, axis=2).astype(np.uint8)


def shown(image: np.ndarray) -> int:
    assert image.shape == (32, 64, 3)
    assert image.dtype == np.uint8
    return sum(int(image[:, 8 * k + 2 : 8 * k + 6].mean() > 127) << k for k in range(8))


def encode(file: Path, codec: str, options: dict[str, str], frames: int = FRAMES) -> Path:
    with av.open(str(file), "w") as container:
        stream = container.add_stream(codec, rate=20, options=options)
        stream.width, stream.height = 64, 32
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file


@pytest.fixture(scope="module", params=KINDS)
def video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    codec, options = KINDS[request.param]
    try:
        av.codec.Codec(codec, "w")
    except ValueError:
        pytest.skip(f"this FFmpeg cannot write {codec}")
    return encode(tmp_path_factory.mktemp("video") / request.param, codec, options)


def test_in_order_at_random_and_backwards(video: Path) -> None:
    assert frame_count(video) == FRAMES
    random = np.random.default_rng(0).permutation(FRAMES).tolist()
    for order in (
        list(range(FRAMES)),
        random,
        list(range(FRAMES))[::-7],
        list(range(0, FRAMES, 9)),
    ):
        assert [shown(read_frame(video, number)) for number in order] == order


def test_threads_take_turns_at_batches(video: Path) -> None:
    """As extraction does it: two threads, each with every other batch."""
    batches = [range(start, min(start + 16, FRAMES)) for start in range(0, FRAMES, 16)]
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda batch: [shown(read_frame(video, n)) for n in batch], batches)
    assert [number for batch in found for number in batch] == list(range(FRAMES))


def test_several_videos_in_turn(tmp_path: Path) -> None:
    a = encode(tmp_path / "a.avi", "mpeg4", {"g": "12"}, 30)
    b = encode(tmp_path / "b é.avi", "mpeg4", {"g": "12"}, 20)
    for number in (0, 1, 19, 3, 12):
        assert shown(read_frame(a, number)) == shown(read_frame(b, number)) == number
    assert (frame_count(a), frame_count(b)) == (30, 20)


def test_a_video_that_was_replaced_is_opened_again(tmp_path: Path) -> None:
    file = encode(tmp_path / "a.avi", "mpeg4", {}, 30)
    assert frame_count(file) == 30
    assert shown(read_frame(file, 29)) == 29
    encode(file, "mpeg4", {}, 10)
    os.utime(file, ns=(1, 1))
    assert frame_count(file) == 10
    with pytest.raises(DataError, match=r"a\.avi#29: not among the 10 frames"):
        read_frame(file, 29)
    assert shown(read_frame(file, 9)) == 9  # goes on after an error


def test_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "text.avi").write_text("no video")
    for number, name in enumerate(("text.avi", "missing.avi")):
        with pytest.raises(DataError, match=("not a readable video", "No such file")[number]):
            read_frame(tmp_path / name, 0)
        with pytest.raises(DataError, match=name):
            frame_count(tmp_path / name)


def test_a_truncated_video_is_named(tmp_path: Path) -> None:
    file = encode(tmp_path / "a.avi", "mjpeg", {}, 60)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    count = frame_count(file)
    assert 5 < count < 60
    assert shown(read_frame(file, 3)) == 3
    with pytest.raises(DataError, match=r"a\.avi#59"):
        read_frame(file, 59)


def test_without_pyav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.avi").touch()
    monkeypatch.setitem(sys.modules, "av", None)
    for read in (lambda file: read_frame(file, 0), frame_count):
        with pytest.raises(DataError, match=r"facebench\[video\], or extract the frames"):
            read(tmp_path / "a.avi")
