"""dlib's jittered chips of a face, with draws that depend on the face alone.

``dlib::jitter_image`` (``dlib/image_transforms/interpolation.h``) crops a chip again: its square
without a margin of 3 px is moved by up to 2 % of its side, divided by a scale of 0.97 to 0.99999,
turned by up to 3 degrees, resampled to the chip's size, and mirrored half of the time. dlib draws
all of this from one Mersenne twister that is never seeded and goes on from face to face
(``compute_face_descriptor(num_jitters=...)``: one for each model object; ``dlib.jitter_image``: one
for each process), so a descriptor depends on how many faces came before it. Here a face has a
generator of its own, which its pixels seed. The resampling is dlib's.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

import numpy as np

MARGIN, SHIFT, SCALES, DEGREES = 3, 0.02, (0.97, 0.99999), 3.0
WARMED = 10_000  # numbers that dlib's generator discards at first
HALF = 0xFFFFFF  # the 24 bits that dlib takes of each of two numbers


class Draws(Protocol):
    """Draws uniform numbers."""

    def uniform(self, low: float, high: float) -> float:
        """Return a number from ``low`` to ``high``."""
        ...


class DlibDraws:
    """The draws of a new ``dlib::rand``, to compare :func:`jittered` with dlib's function."""

    def __init__(self) -> None:
        self._bits = np.random.RandomState(5489)  # the twister's usual seed
        self._word(WARMED)

    def _word(self, count: int = 1) -> int:
        return int(self._bits.randint(0, 2**32, count, dtype=np.uint32)[-1])

    def uniform(self, low: float, high: float) -> float:
        """Return a number of 48 bits, as ``dlib::rand::get_double_in_range`` does."""
        share = float(self._word() & HALF) * (HALF + 1) + (self._word() & HALF)
        return low + share / (HALF * (HALF + 1) + HALF + 0.05) * (high - low)


def draws_of(image: np.ndarray, seed: int) -> np.random.Generator:
    """Return the generator of an image: the same for the same pixels, in any order and batch."""
    digest = hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:16], "big")])


def jittered(chip: np.ndarray, times: int, draws: Draws) -> np.ndarray:
    """Return jittered copies, uint8 ``[times, S, S, 3]``, of a chip ``[S, S, 3]``."""
    return np.stack([_jitter(chip, draws) for _ in range(times)])


def _jitter(chip: np.ndarray, draws: Draws) -> np.ndarray:
    import dlib

    side = len(chip)
    inner = side - 2 * MARGIN
    # GCC, which the wheel is built with, evaluates the arguments of a point from the last one on.
    down, right = (draws.uniform(-SHIFT, SHIFT) * inner for _ in range(2))
    box = int(inner / draws.uniform(*SCALES))  # truncated, as dlib's ``long`` is
    angle = np.deg2rad(draws.uniform(-DEGREES, DEGREES))
    middle = dlib.rectangle(MARGIN, MARGIN, side - 1 - MARGIN, side - 1 - MARGIN).center()
    centre = dlib.point(round(middle.x + right), round(middle.y + down))
    square = dlib.centered_rect(centre, box, box)
    details = dlib.chip_details(square, dlib.chip_dims(side, side), angle)
    crop: np.ndarray = dlib.extract_image_chip(chip, details)
    return crop[:, ::-1] if draws.uniform(0, 1) > 0.5 else crop
