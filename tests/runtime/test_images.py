"""Reading images of every kind, and cropping: against Pillow and torchvision."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as tv

from facebench.errors import DataError
from facebench.runtime import images
from facebench.runtime.images import crop_resize, read_image

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (9, 7, 3), dtype=np.uint8)


def saved(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def test_rgb_is_read_as_it_is(tmp_path: Path) -> None:
    read = read_image(saved(tmp_path / "a.png", Image.fromarray(RGB)))
    np.testing.assert_array_equal(read, RGB)
    assert read.dtype == np.uint8
    assert read.flags.writeable


def test_grayscale_is_repeated(tmp_path: Path) -> None:
    gray = RGB[..., 0]
    read = read_image(saved(tmp_path / "a.png", Image.fromarray(gray)))
    np.testing.assert_array_equal(read, np.repeat(gray[..., None], 3, axis=2))


def test_palette(tmp_path: Path) -> None:
    image = Image.fromarray(RGB).convert("P", palette=Image.Palette.ADAPTIVE, colors=255)
    read = read_image(saved(tmp_path / "a.png", image))
    np.testing.assert_array_equal(read, np.asarray(image.convert("RGB")))


def test_transparent_parts_are_black(tmp_path: Path) -> None:
    alpha = np.zeros((9, 7, 1), dtype=np.uint8)
    alpha[:4] = 255
    image = Image.fromarray(np.concatenate([RGB, alpha], axis=2))
    read = read_image(saved(tmp_path / "a.png", image))
    np.testing.assert_array_equal(read[:4], RGB[:4])
    assert not read[4:].any()


def test_transparent_palette_entry_is_black(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((0, 0), 0)
    read = read_image(saved(tmp_path / "a.png", image, transparency=0))
    assert read[0, 0].tolist() == [0, 0, 0]
    assert read[1, 1].tolist() == [0, 255, 0]


def test_cmyk_jpeg(tmp_path: Path) -> None:
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # red
    red = read_image(saved(tmp_path / "a.jpg", image, quality=100))[8, 8]
    assert red[0] > 250
    assert red[1:].max() < 5


def test_sixteen_bits_keep_their_high_byte(tmp_path: Path) -> None:
    deep = np.array([[0, 256, 32768, 65535]], dtype=np.uint16)
    read = read_image(saved(tmp_path / "a.png", Image.fromarray(deep)))
    np.testing.assert_array_equal(read[0, :, 0], [0, 1, 128, 255])


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise
    read = read_image(saved(tmp_path / "a.png", Image.fromarray(RGB), exif=exif))
    np.testing.assert_array_equal(read, np.rot90(RGB, -1))


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", Image.fromarray(np.zeros((4, 4), dtype=np.float32)))
    with pytest.raises(DataError, match=r"a\.tif: not a readable image: floating-point"):
        read_image(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "webp", "gif"])
def test_truncated_file_is_named(tmp_path: Path, suffix: str) -> None:
    noise = Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path = saved(tmp_path / f"face.{suffix}", noise)
    for part in (0.05, 0.3, 0.6):
        whole = path.read_bytes()
        cut = tmp_path / f"cut.{suffix}"
        cut.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(DataError, match=rf"cut\.{suffix}: .*--skip-broken"):
            read_image(cut)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "the file is empty"), (b"<html>404</html>", "format is unknown")],
)
def test_no_image(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "face.jpg"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"face\.jpg: .*{reason}.*--skip-broken"):
        read_image(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such image"):
        read_image(tmp_path / "face.jpg")
    with pytest.raises(DataError, match="it is a folder"):
        read_image(tmp_path)


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_decompression_bomb(tmp_path: Path, side: int) -> None:
    """A few bytes that claim 100 million and 3.6 billion pixels: Pillow warns, and raises."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    with pytest.raises(DataError, match=r"bomb\.png: more than 89,478,485 pixels"):
        read_image(path)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bomb_without_warnings_as_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 62)
    with pytest.raises(DataError, match="more than 62 pixels"):
        read_image(saved(tmp_path / "a.png", Image.fromarray(RGB)))


def test_crop_inside_without_scaling() -> None:
    image = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(crop_resize(image, (5, 4, 13, 12), 8), image[4:12, 5:13])


def test_crop_over_the_border_is_padded_black() -> None:
    image = np.full((10, 10, 3), 200, dtype=np.uint8)
    padded = np.zeros((16, 16, 3), dtype=np.uint8)
    padded[3:13, 5:15] = 200
    np.testing.assert_array_equal(crop_resize(image, (-5, -3, 11, 13), 16), padded)


def test_no_box_is_the_centred_square() -> None:
    image = RNG.integers(0, 256, (10, 16, 3), dtype=np.uint8)
    np.testing.assert_array_equal(crop_resize(image, None, 10), image[:, 3:13])
    tall = np.ascontiguousarray(image.transpose(1, 0, 2))
    np.testing.assert_array_equal(crop_resize(tall, None, 10), tall[3:13])


@pytest.mark.parametrize(("side", "size"), [(150, 64), (48, 100), (97, 31)])
def test_resize_is_antialiased_bilinear(side: int, size: int) -> None:
    image = RNG.integers(0, 256, (side, side, 3), dtype=np.uint8)
    tensor = torch.from_numpy(image).permute(2, 0, 1).double()
    expected = tv.resize(tensor, [size, size], antialias=True).permute(1, 2, 0).numpy()
    assert np.abs(crop_resize(image, None, size) - expected).max() <= 1.5  # two roundings


def test_empty_box() -> None:
    with pytest.raises(DataError, match="left 4, top 0, right 4, bottom 5"):
        crop_resize(RGB, (4, 0, 4, 5), 8)
