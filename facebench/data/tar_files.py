"""Images in tar files, read where they lie: one file, or a folder of shards as of webdataset.

Millions of small files make a network disk slow, where a few large ones are read as fast as it
gives. Members have the paths that they would have in a folder, and the digests of their contents,
so the same images give the same draws and the same results from either.

Nothing is unpacked. A member with a path outside the archive, a link or a device is refused.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import pandas as pd

from facebench.errors import DataError
from facebench.progress import Progress, Silent
from facebench.runtime.atomic import atomic_file
from facebench.runtime.images import IMAGE_SUFFIXES, Pixels, read_image
from facebench.runtime.listing import images_below, is_companion

SUFFIX = ".tar"
_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_FORMAT = 1  # of an index in the cache
_STRAY = "stray"


def tar_files(place: Path) -> list[Path]:
    """Return the tar files that a place is or has, sorted; none if it is a folder of images.

    Args:
        place: A tar file, or a folder with tar files in it; deeper ones are not looked for.

    Raises:
        DataError: A tar file is compressed, and so cannot be read from within.
    """
    inside = sorted(place.iterdir()) if place.is_dir() else [place]
    packed = [file for file in inside if file.name.lower().endswith(_COMPRESSED)]
    if packed and packed[0].is_file():
        raise DataError(
            f"{packed[0]}: a compressed archive; expected {SUFFIX}, of which single images can be "
            "read. Decompress it (images are compressed already)."
        )
    return [file for file in inside if file.suffix.lower() == SUFFIX and file.is_file()]


@dataclass(frozen=True)
class TarImages:
    """The images of tar files.

    Args:
        files: The tar files.
        table: A row for each image: ``path``, ``file`` (its place in ``files``), ``start`` and
            ``bytes`` within it, and ``digest`` (SHA-256 of its content), sorted by ``path``.
        strays: Number of other members by suffix, without notes, lists and annotations.
    """

    files: tuple[Path, ...]
    table: pd.DataFrame
    strays: Counter[str]

    @property
    def paths(self) -> list[str]:
        """Paths of the images within the archives."""
        return list(self.table["path"])

    @property
    def digests(self) -> list[str]:
        """SHA-256 of each image's content."""
        return list(self.table["digest"])

    @cached_property
    def _where(self) -> dict[str, tuple[int, int, int]]:
        columns = (self.table[name].tolist() for name in ("file", "start", "bytes"))
        return dict(zip(self.paths, zip(*columns, strict=True), strict=True))

    def read(self, path: str) -> Pixels:
        """Return an image, uint8 RGB ``[H, W, 3]``; safe to call from several threads.

        Raises:
            DataError: It cannot be read, or its archive changed since it was indexed.
        """
        place, start, size = self._where[path]
        file = self.files[place]
        try:
            with file.open("rb") as stream:
                content = os.pread(stream.fileno(), size, start)
        except OSError as error:
            raise DataError(f"{file}: cannot be read: {error.strerror}.") from error
        if len(content) != size:
            raise DataError(f"{file}: ends within {path}; it changed. Run the command again.")
        return read_image(file / path, io.BytesIO(content))


def packed_images(
    place: Path, cache: Path, *, progress: Progress | None = None
) -> TarImages | None:
    """Return the images of a tar file, or of those in a folder; None where there is no tar file.

    Args:
        place: A tar file, or a folder that has tar files and no other images; it may be missing.
        cache: Folder of the cache; ``cache/tar`` is created.
        progress: Progress reporter for reading the files.

    Raises:
        DataError: As :func:`tar_images`, or the folder has images besides.
    """
    archives = tar_files(place) if place.exists() else []
    if not archives:
        return None
    images, _ = images_below(place) if place.is_dir() else ([], None)
    if images:
        raise DataError(
            f"pretraining data: {place} has tar files, such as {archives[0].name}, and images, "
            f"such as {images[0]}; expected one or the other. Move one of them to another folder."
        )
    return tar_images(archives, cache, progress=progress)


