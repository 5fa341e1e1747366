"""Tracks of faces: the frames in one folder, in the order of their names."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_DIGITS = re.compile(r"(\d+)")


def tracks(paths: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the track of each frame, and its place in that track.

    Numbers in names count as numbers: ``2.jpg`` comes before ``10.jpg``.

    Args:
        paths: ``[N]`` paths of frames, with ``/`` between folders.

    Returns:
        ``[N]`` code of the track, from 0 up without gaps, and ``[N]`` place, from 0 up.
    """
    cut = [path.rpartition("/") for path in paths]
    codes = pd.factorize(np.array([folder for folder, _, _ in cut], dtype=object))[0]
    names = [_natural(name) for _, _, name in cut]
    order = np.array(sorted(range(len(paths)), key=lambda i: (codes[i], names[i])), dtype=np.int64)
    count = np.bincount(codes)
    start = np.cumsum(count) - count
    places = np.empty(len(paths), dtype=np.int64)
    places[order] = np.arange(len(paths)) - start[codes[order]]
    return codes.astype(np.int64), places


def _natural(name: str) -> list[tuple[int, str]]:
    parts = _DIGITS.split(name)  # texts and numbers in turn
    return [(int(p), "") if i % 2 else (0, p) for i, p in enumerate(parts)]
