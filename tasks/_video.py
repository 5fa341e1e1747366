"""Single frames of a video by their exact number, decoded with PyAV (FFmpeg).

Frame 0 is the first in order of presentation. Every thread has one open video and continues to
decode from its position, so frames read in order are decoded once; for an earlier frame, or one
beyond the next key frame, it seeks to the nearest preceding key frame. Frames are identified by
time stamp; if a file has no reliable ones, frames are counted from the first, which is slow but
exact.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from facebench.errors import DataError
from facebench.runtime.images import Pixels

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

VIDEO_SUFFIXES = frozenset({".avi", ".mkv", ".mov", ".mp4"})

_Key = tuple[int, Path, int, int]  # process, file, its size and time of change

_open = threading.local()  # .reader: the video that this thread reads


@dataclass(frozen=True)
class _Index:
    """Index of a video from its packets, without decoding.

    Attributes:
        count: Number of frames.
        number_of: Number of the frame of each time stamp; empty if stamps are not reliable.
        keys: Numbers of the frames at which decoding can begin, ascending.
        stamps: Their time stamps.
    """

    count: int
    number_of: dict[int, int]
    keys: list[int]
    stamps: list[int]


def frame_count(file: Path) -> int:
    """Return how many frames a video has, counted, since headers are sometimes wrong by one.

    Raises:
        DataError: It cannot be read, or PyAV is not installed.
    """
    status = _stat(file)
    return _index(file, status.st_size, status.st_mtime_ns).count


def read_frame(file: Path, number: int) -> Pixels:
    """Read one frame.

    Args:
        file: A video.
        number: Number of the frame, from 0.

    Returns:
        uint8 RGB, ``[H, W, 3]``.

    Raises:
        DataError: The video or the frame cannot be read, or PyAV is not installed.
    """
    av = _av()
    status = _stat(file)
    # A forked process would share the position in the file with its parent.
    key = (os.getpid(), file, status.st_size, status.st_mtime_ns)
    reader: _Reader | None = getattr(_open, "reader", None)
    try:
        if reader is None or reader.key != key:
            _open.reader = reader = _Reader(key)
        return reader.read(number)
    except (DataError, av.error.FFmpegError) as error:
        _open.reader = None
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{file}#{number}: cannot be decoded: {error.strerror}. Copy the video again, or leave "
            "the frame out with --skip-broken."
        ) from error


class _Reader:
    """An open video and the number of the frame that is decoded next."""

    def __init__(self, key: _Key) -> None:
        self.key = key
        _, self._file, size, changed = key
        self._index = _index(self._file, size, changed)
        self._timed = bool(self._index.number_of)
        self._container = _opened(self._file)
        self._frames = self._container.decode(video=0)
        self._next = 0

    def read(self, number: int) -> Pixels:
        """Return a frame, uint8 RGB ``[H, W, 3]``."""
        place = bisect_right(self._index.keys, number) - 1 if self._timed else -1
        if place >= 0 and (number < self._next or self._index.keys[place] > self._next):
            stream = self._container.streams.video[0]
            self._container.seek(self._index.stamps[place], stream=stream)
            self._frames, self._next = self._container.decode(video=0), 0
        elif number < self._next:
            self._rewind()
        frame = self._advance(number)
        if frame is None and number < self._index.count:  # the seek may end behind the frame
            self._rewind()
            frame = self._advance(number)
        if frame is None or frame.is_corrupt:
            raise DataError(
                f"{self._file}#{number}: not among the {self._index.count:,} frames of this video, "
                "or damaged. Copy the video again, or leave the frame out with --skip-broken."
            )
        return frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)

    def _advance(self, number: int) -> VideoFrame | None:
        """Decode up to a frame; return ``None`` if the next frame is beyond it or missing."""
        for frame in self._frames:
            found = self._next
            if self._timed:
                known = None if frame.pts is None else self._index.number_of.get(frame.pts)
                if known is None or known < self._next:
                    self._timed = False
                    self._rewind()
                    return self._advance(number)
                found = known
            self._next = found + 1
            if found >= number:
                return frame if found == number else None
        return None

    def _rewind(self) -> None:
        self._container.close()
        self._container = _opened(self._file)
        self._frames = self._container.decode(video=0)
        self._next = 0


@lru_cache(maxsize=64)
def _index(file: Path, size: int, changed: int) -> _Index:
    """Read the packets of a video; ``size`` and ``changed`` are part of the cache key."""
    with _opened(file) as container:
        reorders = container.streams.video[0].codec_context.has_b_frames
        packets = [
            (packet.pts, packet.is_keyframe)
            for packet in container.demux(video=0)
            if packet.size and not packet.is_discard
        ]
    stored = [stamp for stamp, _ in packets if stamp is not None]
    stamps = sorted(set(stored))
    # An AVI file numbers packets in order of storage, which differs from the order of presentation
    # for codecs that reorder frames; FFmpeg corrects that for some codecs.
    if len(stamps) != len(packets) or (reorders and stored == stamps):
        return _Index(len(packets), {}, [], [])
    number_of = {stamp: number for number, stamp in enumerate(stamps)}
    keys = sorted(stamp for stamp, is_key in packets if is_key and stamp is not None)
    return _Index(len(packets), number_of, [number_of[stamp] for stamp in keys], keys)


def _opened(file: Path) -> InputContainer:
    """Open a video with one decoding thread, since callers that read in parallel use threads."""
    av = _av()
    try:
        container: InputContainer = av.open(str(file))
    except av.error.FFmpegError as error:
        raise DataError(
            f"{file}: not a readable video: {error.strerror}. Copy it again, or extract its frames."
        ) from error
    if not container.streams.video:
        container.close()
        raise DataError(f"{file}: found no video in it; expected one. Copy it again.")
    container.streams.video[0].thread_type = "NONE"
    return container


def _stat(file: Path) -> os.stat_result:
    try:
        return file.stat()
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}; expected a video.") from error


def _av() -> ModuleType:
    try:
        import av
    except ImportError:
        raise DataError(
            "reading a video needs PyAV, which is not installed; expected the package av. "
            "Install facebench[video], or extract the frames of the videos."
        ) from None
    return av
