"""Unusual and damaged image files: read as they are meant, or refused by name."""

from __future__ import annotations

import io
import struct
import unicodedata
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from facebench.errors import DataError
from facebench.runtime.images import read_image

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (9, 7, 3), dtype=np.uint8)
SMOOTH = np.linspace(0, 255, 24 * 16 * 3).reshape(24, 16, 3).astype(np.uint8)  # survives JPEG


def png(depth: int, colour: int, pixels: NDArray[np.generic]) -> bytes:
    """Write a PNG that Pillow cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )  # fmt: skip


# What the eight EXIF orientations ask for, as numpy does it.
UPRIGHT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", list(UPRIGHT))
def test_every_exif_orientation_of_a_jpeg(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(SMOOTH).save(tmp_path / "a.jpg", quality=100, subsampling=0, exif=exif)
    expected = UPRIGHT[orientation](SMOOTH)
    read = read_image(tmp_path / "a.jpg").astype(int)
    assert read.shape == expected.shape
    assert np.abs(read - expected).max() <= 8


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_exif_orientations_that_do_not_exist(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(RGB).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), RGB)


def test_sixteen_bits_of_colour_keep_their_high_byte(tmp_path: Path) -> None:
    deep = (RGB.astype(int) * 256 + 99).astype(">u2")
    (tmp_path / "a.png").write_bytes(png(16, 2, deep))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), RGB)


def test_sixteen_bits_with_transparency(tmp_path: Path) -> None:
    alpha = np.full((9, 7, 1), 255, dtype=np.uint8)
    alpha[0] = 0
    deep = np.concatenate([RGB[..., :1], alpha], axis=2).astype(int) * 257
    (tmp_path / "a.png").write_bytes(png(16, 4, deep.astype(">u2")))
    read = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(read[1:], np.repeat(RGB[1:, :, :1], 3, axis=2))
    assert not read[0].any()


@pytest.mark.parametrize("kind", ["I;16", "I;16B", "I"])
def test_sixteen_bits_of_any_byte_order(tmp_path: Path, kind: str) -> None:
    dtype = {"I;16": "<u2", "I;16B": ">u2", "I": "<i4"}[kind]
    values = np.array([[0, 256, 32768, 65535]])
    image = Image.frombytes(kind, (4, 1), values.astype(dtype).tobytes())
    image.save(tmp_path / "a.tif")
    read = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(read, np.repeat([[[0], [1], [128], [255]]], 3, axis=2))


def test_one_bit_and_gray_with_transparency(tmp_path: Path) -> None:
    mask = RGB[..., 0] > 127
    Image.fromarray(mask).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png")[..., 1], mask * 255)
    Image.new("LA", (4, 4), (200, 0)).save(tmp_path / "b.png")
    assert not read_image(tmp_path / "b.png").any()


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_with_spaces_and_other_letters(tmp_path: Path, form: Any) -> None:
    name = unicodedata.normalize(form, "José Ñ (1) #2 日本.png")
    Image.fromarray(RGB).save(tmp_path / name)
    np.testing.assert_array_equal(read_image(tmp_path / name), RGB)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match="日本.png: not a readable image: the file is empty"):
        read_image(tmp_path / name)


def encoded(suffix: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(SMOOTH).save(stream, format=suffix)
    return stream.getvalue()


WHOLE = {suffix: encoded(suffix) for suffix in ("jpeg", "png", "bmp", "webp", "gif", "tiff", "ppm")}


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(list(WHOLE)),
    damage=st.lists(st.tuples(st.integers(0, 2**16), st.binary(min_size=1, max_size=4))),
    cut=st.integers(0, 2**16),
)
def test_damage_is_an_image_or_a_named_error(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    damage: list[tuple[int, bytes]],
    cut: int,
) -> None:
    """Changed bytes are pixels or an error that names the file, never another exception."""
    content = bytearray(WHOLE[kind])
    for place, change in damage:
        start = place % len(content)
        content[start : start + len(change)] = change
    path = tmp_path_factory.mktemp("damaged") / f"face.{kind}"
    path.write_bytes(content[: len(content) - cut % 8])
    try:
        image = read_image(path)
    except DataError as error:
        message = str(error)
    else:
        assert image.dtype == np.uint8
        assert image.shape[2:] == (3,)
        message = path.name
    assert path.name in message


@settings(max_examples=50, deadline=None)
@given(content=st.binary(max_size=300))
def test_arbitrary_bytes_are_no_image(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "face.jpg"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"face\.jpg: not a readable image: .*--skip-broken"):
        read_image(path)
