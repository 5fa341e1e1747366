"""Packed faces: decoded, cropped and resized once, stored in one memory-mapped array.

Pretraining reads the same small images hundreds of times, and decoding them every time would take
longer than the network. From a pack, a batch is one copy out of the page cache, which all
processes share.

A pack is a folder that is written atomically:

================= ================================================================================
``images.npy``    uint8 ``[N, S, S, 3]``, RGB
``index.parquet`` ``path`` and, where known, ``identity`` and ``video`` of each image
``pack.json``     source, fingerprint, size, count, the broken images left out, digests and seal
================= ================================================================================
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from facebench.data.pack_record import PackRecord
from facebench.data.sources import Source
from facebench.data.tracks import tracks
from facebench.errors import DataError, StageError
from facebench.progress import Advance, Progress, Silent
from facebench.runtime.atomic import make_once
from facebench.runtime.images import Pixels
from facebench.runtime.stage_record import (
    check_files,
    file_digests_of,
    read_stage_record,
    write_stage_record,
)

KEY_FORMAT = 1  # of what names a pack
IMAGES, INDEX, RECORD = "images.npy", "index.parquet", "pack.json"
# Pillow releases the interpreter lock while it decodes and resizes, which is half of the work on
# small images: a third thread makes packing slower (256 us per image of FER-2013 with 2, 307 with
# 3), and so does handing images out one by one.
_THREADS = 2
_GROUP = 32  # images of one unit of work
_IN_FLIGHT = 8 * _GROUP  # images decoded before they are written, which bounds memory
_COLUMNS = ("path", "identity", "video")


class Faces(Protocol):
    """Interface of a set of training images; :class:`PackedFaces` implements it.

    Attributes:
        identity: ``[N]`` int64, a code per person.
        video: ``[N]`` int64, a code per video, from 0 up without gaps.
    """

    identity: NDArray[np.int64]
    video: NDArray[np.int64]

    def __len__(self) -> int: ...

    def tracks(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the track of each image and its place in time, both ``[N]`` int64 from 0 up."""
        ...

    def batch(self, indices: Sequence[int] | NDArray[np.int64] | Tensor) -> Tensor:
        """Return uint8 ``[B, 3, S, S]`` of ``[B]`` positions."""
        ...


