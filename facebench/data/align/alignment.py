"""Alignment of a dataset: what it is, what names it, and the images as it shows them."""

from __future__ import annotations

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
from facebench.progress import Progress
from facebench.runtime.images import Box, Pixels, Scaling, crop_resize

VERSION = 1  # goes up when the same landmarks would give other images

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
        """Return what a reader must know of the images that could not be aligned."""
        if self.source is None or not self._missed:
            return ()
        return (
            f"{self.dataset.task.info.title}: no face was found in {self._missed:,} of "
            f"{len(self._transforms):,} images ({self.source.title}); they are shown as the task "
            "crops them.",
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
