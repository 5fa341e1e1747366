"""Extraction of the features of all images with a frozen backbone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facebench.config.spec import ExtractSpec
from facebench.data.dataset import Dataset
from facebench.errors import DataError, ModelError, StageError
from facebench.evaluation.repeatable import check_repeatable
from facebench.evaluation.store import FeatureWriter
from facebench.method import Method
from facebench.runtime.device import Precision, autocast
from facebench.runtime.images import Scaling
from facebench.runtime.workspace import Workspace

READERS = 2  # threads that decode; Pillow releases the interpreter lock while it does
AHEAD = 4  # batches decoded in advance

Batch = tuple[np.ndarray, list[int]]  # uint8 [B, S, S, 3], positions that could not be read


def extract(
    method: Method,
    dataset: Dataset,
    spec: ExtractSpec,
    folder: Path,
    *,
    record: dict[str, Any],
    workspace: Workspace,
    precision: Precision,
    skip_broken: bool,
) -> None:
    """Write the features of every image of ``dataset`` into ``folder``.

    ``eval()`` and ``inference_mode``; images are resized to the spec's size and enter as [0, 1].
    Batches have fixed boundaries, so a resumed extraction gives the same values.

    Args:
        method: Method with its weights, which offers the feature.
        dataset: Dataset, read in the order of its table.
        spec: Feature (resolved), image size (resolved), pooling, type on disk, batch size.
        folder: Folder of the finished store.
        record: JSON record, written with the values.
        workspace: Device and progress reporter.
        precision: ``32`` or ``bf16``.
        skip_broken: Record unreadable images instead of stopping at the first.

    Raises:
        DataError: An image cannot be read, and ``skip_broken`` is off.
        ModelError: A model in memory fails, or returns something else than one vector for each
            image; the message names the batch.
        StageError: A feature is not finite in the type on disk, features are not the same in
            another batch, or the disk has too little space.
    """
    device = workspace.device
    method = method.eval().to(device).to(memory_format=torch.channels_last)
    size, count = spec.image_size, len(dataset)
    on_disk = getattr(torch, spec.dtype)

    def compute(images: np.ndarray) -> Tensor:
        batch = torch.from_numpy(images).to(device).permute(0, 3, 1, 2)  # a channels_last view
        with torch.inference_mode(), autocast(device, precision):
            features = pool(method.features(spec.feature, batch.float().div_(255)), method, spec)
        # torch converts to float16 a hundred times as fast as NumPy.
        return features.float().to(on_disk).cpu()

    with _naming("trial with a black image"):
        dim = compute(np.zeros((1, size, size, 3), np.uint8)).shape[1]
    started = time.perf_counter()
    with (
        FeatureWriter(folder, (count, dim), spec.dtype) as store,
        workspace.progress.bar("extract", count, "image") as advance,
    ):
        first = store.done
        where = f"{method.info.name}, feature {spec.feature}"
        batches = read_batches(
            dataset, size, spec.batch_size, first, skip_broken, method.scaling(method.options)
        )
        for images, broken in batches:
            batch = f"batch of images {store.done + 1:,} to {store.done + len(images):,}"
            with _naming(batch):
                features = compute(images)
            _check_finite(features, spec, f"{where}, {batch}")
            if store.done == first:
                check_repeatable(compute, images, features, precision=precision, where=where)
            block = features.numpy()
            block[[row - store.done for row in broken]] = 0
            store.append(block, broken)
            advance(store.done)
        seconds = round(time.perf_counter() - started, 3)
        store.finish({**record, "seconds": seconds, "images": count - first, "dim": dim})


def pool(features: Tensor, method: Method, spec: ExtractSpec) -> Tensor:
    """Return flattened features ``[B, C*h*w]`` as they are, or their mean over positions."""
    if spec.pool == "mean":
        return features.view(len(features), method.backbone.channels, -1).mean(dim=2)
    return features


def read_batches(
    dataset: Dataset, size: int, batch_size: int, start: int, skip_broken: bool,
    scaling: Scaling,
) -> Iterator[Batch]:  # fmt: skip
    """Yield decoded batches from row ``start`` on, a few of them read ahead by threads.

    Raises:
        DataError: An image cannot be read, and ``skip_broken`` is off.
    """
    borders = range(start, len(dataset), batch_size)

    def read(begin: int) -> Batch:
        rows = range(begin, min(begin + batch_size, len(dataset)))
        images = np.zeros((len(rows), size, size, 3), np.uint8)
        broken = []
        for place, row in enumerate(rows):
            try:
                images[place] = dataset.image(row, size, scaling)
            except DataError:
                if not skip_broken:
                    raise
                broken.append(row)
        return images, broken

    with ThreadPoolExecutor(READERS) as pool_of_readers:
        pending: list[Future[Batch]] = []
        for begin in borders:
            pending.append(pool_of_readers.submit(read, begin))
            if len(pending) > AHEAD:
                yield pending.pop(0).result()
        while pending:
            yield pending.pop(0).result()


@contextmanager
def _naming(batch: str) -> Iterator[None]:
    """Say in which batch a model in memory did what it should not."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{batch}: {error}") from error


def _check_finite(features: Tensor, spec: ExtractSpec, where: str) -> None:
    if not torch.isfinite(torch.stack(torch.aminmax(features))).all():  # both propagate NaN
        raise StageError(
            f"{where}: found values that are not finite in {spec.dtype}. "
            "Use --set extract.dtype=float32; if it stays, the representation has diverged."
        )
