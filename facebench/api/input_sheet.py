"""A sheet of images exactly as a model sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from facebench.api.judged_model import model_alignment, preprocess_of, split_settings
from facebench.api.places import data_folder, optional_path, paths
from facebench.api.words import overrides_of
from facebench.api.zoo import any_named_model
from facebench.config.align import AlignSpec
from facebench.config.options import Overrides, apply, check_keys, keys_of
from facebench.data.align.alignment import alignment
from facebench.data.dataset import Dataset, open_dataset
from facebench.errors import SpecError
from facebench.models.preprocess import Preprocess
from facebench.registry import Registry
from facebench.runtime.atomic import atomic_file
from facebench.runtime.terminal import TerminalProgress
from facebench.runtime.workspace import default_cache
from facebench.task import Task

IMAGES, COLUMNS, GAP = 32, 8, 2  # images on a sheet, in a row, and pixels between two


@dataclass(frozen=True)
class InputSheet:
    """What a sheet shows.

    Args:
        file: The PNG.
        preprocess: How images enter the model, with its image size.
        align: How they are aligned.
        images: Their paths in the dataset, row by row.
        batch: What the model gets, ``[N, 3, S, S]``.
    """

    file: Path
    preprocess: Preprocess
    align: AlignSpec
    images: tuple[str, ...]
    batch: Tensor


def show_input(
    task: str,
    model: str | None = None,
    *,
    out: str | Path,
    preprocess: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    data: str | Path | None = None,
    synthetic: Literal["missing", "always"] | None = None,
    cache: str | Path | None = None,
    plugins: Sequence[str | Path] = (),
) -> InputSheet:
    """Write 32 images of a task as a model sees them: ``facebench show-input``.

    Crop, size, filter and order of the channels are those of :func:`facebench.evaluate`; mean, std
    and range are undone, so that it is a picture. The first channel is drawn in red.

    Args:
        task: Name of a task; images are taken at equal distances in what ``--limit 32`` keeps of
            its table, and of a stand-in no others are rendered.
        model: Name of a model, whose preprocessing is the default; its weights are not loaded.
        out: The PNG to write.
        preprocess: Fields of :class:`facebench.models.preprocess.Preprocess`.
        settings: The same as ``{"preprocess.image_size": 112}``, and options of ``align`` and of
            the task. Faces are then searched in the images of the sheet alone.
        data: Folder of the real datasets; by default ``FACEBENCH_DATA``.
        synthetic: Rendered faces with a data folder: in place of ``missing`` datasets, or
            ``always``.
        cache: Folder of the stages; by default ``FACEBENCH_CACHE``.
        plugins: Python files with a task.

    Raises:
        FacebenchError: A name or an option is wrong, the data are missing, or an image cannot be
            read.
    """
    target = Path(out)
    if target.suffix.lower() != ".png":
        raise SpecError(f"out is {target}; expected a name that ends in .png.")
    cls = Registry(paths(plugins)).load("task", task)
    entered, rest = _entered(model, overrides_of(settings or {}), preprocess, cls)
    align: AlignSpec = apply(AlignSpec(), "align", rest)
    folder = optional_path(cache) or default_cache()
    dataset = open_dataset(
        cls(apply(cls.Options(), task, rest)), data_folder(data), folder,
        synthetic=synthetic or "", limit=IMAGES, progress=TerminalProgress(),
    )  # fmt: skip
    shown = _some(dataset)
    aligned = alignment(align, shown, folder, TerminalProgress())
    if aligned is not None:
        aligned.check()
        shown = aligned.aligned()
    batch = entered.enter(_read(shown, entered.image_size or cls.info.image_size, entered))
    with atomic_file(target) as temporary:
        Image.fromarray(_sheet(entered.shown(batch))).save(temporary, format="PNG")
    return InputSheet(target, entered, align, tuple(shown.table["path"]), batch)


def _entered(
    model: str | None, settings: Overrides, preprocess: Mapping[str, Any] | None, task: type[Task]
) -> tuple[Preprocess, Overrides]:
    """Return how images enter the model, and the options of alignment and task."""
    own, rest = split_settings(settings, preprocess)
    named = None if model is None else any_named_model(model)
    if named is not None:
        rest = model_alignment(model or "", named.align, rest)
    known = {"align": keys_of(AlignSpec), task.info.name: keys_of(task.Options)}
    check_keys(rest, {"preprocess": (), **known})
    return preprocess_of(named, own), rest


def _some(dataset: Dataset) -> Dataset:
    """Return the images of a sheet alone, at equal distances in the table."""
    rows = np.unique(np.linspace(0, len(dataset) - 1, min(IMAGES, len(dataset))).astype(int))
    digests = tuple(dataset.digests[row] for row in rows)
    table = dataset.table.iloc[rows].reset_index(drop=True)
    return replace(dataset, table=table, pairs=None, digests=digests)


def _read(dataset: Dataset, side: int, entered: Preprocess) -> Tensor:
    """Return images as features are extracted from them: RGB in [0, 1], ``[N, 3, S, S]``."""
    pixels = np.stack([dataset.image(row, side, entered.scaling) for row in range(len(dataset))])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(255)


def _sheet(images: Tensor) -> np.ndarray:
    """Return images ``[N, 3, S, S]`` in [0, 1] in rows on white, uint8 ``[H, W, 3]``."""
    pixels = images.mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    step = pixels.shape[1] + GAP
    lines = -(-len(pixels) // COLUMNS)
    sheet = np.full((lines * step - GAP, COLUMNS * step - GAP, 3), 255, np.uint8)
    for place, image in enumerate(pixels):
        top, left = (step * part for part in divmod(place, COLUMNS))
        sheet[top : top + step - GAP, left : left + step - GAP] = image
    return sheet
