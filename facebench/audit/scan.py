"""One cached pass over the pixels of a dataset, used by the checks and the search for leaks.

Every image is decoded once, as the task reads it and before any crop. The result is cached below
``cache/scans``, named by the dataset's fingerprint, so a scan runs once per content.
"""

from __future__ import annotations

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from facebench.data.dataset import Dataset
from facebench.errors import DataError
from facebench.progress import Progress
from facebench.runtime.atomic import atomic_file
from facebench.runtime.images import Pixels
from facebench.runtime.stage import alone

FORMAT = 1
COLUMNS = ("digest", "hash", "height", "width", "blank", "error")
_THREADS = 4  # decoding and hashing release the interpreter lock
_CHUNK = 256  # images between two progress reports

_log = logging.getLogger(__name__)


class ImageScan(NamedTuple):
    """Scan result of one image; see :func:`scan`."""

    digest: str
    hash: int
    height: int
    width: int
    blank: bool
    error: str


def scan(dataset: Dataset, cache: Path, progress: Progress) -> pd.DataFrame:
    """Decode every image of a dataset, or read the cached result.

    Args:
        dataset: Dataset to scan.
        cache: Folder of the cache; ``cache/scans`` is created.
        progress: Progress reporter.

    Returns:
        One row per row of ``dataset.table``: ``digest`` (SHA-256 of the decoded uint8 RGB array,
        empty if unreadable), ``hash`` (64-bit perceptual hash, uint64), ``height`` and ``width``
        in pixels, ``blank`` (standard deviation of the pixels below one grey level), ``error``
        (empty if readable).
    """
    kept = cache / "scans" / f"{content_name(dataset)}.parquet"
    with alone(kept):
        known = _read(kept, dataset)
        return _scanned(dataset, kept, progress) if known is None else known


def _scanned(dataset: Dataset, kept: Path, progress: Progress) -> pd.DataFrame:
    def look(path: str) -> ImageScan:
        try:
            return describe(dataset.task.read_image(dataset.root, path))
        except DataError as error:
            return ImageScan("", 0, 0, 0, False, str(error))

    paths = dataset.table["path"].tolist()
    seen: list[ImageScan] = []
    with ThreadPoolExecutor(_THREADS) as pool, progress.bar("scan", len(paths), "image") as bar:
        for start in range(0, len(paths), _CHUNK):
            seen += pool.map(look, paths[start : start + _CHUNK])
            bar(len(seen))
    found = pd.DataFrame(seen, columns=list(COLUMNS)).astype({"hash": np.uint64})
    _write(kept, found.assign(path=paths))
    return found


def content_name(dataset: Dataset) -> str:
    """Return the name of cached files of a dataset: task, version and fingerprint."""
    info = dataset.task.info
    return f"{info.name}-v{info.version}-{dataset.fingerprint[:32]}"


def describe(image: Pixels) -> ImageScan:
    """Return the digest, perceptual hash, size and blankness of an image.

    Args:
        image: uint8 RGB, ``[H, W, 3]``.
    """
    height, width = image.shape[:2]
    digest = hashlib.sha256(f"{height}x{width}:".encode())
    digest.update(image.tobytes())
    blank = bool(image.std() < 1)
    return ImageScan(digest.hexdigest(), perceptual_hash(image), height, width, blank, "")


def perceptual_hash(image: Pixels) -> int:
    """Return the 64-bit pHash of an image: signs of its lowest frequencies (imagehash.phash).

    Args:
        image: uint8 RGB, ``[H, W, 3]``.
    """
    import imagehash

    bits: NDArray[np.bool_] = imagehash.phash(Image.fromarray(image).convert("L")).hash
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _read(kept: Path, dataset: Dataset) -> pd.DataFrame | None:
    """Return a cached scan in the order of the dataset's rows, or ``None``."""
    if not kept.is_file():
        return None
    try:
        stored = pd.read_parquet(kept, page_checksum_verification=True)
        if stored.attrs.get("format") != FORMAT:
            return None
        by_path = stored.set_index("path")[list(COLUMNS)]
        return by_path.loc[dataset.table["path"]].reset_index(drop=True)
    except (OSError, ValueError, KeyError):
        _log.warning("%s: unreadable scan, made again", kept)
        return None


def _write(kept: Path, found: pd.DataFrame) -> None:
    found.attrs["format"] = FORMAT
    with atomic_file(kept) as temporary:
        found.to_parquet(temporary, index=False, write_page_checksum=True)
