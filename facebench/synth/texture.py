"""Paints the texture of a person: skin, lips, brows, beard, eyes, hair, in linear light."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from facebench.synth import atlas
from facebench.synth.assets import FloatArray
from facebench.synth.attributes import Colour, Hair, Identity, Wear
from facebench.synth.head import Region, load_head
from facebench.synth.raster import rasterise
from facebench.synth.wear import hairline

_FLAT_COLOURS: dict[str, Colour] = {
    "teeth": (0.78, 0.74, 0.64),
    "mouth": (0.10, 0.018, 0.018),
    "tongue": (0.42, 0.11, 0.11),
    "lash": (0.025, 0.016, 0.012),
    "frame": (0.02, 0.018, 0.02),
    "lens": (0.012, 0.012, 0.014),
}


@lru_cache(maxsize=64)
def paint(identity: Identity) -> FloatArray:
    """Returns the texture ``[HEIGHT, WIDTH, 3]`` of a person, read-only.

    Cap and clothes are left out: they belong to an image, not to a person.
    """
    rng = np.random.default_rng(identity.texture)
    picture = np.zeros((atlas.HEIGHT, atlas.WIDTH, 3), dtype=np.float32)
    picture[: atlas.SKIN_HEIGHT, : atlas.SKIN_WIDTH] = _skin(identity, rng)
    eye = slice(atlas.EYE_TOP, atlas.EYE_TOP + atlas.EYE_SIZE)
    picture[eye, atlas.EYE_LEFT : atlas.EYE_LEFT + atlas.EYE_SIZE] = _eye(identity.iris, rng)
    strands = slice(atlas.HAIR_TOP, atlas.HAIR_TOP + atlas.HAIR_HEIGHT)
    picture[strands, atlas.HAIR_LEFT : atlas.HAIR_LEFT + atlas.HAIR_WIDTH] = _hair(
        identity.hair, rng
    )
    for name, colour in _FLAT_COLOURS.items():
        fill_flat(picture, name, colour)
    picture.setflags(write=False)
    return picture


@cache
def _clothed() -> tuple[slice, npt.NDArray[np.bool_]]:
    """Returns rows of the skin, and where in them clothes cover it: below a round collar."""
    collar = 5.88 - 0.22 * np.exp(-((atlas.skin_angles() / 0.8) ** 2))
    covered = np.asarray(atlas.skin_heights() < collar)
    rows = slice(int(covered.any(axis=1).argmax()), atlas.SKIN_HEIGHT)  # down to the atlas's end
    return rows, covered[rows]


def dress(picture: FloatArray, wear: Wear) -> None:
    """Adds the clothes and the cap of one image to a person's texture, in place."""
    rows, covered = _clothed()
    for channel, value in enumerate(wear.cloth):
        np.copyto(picture[rows, : atlas.SKIN_WIDTH, channel], np.float32(value), where=covered)
    if wear.cap is not None:
        fill_flat(picture, "cap", wear.cap)


def fill_flat(picture: FloatArray, name: str, colour: Colour) -> None:
    """Fills one of the atlas's flat patches, in place."""
    column, row = atlas.flat_texel(name)
    half = atlas.FLAT_SIZE // 2
    picture[int(row) - half : int(row) + half, int(column) - half : int(column) + half] = colour


def smooth_noise(
    rng: np.random.Generator, height: int, width: int, rows: int, columns: int
) -> FloatArray:
    """Returns ``[height, width]`` normal noise, drawn on a coarse grid and enlarged."""
    coarse = Image.fromarray(rng.normal(size=(rows, columns)).astype(np.float32))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


@cache
def _grain(rows: int, columns: int) -> FloatArray:
    """Returns fine noise, twice as wide as the skin; each person uses another part of it."""
    rng = np.random.default_rng([rows, columns])
    return smooth_noise(rng, atlas.SKIN_HEIGHT, 2 * atlas.SKIN_WIDTH, rows, 2 * columns)


def _cut_grain(rng: np.random.Generator, rows: int, columns: int, window: slice) -> FloatArray:
    start = int(rng.integers(atlas.SKIN_WIDTH))
    return _grain(rows, columns)[window, start : start + atlas.SKIN_WIDTH]


