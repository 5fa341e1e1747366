"""Search for exact and near duplicates among images.

Exact duplicates have the same decoded pixels, whatever file they came from. Near duplicates are
other images whose perceptual hashes (pHash, 64 bits) differ in at most :data:`NEAR_BITS` bits: a
photograph that was scaled, compressed, shifted by a few pixels or watermarked.

The bound was chosen by looking at pairs. FER-2013 (PrivateTest against Training, 103 million
pairs): within 4 bits 140 test images have a near duplicate, of which 4 are false alarms; at 6 bits
few more are wrong, at 8 bits most. LFW (deep-funneled, all 88 million pairs): within 4 bits 19
pairs, 2 of them false alarms; at 6 bits most are wrong, since aligned faces are composed alike.
Mirrored or strongly cropped copies are not found.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NEAR_BITS = 4
_CELLS = 1 << 22  # hash pairs that are compared at once: 32 MB

Hashes = NDArray[np.uint64]
Rows = NDArray[np.int64]


def exact_twins(digests: Sequence[str], known: Sequence[str]) -> Rows:
    """Find for every image one with the same pixels.

    Args:
        digests: ``[N]`` digests of the images; an empty one (unreadable) has no duplicate.
        known: ``[M]`` digests of the images to search.

    Returns:
        ``[N]`` position of the first duplicate in ``known``, -1 where there is none.
    """
    place: dict[str, int] = {}
    for position, digest in enumerate(known):
        place.setdefault(digest, position)
    place.pop("", None)
    return np.array([place.get(digest, -1) for digest in digests], dtype=np.int64)


def near_twins(hashes: Hashes, known: Hashes, bits: int = NEAR_BITS) -> tuple[Rows, Rows]:
    """Find for every hash the nearest one, if it is near enough.

    Args:
        hashes: ``[N]`` uint64 perceptual hashes.
        known: ``[M]`` uint64 perceptual hashes to search.
        bits: Largest Hamming distance of a near duplicate.

    Returns:
        ``[N]`` position in ``known``, -1 where none is near enough, and ``[N]`` distance in bits,
        meaningful where there is a position.
    """
    where = np.full(len(hashes), -1, dtype=np.int64)
    distance = np.zeros(len(hashes), dtype=np.int64)
    if not len(known) or not len(hashes):
        return where, distance
    # Frames of one video share most of their hashes.
    asked, back = np.unique(hashes, return_inverse=True)
    among, first = np.unique(known, return_index=True)
    found, gap = np.full(len(asked), -1, dtype=np.int64), np.zeros(len(asked), dtype=np.int64)
    step = max(1, _CELLS // len(among))
    for start in range(0, len(asked), step):
        apart = np.bitwise_count(asked[start : start + step, None] ^ among[None])
        least = apart.min(axis=1)
        hits = np.flatnonzero(least <= bits)
        found[start + hits] = first[apart[hits].argmin(axis=1)]
        gap[start + hits] = least[hits]
    return found[back], gap[back]


def distances(first: Hashes, second: Hashes) -> Rows:
    """Return the Hamming distance of corresponding hashes, ``[N]`` bits."""
    apart: Rows = np.bitwise_count(first ^ second).astype(np.int64)
    return apart
