"""Alignment of a dataset: what it is, what names it, and the images as it shows them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facebench.config.align import OF_KIND, AlignSpec
from facebench.config.spec import plain
from facebench.data.align.five_points import similarity, warp
from facebench.data.align.landmarks import LandmarkSource, landmark_source, landmarks
from facebench.data.dataset import Dataset, View
from facebench.errors import DataError, SpecError
from facebench.progress import Progress
from facebench.runtime.images import Box, Pixels, Scaling, crop_resize

VERSION = 1  # goes up when the same landmarks would give other images

_LOOKED_AT = 32  # images, at equal distances in the table, to see how much of a crop is image
_LEAST = 0.05  # share of a crop that is image, below which nothing can be evaluated

_log = logging.getLogger(__name__)

Transforms = list[NDArray[np.float64] | None]


@dataclass(frozen=True)
class Alignment:
    """How the images of one dataset are aligned, other than by the task's own crop.

    Args:
        spec: Its options.
        dataset: The dataset, as its task crops it.
        cache: Folder of the cache, where landmarks are kept.
        progress: Progress reporter of their detection.
    """

    spec: AlignSpec
    dataset: Dataset
    cache: Path
    progress: Progress

    @cached_property
    def source(self) -> LandmarkSource | None:
        """Return where landmarks are from, if any are needed.

        Raises:
            DataError: They cannot be read, or the detector is not installed.
        """
        if self.spec.kind != "five_points":
            return None
        return landmark_source(self.spec, self.dataset)

    def identity(self) -> dict[str, Any]:
        """Return what the images depend on, besides the dataset; nothing is computed for it."""
        own = {name: plain(getattr(self.spec, name)) for name, kind in OF_KIND.items()
               if kind == self.spec.kind and name != "landmarks"}  # fmt: skip
        found = {} if self.source is None else {"landmarks": self.source.identity}
        return {"version": VERSION, "kind": self.spec.kind, **own, **found}

    def check(self) -> None:
        """Check that the crop shows enough of the images; a few of them are read for it.

        A crop that reaches beyond them is said.

        Raises:
            SpecError: Nearly all of it lies beyond them.
        """
        shares = self._shares
        if not (shares < 1).any():
            return
        if shares.mean() < _LEAST:
            raise SpecError(
                f"align.side and align.centre: {self._where_black()}; expected a crop of the "
                "images. Set them in pixels of the image files (facebench show-input draws it)."
            )
        _log.warning("%s", self._where_black())

    def aligned(self) -> Dataset:
        """Return the dataset with aligned images; landmarks are found unless they are kept.

        Raises:
            DataError: Landmarks cannot be read.
        """
        return replace(self.dataset, view=self._view())

    def record(self) -> dict[str, Any]:
        """Return what a result says about it, as JSON."""
        settings = {k: v for k, v in self.identity().items() if k not in ("version", "landmarks")}
        if self.source is None:
            return settings
        return {
            **settings, "landmarks": self.source.title, "identity": self.source.identity,
            "faces": len(self._transforms) - self._missed, "not_found": self._missed,
        }  # fmt: skip

    def warnings(self) -> tuple[str, ...]:
        """Return what a reader must know of images that could not be aligned, or are part black."""
        if self.source is None:
            return (self._where_black(),) if (self._shares < 1).any() else ()
        if not self._missed:
            return ()
        return (
            f"{self.dataset.task.info.title}: no face was found in {self._missed:,} of "
            f"{len(self._transforms):,} images ({self.source.title}); they are shown as the task "
            "crops them.",
        )

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        """The share of the crop that is image, of some images that can be read."""
        if self.spec.kind != "crop":
            return np.ones(0)
        rows = np.linspace(0, len(self.dataset) - 1, min(_LOOKED_AT, len(self.dataset)))
        shares = []
        for row in np.unique(rows.astype(int)).tolist():
            try:
                image, box = self.dataset.whole(row)
            except DataError:  # the extraction of features reads it again, and reports it
                continue
            height, width = image.shape[:2]
            shares.append(share_inside(moved(self.spec, box, width, height), width, height))
        return np.array(shares)

    def _where_black(self) -> str:
        shares = self._shares
        return (
            f"{self.dataset.task.info.title}: {1 - shares.mean():.0%} of the crop lies beyond the "
            f"image, and is black (of {len(shares)} images, in {int((shares < 1).sum())})"
        )

    @property
    def _missed(self) -> int:
        return sum(transform is None for transform in self._transforms)

    @cached_property
    def _transforms(self) -> Transforms:
        """The transform of each image to the template; None where there is no face."""
        if self.source is None:
            return []
        points = landmarks(self.source, self.dataset, self.cache, self.progress)
        return [similarity(of_image, self.spec.template) for of_image in points]

    def _view(self) -> View:
        if self.source is None:
            return square_view(self.spec)
        transforms, template = self._transforms, self.spec.template

        def view(row: int, image: Pixels, box: Box | None, size: int, scaling: Scaling) -> Pixels:
            transform = transforms[row]
            if transform is None:
                return crop_resize(image, box, size, scaling)
            return warp(image, transform, template, size, scaling)

        return view


def square_view(spec: AlignSpec) -> View:
    """Return the view of a square of each image, or of the whole image.

    Args:
        spec: Options of ``crop`` or ``none``.
    """

    def view(row: int, image: Pixels, box: Box | None, size: int, scaling: Scaling) -> Pixels:
        shown = moved(spec, box, image.shape[1], image.shape[0]) if spec.kind == "crop" else None
        return crop_resize(image, shown, size, scaling)

    return view


def moved(spec: AlignSpec, box: Box | None, width: int, height: int) -> Box:
    """Return a crop with another side or centre.

    Args:
        spec: Options of ``crop``; what is not given there is the task's.
        box: The task's crop; None: the largest centred square.
        width: Width of the image in pixels.
        height: Height of the image in pixels.

    Returns:
        Left, top, right, bottom in pixels; parts beyond the border are black.
    """
    side = min(width, height)
    low = ((width - side) // 2, (height - side) // 2)
    left, top, right, bottom = box or (*low, low[0] + side, low[1] + side)
    x, y = spec.centre or ((left + right) / 2, (top + bottom) / 2)
    wide, high = (spec.side, spec.side) if spec.side else (right - left, bottom - top)
    new_left, new_top = round(x - wide / 2), round(y - high / 2)
    return new_left, new_top, new_left + wide, new_top + high


def share_inside(box: Box, width: int, height: int) -> float:
    """Return the share of a box's area that lies within an image of ``width`` x ``height``."""
    left, top, right, bottom = box
    across = max(0, min(right, width) - max(left, 0))
    down = max(0, min(bottom, height) - max(top, 0))
    return across * down / ((right - left) * (bottom - top))


def alignment(
    spec: AlignSpec, dataset: Dataset, cache: Path, progress: Progress
) -> Alignment | None:
    """Return the alignment that is asked for; None: the task's own crop.

    Args:
        spec: Options of alignment.
        dataset: The dataset.
        cache: Folder of the cache.
        progress: Progress reporter.
    """
    return None if spec == AlignSpec() else Alignment(spec, dataset, cache, progress)