class PackedFaces:
    """A pack, open for reading.

    Args:
        folder: Folder written by :func:`pack`.

    Attributes:
        images: uint8 ``[N, S, S, 3]``, memory-mapped, read only.
        index: One row per image: ``path`` and, where known, ``identity`` and ``video``.
        identity: ``[N]`` int64, a code per person; without identities every image has its own.
        video: ``[N]`` int64, likewise a code per video.
        info: The record, ``pack.json``.

    Raises:
        StageError: It is not a pack, of a later format, or changed since it was written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.info = read_stage_record(folder / RECORD, PackRecord)
        check_files(folder, self.info)
        count, size = self.info.count, self.info.size
        try:
            self.images: NDArray[np.uint8] = np.load(folder / IMAGES, mmap_mode="r")
            self.index = pd.read_parquet(folder / INDEX)
        except (OSError, ValueError, EOFError) as error:
            raise _damaged(folder, f"{type(error).__name__}: {error}") from error
        if self.images.shape != (count, size, size, 3) or len(self.index) != count:
            rows = f"{self.images.shape} images and {len(self.index)} rows"
            raise _damaged(folder, f"{rows}; expected {count} of {size} px")
        self.identity, self.video = self._codes("identity"), self._codes("video")

    def __len__(self) -> int:
        return int(self.images.shape[0])

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the source that was packed."""
        return self.info.fingerprint

    @property
    def broken(self) -> list[str]:
        """Paths of images that could not be read and were left out."""
        return list(self.info.broken)

    def tracks(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return ``[N]`` track (a video's folder) of each image, and ``[N]`` place in the track."""
        return tracks(self.index["path"].tolist())

    def _codes(self, column: str) -> NDArray[np.int64]:
        if column not in self.index:
            return np.arange(len(self))
        return pd.factorize(self.index[column])[0].astype(np.int64)

    def batch(self, indices: Sequence[int] | NDArray[np.int64] | Tensor) -> Tensor:
        """Return a batch of images as a copy.

        Args:
            indices: ``[B]`` positions.

        Returns:
            uint8 ``[B, 3, S, S]`` in channels-last memory format.
        """
        return torch.from_numpy(self.images[np.asarray(indices)]).permute(0, 3, 1, 2)


def pack(
    source: Source,
    size: int,
    cache: Path,
    *,
    skip_broken: bool = False,
    progress: Progress | None = None,
) -> PackedFaces:
    """Pack a source, or open what an earlier call packed.

    Memory stays constant: images go to disk in their order, a few hundred at a time.

    Args:
        source: Images to pack.
        size: Side in pixels.
        cache: The pack goes to ``cache/packed/HASH``.
        skip_broken: Leave unreadable images out and record them, instead of raising.
        progress: Progress reporter.

    Raises:
        DataError: An image is broken, no image is left, or the disk is too full.
    """
    key = json.dumps({"format": KEY_FORMAT, "of": source.fingerprint, "size": size}, sort_keys=True)
    target = cache / "packed" / hashlib.sha256(key.encode()).hexdigest()[:16]

    def write(folder: Path) -> None:
        _check_space(source, size, folder)
        with (progress or Silent()).bar("pack", len(source), "image") as advance:
            _write(source, size, folder, skip_broken, advance)

    make_once(target, write)
    faces = PackedFaces(target)
    if faces.broken and not skip_broken:
        raise DataError(
            f"{source.name}: {len(faces.broken)} images are broken and were left out of an earlier "
            f"pack: {', '.join(faces.broken[:5])}. Replace them, or leave them out again with "
            "--skip-broken."
        )
    return faces


def _write(source: Source, size: int, folder: Path, skip_broken: bool, advance: Advance) -> None:
    kept: list[int] = []
    with (folder / IMAGES).open("wb") as stream:
        _write_header(stream, len(source), size)
        for row, image in _decoded(source, size, skip_broken):
            if image is not None:
                stream.write(image.tobytes())
                kept.append(row)
            advance(row + 1)
        stream.seek(0)
        _write_header(stream, len(kept), size)
    if not kept:
        raise DataError(f"{source.name}: none of {len(source):,} images could be read.")
    columns = [column for column in _COLUMNS if column in source.frames]
    source.frames.iloc[kept][columns].to_parquet(folder / INDEX, index=False)
    broken = source.frames["path"].drop(index=source.frames.index[kept]).tolist()
    info = {
        "source": source.name,
        "synthetic": source.synthetic,
        "fingerprint": source.fingerprint,
        "size": size,
        "count": len(kept),
        "broken": broken,
        "warnings": list(source.warnings),
    }
    digests = file_digests_of(folder, [IMAGES, INDEX])
    write_stage_record(folder / RECORD, PackRecord, info, digests)


def _decoded(source: Source, size: int, skip_broken: bool) -> Iterator[tuple[int, Pixels | None]]:
    """Yield row and image in order; ``None`` for a broken one that is to be left out."""
    decode = partial(_decode, source, size, skip_broken)
    with ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, len(source), _IN_FLIGHT):
            stop = min(start + _IN_FLIGHT, len(source))
            groups = [range(s, min(s + _GROUP, stop)) for s in range(start, stop, _GROUP)]
            for group, images in zip(groups, pool.map(decode, groups), strict=True):
                yield from zip(group, images, strict=True)


def _decode(
    source: Source, size: int, skip_broken: bool, rows: Iterable[int]
) -> list[Pixels | None]:
    images: list[Pixels | None] = []
    for row in rows:
        try:
            images.append(source.image(row, size))
        except DataError:
            if not skip_broken:
                raise
            images.append(None)
    return images


def _write_header(stream: BinaryIO, count: int, size: int) -> None:
    """Write the npy header; numpy pads it for any count, so it can be written again at the end."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
    np.lib.format.write_array_header_1_0(stream, header)


def _check_space(source: Source, size: int, folder: Path) -> None:
    needed, free = len(source) * size * size * 3, shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"{source.name}: packing {len(source):,} images at {size} px needs "
            f"{needed / 2**30:.1f} GiB; {free / 2**30:.1f} GiB are free in {folder.parent}. "
            "Choose another cache folder, or fewer or smaller images."
        )


def _damaged(folder: Path, found: str) -> StageError:
    return StageError(
        f"{folder}: not a usable pack of faces: {found}. Delete the folder; it is made again."
    )
