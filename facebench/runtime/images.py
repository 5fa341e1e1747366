"""Reads image files as uint8 RGB pixels, and crops and resizes them to the network's input."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from facebench.errors import DataError, SpecError

Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels; right and bottom excluded

# File names that are taken for images when a folder is listed.
IMAGE_SUFFIXES = frozenset(
    {".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)

# Pillow warns above this size and refuses twice as many; face images are far smaller.
MAX_PIXELS = 89_478_485

Filter = Literal["bilinear", "bicubic", "lanczos", "nearest"]

_SKIP = "Replace the file, or leave it out with --skip-broken."


@dataclass(frozen=True)
class Scaling:
    """How an image is scaled.

    Args:
        filter: Filter; ``nearest`` takes the pixel at the centre.
        antialias: Whether the filter grows with the reduction; ``nearest`` has no such variant,
            and ``lanczos`` has this one alone.

    Raises:
        SpecError: The two do not fit.
    """

    filter: Filter = "bilinear"
    antialias: bool = True

    def __post_init__(self) -> None:
        only = {"nearest": False, "lanczos": True}.get(self.filter, self.antialias)
        if self.antialias != only:
            raise SpecError(
                f"filter is {self.filter} and antialias {str(self.antialias).lower()}; expected "
                f"antialias={str(only).lower()} with this filter. Change one of them."
            )


TORCHVISION = Scaling()  # the default of torchvision.transforms.Resize


def read_image(path: Path, content: BinaryIO | None = None) -> Pixels:
    """Read an image file.

    Grayscale, palette, CMYK and 16-bit images become 8-bit RGB; transparent parts become black;
    the EXIF orientation is applied.

    Args:
        path: A file in any format that Pillow reads.
        content: What is read instead, if the image is within another file; ``path`` then names it.

    Returns:
        uint8 RGB, ``[H, W, 3]``, values 0 to 255.

    Raises:
        DataError: The file is missing, empty, truncated, no image, or larger than
            ``MAX_PIXELS``; the message names it.
    """
    try:
        with Image.open(path if content is None else content) as image:
            if image.width * image.height > MAX_PIXELS:
                raise DataError(_too_large(path))
            return np.array(_to_rgb(ImageOps.exif_transpose(image)))
    except (DataError, MemoryError):
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: no such image. {_SKIP}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(_too_large(path)) from None
    except Exception as error:  # broken bytes raise whatever the format's parser runs into
        raise DataError(f"{path}: not a readable image: {_reason(path, error)}. {_SKIP}") from error


def crop_resize(
    image: Pixels, box: Box | None, size: int, scaling: Scaling = TORCHVISION
) -> Pixels:
    """Cut a box out of an image and scale it to a square.

    By default scaling is bilinear with antialiasing (the filter grows with the reduction), as in
    ``torchvision.transforms.Resize``.

    Args:
        image: uint8 RGB, ``[H, W, 3]``.
        box: Left, top, right, bottom in pixels; parts beyond the border are black. ``None`` is
            the largest centred square: PCL section 4.1 crops to the centre of a frame.
        size: Side of the result in pixels.
        scaling: Filter, and whether it antialiases.

    Returns:
        uint8 RGB, ``[size, size, 3]``, C-contiguous.

    Raises:
        DataError: The box is empty.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = box or _centre_square(width, height)
    if right <= left or bottom <= top:
        raise DataError(
            f"empty crop: found left {left}, top {top}, right {right}, bottom {bottom}; "
            "expected left < right and top < bottom. Correct the crop columns of the task."
        )
    picture = Image.fromarray(image)
    if (left, top, right, bottom) != (0, 0, width, height):
        picture = picture.crop((left, top, right, bottom))
    if scaling.antialias or scaling.filter == "nearest":
        return np.array(picture.resize((size, size), Image.Resampling[scaling.filter.upper()]))
    return _sampled(np.array(picture), size, scaling.filter)


def _sampled(image: Pixels, size: int, mode: str) -> Pixels:
    """Scale with a filter of a fixed size, as OpenCV does; Pillow's grow with the reduction."""
    import torch
    from torch.nn import functional as F

    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    scaled = F.interpolate(pixels, size=(size, size), mode=mode, align_corners=False)
    rounded = scaled[0].round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(rounded.permute(1, 2, 0).numpy())


def _centre_square(width: int, height: int) -> Box:
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits per pixel, which Pillow would clip at 255
        high_byte = np.clip(np.asarray(image), 0, 65535) // 256
        return Image.fromarray(high_byte.astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError("floating-point pixels, whose range is unknown")
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, image).convert("RGB")
    return image.convert("RGB")


def _too_large(path: Path) -> str:
    return f"{path}: more than {MAX_PIXELS:,} pixels; expected a photograph. {_SKIP}"


def _reason(path: Path, error: Exception) -> str:
    if path.is_file() and path.stat().st_size == 0:
        return "the file is empty"
    if path.is_dir():
        return "it is a folder"
    if isinstance(error, UnidentifiedImageError):
        return "the format is unknown to Pillow"
    return str(error) or type(error).__name__