@cache
def _baked() -> tuple[FloatArray, FloatArray]:
    """Draws the vertices' lip and lid masks into the unrolled skin, once."""
    head = load_head()
    skin = (head.regions[head.triangles] == Region.SKIN).all(axis=1)
    front = (head.vertices[head.triangles][..., 2] > 0.9).all(axis=1)
    triangles = head.triangles[skin & front]
    points = np.concatenate((head.texels, head.vertices[:, 2:]), axis=1)
    seen = rasterise(points, triangles, atlas.SKIN_WIDTH, atlas.SKIN_HEIGHT)
    masks = []
    for mask in (head.lips, head.lids):
        flat = np.zeros(atlas.SKIN_WIDTH * atlas.SKIN_HEIGHT, dtype=np.float32)
        flat[seen.samples] = seen.blend(mask[None], triangles)[0]
        masks.append(flat.reshape(atlas.SKIN_HEIGHT, atlas.SKIN_WIDTH))
    return masks[0], masks[1]


def _blend(picture: FloatArray, colour: Colour, amount: npt.NDArray[np.floating]) -> None:
    """Mixes a colour into a picture (or a view of one), in place."""
    weight = amount.astype(np.float32)
    for channel, value in enumerate(colour):  # NumPy is slow where the last axis has three numbers
        part = picture[..., channel]
        part += weight * (np.float32(value) - part)


def _tinted(brightness: FloatArray, colour: Colour) -> FloatArray:
    """Returns a picture ``[H, W, 3]`` of one colour by its brightness ``[H, W]``."""
    picture = np.empty((*brightness.shape, 3), dtype=np.float32)
    for channel, value in enumerate(colour):
        np.multiply(brightness, np.float32(value), out=picture[..., channel])
    return picture


@dataclass(frozen=True)
class _Places:
    """Regions of the unrolled skin; each array covers the rows of its window."""

    face: slice
    cheek: FloatArray
    nose: FloatArray
    under_eye: FloatArray
    mouth: slice
    lips: FloatArray
    lids: FloatArray
    jaw_rows: slice
    jaw: FloatArray
    lip_hair: FloatArray


@cache
def _places() -> _Places:
    side = np.abs(atlas.skin_angles())
    face, mouth, jaw_rows = (
        atlas.skin_rows(*span) for span in ((7.6, 6.4), (7.0, 6.3), (7.35, 5.9))
    )
    height = atlas.skin_heights(face)
    lips, lids = _baked()
    low = atlas.skin_heights(jaw_rows)
    edge = np.interp(side, (0.0, 0.35, 0.6, 0.9, 1.2), (6.52, 6.62, 6.78, 7.0, 7.25))
    jaw = 1 / (1 + np.exp((low - edge) / 0.04)) * (side < 1.35) * np.clip((low - 6.1) / 0.15, 0, 1)
    return _Places(
        face=face,
        cheek=np.exp(-(((side - 0.55) / 0.25) ** 2) - ((height - 6.95) / 0.2) ** 2),
        nose=np.exp(-((side / 0.16) ** 2) - ((height - 6.95) / 0.14) ** 2),
        under_eye=np.exp(-(((side - 0.37) / 0.17) ** 2) - ((height - 7.14) / 0.07) ** 2),
        mouth=mouth,
        lips=lips[mouth],
        lids=lids[face],
        jaw_rows=jaw_rows,
        jaw=jaw.astype(np.float32),
        lip_hair=np.exp(-(((low - 6.757 + 0.2 * side**2) / 0.045) ** 4) - (side / 0.33) ** 6),
    )


def _skin(identity: Identity, rng: np.random.Generator) -> FloatArray:
    everywhere = slice(None)
    coarse = smooth_noise(rng, atlas.SKIN_HEIGHT, atlas.SKIN_WIDTH, 10, 10)
    tone = 1 + 0.05 * coarse + 0.025 * _cut_grain(rng, 160, 160, everywhere)
    skin = np.array(identity.skin, dtype=np.float32)
    picture = _tinted(tone, identity.skin)
    places = _places()
    face = picture[places.face]
    rosy = identity.flush * np.maximum(places.cheek, 0.8 * places.nose)
    _blend(face, (skin[0] * 0.95, skin[1] * 0.62, skin[2] * 0.6), rosy)
    if identity.freckles > 0:
        spots = _cut_grain(rng, 150, 150, places.face) > 1.7
        amount = spots * identity.freckles * np.minimum(1.0, 1.2 * places.cheek + places.nose)
        _blend(face, (skin[0] * 0.6, skin[1] * 0.42, skin[2] * 0.3), amount)
    shade = (skin[0] * 0.72, skin[1] * 0.6, skin[2] * 0.62)
    tired = 0.5 * (0.3 + identity.age) * places.under_eye
    _blend(face, shade, np.maximum(tired, 0.7 * places.lids))
    _beard(picture, identity.hair, rng)
    _blend(picture[places.mouth], identity.lips, places.lips * np.float32(0.85))
    _brows(picture, identity.hair, rng)
    _scalp(picture, identity.hair)
    return picture