def tar_images(files: list[Path], cache: Path, *, progress: Progress | None = None) -> TarImages:
    """Return the images of tar files, indexed once and then from the cache.

    Args:
        files: Uncompressed tar files.
        cache: Folder of the cache; ``cache/tar`` is created.
        progress: Progress reporter for reading the files.

    Raises:
        DataError: A file is no tar file, is cut off, has a member that is refused, or two members
            have one path.
    """
    parts = []
    with (progress or Silent()).bar("index", len(files), "file") as advance:
        for place, file in enumerate(files):
            parts.append(_index(file, cache).assign(file=place))
            advance(place + 1)
    table = pd.concat(parts, ignore_index=True)
    strays = table[table["digest"] == _STRAY]
    table = table[table["digest"] != _STRAY].sort_values("path", ignore_index=True)
    twice = table[table["path"].duplicated(keep=False)]
    if len(twice):
        first, second = twice["file"].iloc[0], twice["file"].iloc[1]
        raise DataError(
            f"{files[first]} and {files[second].name}: both have {twice['path'].iloc[0]}; expected "
            "each path once. Write the archives with different names."
        )
    suffixes = [PurePosixPath(path).suffix.lower() or "no suffix" for path in strays["path"]]
    return TarImages(tuple(files), table, Counter(suffixes))


def _index(file: Path, cache: Path) -> pd.DataFrame:
    """Return ``path``, ``start``, ``bytes`` and ``digest`` of each member that counts."""
    found = file.stat()
    stamp = f"{_FORMAT}|{file.resolve()}|{found.st_size}|{found.st_mtime_ns}"
    kept = cache / "tar" / f"{hashlib.sha256(stamp.encode()).hexdigest()[:24]}.parquet"
    try:
        return pd.read_parquet(kept)
    except (OSError, ValueError):  # none yet, or damaged: it is made again
        pass
    columns = ["path", "start", "bytes", "digest"]
    table = pd.DataFrame(list(_members(file, found.st_size)), columns=columns)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(kept) as temporary:
        table.to_parquet(temporary, index=False)
    return table


def _members(file: Path, size: int) -> Iterator[tuple[str, int, int, str]]:
    """Yield the images of an archive, and what else is in it, in one pass from front to back."""
    try:
        with file.open("rb") as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            for member in archive:
                vars(archive)["members"] = []  # it would keep all of them
                if member.isdir():
                    continue
                path = _checked(file, member, size)
                if any(part.startswith(".") for part in path.split("/")) or is_companion(path):
                    continue
                digest = _STRAY
                if PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES:
                    digest = _digest(file, stream, member)
                yield path, member.offset_data, member.size, digest
    except tarfile.TarError as error:
        raise DataError(f"{file}: not a readable tar file ({error}). Write it again.") from error


def _checked(file: Path, member: tarfile.TarInfo, size: int) -> str:
    """Return the path of a member below the root of its archive.

    Raises:
        DataError: It is no plain file, lies outside, or is cut off.
    """
    name = member.name.removeprefix("./")
    shown = ascii(member.name)
    kind = "a link" if member.issym() or member.islnk() else "no plain file"
    if not member.isreg() or member.issparse():
        raise DataError(f"{file}: member {shown} is {kind}; expected images. Write it without.")
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise DataError(
            f"{file}: member {shown} lies outside the archive; expected a path below its root. "
            "Do not use this file, or write it again."
        )
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError(f"{file}: member {shown} has a name that is not UTF-8.") from None
    if member.offset_data + member.size > size:
        raise DataError(f"{file}: ends within member {shown}. Copy it again.")
    return name


def _digest(file: Path, stream: io.BufferedReader, member: tarfile.TarInfo) -> str:
    before = stream.tell()
    stream.seek(member.offset_data)
    found = hashlib.sha256(stream.read(member.size)).hexdigest()
    stream.seek(before)
    return found
