"""FSA-Net's ``.npz`` files: the crops of one collection at 64 px, and their poses.

``numpy.savez`` of ``image`` (uint8, ``[N, 64, 64, 3]``, *BGR*, as OpenCV reads) and ``pose``
(``[N, 3]``, degrees, in the order *yaw, pitch, roll*), written by ``TYY_create_db_type1.py``.
PCL's ``linearposenpdb.py`` reads them. ``savez`` does not compress, so single images are
read by memory mapping; a collection has up to 460 MB and is never read completely.
"""

from __future__ import annotations

import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from facebench.errors import DataError
from facebench.runtime.images import Pixels

from ._mat5 import FloatArray

_LARGEST = 1 << 26  # bytes of the poses; a million images have 24 million
_LOCAL_HEADER = 30  # bytes of a zip member's header before its name and extra field


def read_poses(path: Path) -> FloatArray:
    """Return yaw, pitch and roll of every image in degrees, ``[N, 3]``.

    Raises:
        DataError: The file is broken, lacks ``pose`` or ``image``, or they do not fit together.
    """
    try:
        # numpy does not close a file that it opened itself and cannot read
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            _check_size(content.zip.getinfo("pose.npy"))
            poses = np.asarray(content["pose"])
    except Exception as error:
        raise _broken(path, error) from error
    images = _images(path)
    if (
        poses.dtype.kind not in "iuf"
        or poses.shape != (len(images), 3)
        or not np.isfinite(poses).all()
    ):
        raise DataError(
            f"{path}: pose: found {poses.dtype} {poses.shape} for {len(images):,} images; expected "
            "finite yaw, pitch, roll of each. Make the file again with FSA-Net's "
            "TYY_create_db_type1.py."
        )
    return poses.astype(np.float64)


def read_npz_image(path: Path, item: int) -> Pixels:
    """Return one image as uint8 RGB ``[64, 64, 3]``.

    Raises:
        DataError: The file is broken or has no such image.
    """
    images = _images(path)
    if not 0 <= item < len(images):
        raise DataError(f"{path}: no image {item}; expected 0 to {len(images) - 1}.")
    return np.array(images[item, :, :, ::-1])


def image_side(path: Path) -> tuple[int, int]:
    """Return width and height of its images in pixels.

    Raises:
        DataError: The file is broken.
    """
    height, width = _images(path).shape[1:3]
    return width, height


def _images(path: Path) -> NDArray[np.uint8]:
    try:
        status = path.stat()
        return _checked_images(path, status.st_mtime_ns, status.st_size)
    except DataError:
        raise
    except Exception as error:  # parsers raise many types of errors for damaged files
        raise _broken(path, error) from error


@lru_cache(maxsize=64)  # memory-mapped; each cached entry is an open file
def _checked_images(path: Path, modified: int, size: int) -> NDArray[np.uint8]:
    """Map the images of a file, cached until the file changes."""
    images = _map_member(path, "image.npy")
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or not images.size:
        raise DataError(
            f"{path}: image: found {images.dtype} {images.shape}; expected uint8 [N, 64, 64, 3]."
        )
    return images


def _map_member(path: Path, name: str) -> NDArray[Any]:
    """Map an array that is stored uncompressed in a zip file."""
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(name)
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError("it is compressed; write it again with numpy.savez")
    with path.open("rb") as stream:
        stream.seek(member.header_offset)
        local = stream.read(_LOCAL_HEADER)
        lengths = [int.from_bytes(local[at : at + 2], "little") for at in (26, 28)]
        stream.seek(member.header_offset + _LOCAL_HEADER + sum(lengths))
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(stream)
        order: Any = "F" if fortran else "C"
        return np.memmap(path, dtype, "r", stream.tell(), shape, order)


def _check_size(member: zipfile.ZipInfo) -> None:
    """Refuse an array that unpacks to far more than poses do; a few bytes can hold gigabytes."""
    if member.file_size > _LARGEST:
        raise ValueError(f"{member.filename} unpacks to {member.file_size:,} bytes")


def _broken(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path}: not a readable npz file: {error or type(error).__name__}; expected the arrays "
        "image and pose of FSA-Net, not compressed. Make it again with TYY_create_db_type1.py."
    )