def _brows(picture: FloatArray, hair: Hair, rng: np.random.Generator) -> None:
    """Draws both brows: an arch that thins out to the temple."""
    window = atlas.skin_rows(7.75, 7.2)
    height = atlas.skin_heights(window)
    along = (np.abs(atlas.skin_angles()) - 0.10) / 0.47  # 0 at the nose's root, 1 at the tail
    middle = 7.475 + hair.brow_height + hair.brow_arch * (1 - ((along - 0.62) / 0.62) ** 2)
    half = hair.brow_thickness * np.clip(1.15 - 0.75 * along, 0.15, 1.0)
    across = np.exp(-(np.abs((height - middle) / half) ** 3))
    ends = np.clip(along / 0.10 + 0.4, 0, 1) * np.clip((1.04 - along) / 0.12, 0, 1)
    strands = np.clip(0.88 + 0.16 * _cut_grain(rng, 150, 260, window), 0.0, 1.0)
    amount = hair.brow_density * across * ends * (along > -0.1) * strands
    _blend(picture[window], hair.brow_colour, amount.astype(np.float32))


def _beard(picture: FloatArray, hair: Hair, rng: np.random.Generator) -> None:
    """Draws beard and moustache; a small amount looks like stubble."""
    if hair.beard <= 0 and hair.moustache <= 0:
        return
    places = _places()
    strands = np.clip(0.8 + 0.22 * _cut_grain(rng, 130, 200, places.jaw_rows), 0.0, 1.0)
    amount = np.maximum(hair.beard * places.jaw, hair.moustache * places.lip_hair) * strands
    _blend(picture[places.jaw_rows], hair.brow_colour, amount.astype(np.float32))


def _scalp(picture: FloatArray, hair: Hair) -> None:
    """Darkens the skin where hair grows, so that the hair's edge is soft."""
    if hair.volume <= 0:
        return
    window = atlas.skin_rows(8.6, 6.9)
    line = hairline(hair, atlas.skin_angles())
    above = (atlas.skin_heights(window) - line) / np.float32(0.1)
    _blend(picture[window], hair.colour, np.float32(0.9) * np.clip(above + 0.4, 0.0, 1.0))


def _eye(iris: Colour, rng: np.random.Generator) -> FloatArray:
    """Draws sclera, iris with a dark rim, and pupil on a disc seen from the front."""
    place = (np.arange(atlas.EYE_SIZE, dtype=np.float32) + 0.5) / atlas.EYE_SIZE * 2 - 1
    x, y = np.meshgrid(place, place)
    radius = np.hypot(x, y) / 0.98
    turn = np.arctan2(y, x)
    picture = np.empty((atlas.EYE_SIZE, atlas.EYE_SIZE, 3), dtype=np.float32)
    picture[:] = (0.74, 0.70, 0.66)
    _blend(picture, (0.55, 0.28, 0.24), np.clip((radius - 0.6) / 0.5, 0, 1) * np.float32(0.8))
    phase = rng.uniform(0, 2 * np.pi, size=3)
    rays = 1 + 0.25 * sum(np.sin(k * turn + p) for k, p in zip((9, 14, 23), phase, strict=True)) / 3
    disc = np.clip((0.50 - radius) / 0.04, 0, 1)
    _blend(picture, iris, disc)
    picture *= np.where(radius < 0.5, rays, 1.0)[..., None].astype(np.float32)
    rim = np.exp(-(((radius - 0.47) / 0.06) ** 2)) * 0.75
    _blend(picture, (iris[0] * 0.15, iris[1] * 0.15, iris[2] * 0.15), rim.astype(np.float32))
    _blend(picture, (0.004, 0.004, 0.004), np.clip((0.23 - radius) / 0.04, 0, 1))
    picture *= np.clip(1.05 + 0.55 * y, 0.45, 1.0)[..., None]  # the upper lid's shadow
    return picture


def _hair(hair: Hair, rng: np.random.Generator) -> FloatArray:
    """Draws strands that run down the hair patch."""
    size = (atlas.HAIR_HEIGHT, atlas.HAIR_WIDTH)
    rows = 4 + int(20 * hair.curl)
    strands = 1 + 0.30 * smooth_noise(rng, *size, rows, 50) + 0.15 * smooth_noise(rng, *size, 3, 9)
    return _tinted(np.clip(strands, 0.35, 1.8), hair.colour)
