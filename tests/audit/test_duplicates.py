"""Twins by pixels and by perceptual hash, against brute force."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facebench.audit.duplicates import NEAR_BITS, distances, exact_twins, near_twins
from facebench.audit.scan import perceptual_hash
from facebench.runtime.images import Pixels

WORDS = st.lists(st.integers(0, 2**64 - 1), max_size=12)


def brute(a: int, b: int) -> int:
    return (a ^ b).bit_count()


def test_exact_twins_are_the_first_of_their_kind() -> None:
    found = exact_twins(["b", "x", "", "a"], ["a", "b", "b", ""])
    assert found.tolist() == [1, -1, -1, 0]
    assert exact_twins([], ["a"]).tolist() == []


@given(WORDS, WORDS, st.integers(0, 64))
def test_near_twins_are_what_brute_force_finds(hashes: list[int], known: list[int], b: int) -> None:
    first, second = np.array(hashes, np.uint64), np.array(known, np.uint64)
    where, bits = near_twins(first, second, b)
    for mine, position, apart in zip(hashes, where, bits, strict=True):
        least = min((brute(mine, other) for other in known), default=65)
        if least > b:
            assert position == -1
        else:
            assert apart == least == brute(mine, known[position])


@given(WORDS)
def test_every_hash_is_its_own_nearest(hashes: list[int]) -> None:
    values = np.array(hashes, np.uint64)
    where, bits = near_twins(values, values, 0)
    assert (values[where] == values).all()
    assert not bits.any()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    first, second = (rng.integers(0, 2**64, n, dtype=np.uint64) for n in (300, 70))
    whole = near_twins(first, second, 22)
    monkeypatch.setattr("facebench.audit.duplicates._CELLS", 100)
    for a, b in zip(whole, near_twins(first, second, 22), strict=True):
        np.testing.assert_array_equal(a, b)


def test_distances_side_by_side() -> None:
    first = np.array([0, 2**64 - 1, 5], np.uint64)
    assert distances(first, np.array([0, 0, 6], np.uint64)).tolist() == [0, 64, 2]


def photograph(seed: int = 0) -> Pixels:
    """Return smooth random blobs of 96 px, as little like another seed's as two photographs."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    return np.array(coarse.resize((96, 96), Image.Resampling.BICUBIC))


def compressed(picture: Image.Image) -> Pixels:
    stored = BytesIO()
    picture.save(stored, format="jpeg", quality=50)
    return np.array(Image.open(stored))


def test_a_scaled_a_compressed_and_a_shifted_copy_are_near() -> None:
    image = photograph()
    picture = Image.fromarray(image)
    copies = [
        np.array(picture.resize((60, 60), Image.Resampling.BILINEAR)),
        compressed(picture),
        np.clip(image.astype(int) + 12, 0, 255).astype(np.uint8),
        np.roll(image, 1, axis=1),
    ]
    for copy in copies:
        assert brute(perceptual_hash(image), perceptual_hash(copy)) <= NEAR_BITS


def test_other_photographs_are_far() -> None:
    hashes = [perceptual_hash(photograph(seed)) for seed in range(60)]
    gaps = [brute(a, b) for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(gaps) > NEAR_BITS
