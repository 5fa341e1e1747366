"""Extraction of the features of all images with a frozen backbone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facebench.config.spec import ExtractSpec
from facebench.data.dataset import Dataset
from facebench.errors import DataError, ModelError, PluginError, StageError
from facebench.evaluation.repeatable import check_repeatable
from facebench.evaluation.shared_calls import shared_calls
from facebench.evaluation.store import FeatureWriter
from facebench.method import Method
from facebench.models.pooling import generalised_mean
from facebench.runtime.allocator import keep_freed_memory
from facebench.runtime.device import Precision, autocast
from facebench.runtime.images import Scaling
from facebench.runtime.transfer import to_device
from facebench.runtime.workspace import Workspace

CHECKED = 8  # images of the first batch that each of several features is computed of by itself
READERS = 2  # threads that decode; Pillow releases the interpreter lock while it does
AHEAD = 4  # batches decoded in advance

Batch = tuple[np.ndarray, list[int]]  # uint8 [B, S, S, 3], positions that could not be read


@dataclass(frozen=True)
class Wanted:
    """A feature that is to be written.

    Args:
        spec: Feature (resolved), image size (resolved), pooling, type on disk, batch size.
        folder: Folder of the finished store.
        record: JSON record, written with the values.
    """

    spec: ExtractSpec
    folder: Path
    record: dict[str, Any]


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
    beside: Sequence[Wanted] = (),
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
        beside: More features, written by the same pass over the images: they have the same size of
            images and of batches.

    Raises:
        DataError: An image cannot be read, and ``skip_broken`` is off.
        ModelError: A model in memory fails, or returns something else than one vector for each
            image; the message names the batch.
        PluginError: A method returns something else than one vector for each image.
        StageError: A feature is not finite in the type on disk, features are not the same in
            another batch, or the disk has too little space.
    """
    keep_freed_memory()
    wanted = [Wanted(spec, folder, record), *beside]
    forward = _Forward(
        method.eval().to(workspace.device).to(memory_format=torch.channels_last),
        [one.spec for one in wanted], workspace.device, precision,
    )  # fmt: skip
    size, count = spec.image_size, len(dataset)
    with _naming("trial with a black image"):
        black = forward.all(np.zeros((1, size, size, 3), np.uint8))
    started = time.perf_counter()
    with ExitStack() as opened:
        stores = [
            opened.enter_context(FeatureWriter(one.folder, (count, found.shape[1]), one.spec.dtype))
            for one, found in zip(wanted, black, strict=True)
        ]
        advance = opened.enter_context(workspace.progress.bar("extract", count, "image"))
        first = done = min(store.done for store in stores)
        batches = read_batches(
            dataset, size, spec.batch_size, first, skip_broken, method.scaling(method.options)
        )
        for images, broken in batches:
            batch = f"batch of images {done + 1:,} to {done + len(images):,}"
            with _naming(batch):
                found = forward.all(images)
            for one, store, features in zip(wanted, stores, found, strict=True):
                where = f"{method.info.name}, feature {one.spec.feature}"
                _check_finite(features, one.spec, f"{where}, {batch}")
                if done == first:
                    few = len(images) if len(wanted) == 1 else CHECKED  # else it costs passes
                    check_repeatable(
                        partial(forward.one, one.spec), images[:few], features[:few],
                        precision=precision, where=where,
                    )  # fmt: skip
                if store.done == done:  # else an earlier extraction wrote more of this one
                    block = features.numpy()
                    block[[row - done for row in broken]] = 0
                    store.append(block, broken)
            done += len(images)
            advance(done)
        seconds = round(time.perf_counter() - started, 3)
        for one, store, features in zip(wanted, stores, black, strict=True):
            share = {"seconds": seconds, "images": count - first, "dim": features.shape[1]}
            layers = method.feature_layers(one.spec.feature)
            store.finish({**one.record, **share, **({"layers": layers} if layers > 1 else {})})


@dataclass(frozen=True)
class _Forward:
    """Features of batches of images."""

    method: Method
    specs: Sequence[ExtractSpec]
    device: torch.device
    precision: Precision

    def all(self, images: np.ndarray) -> list[Tensor]:
        """Return the features of all specs, uint8 ``[B, S, S, 3]`` to ``[B, D]``, in one pass."""
        if len(self.specs) == 1:
            return [self.one(self.specs[0], images)]
        names = list(dict.fromkeys(spec.feature for spec in self.specs))
        with shared_calls(self.method), self._computing():
            found = self.method.several(names, self._batch(images))
            return [self._stored(spec, found[spec.feature], len(images)) for spec in self.specs]

    def one(self, spec: ExtractSpec, images: np.ndarray) -> Tensor:
        """Return one feature by itself."""
        with self._computing():
            found = self.method.features(spec.feature, self._batch(images))
            return self._stored(spec, found, len(images))

    @contextmanager
    def _computing(self) -> Iterator[None]:
        with torch.inference_mode(), autocast(self.device, self.precision):
            yield

    def _batch(self, images: np.ndarray) -> Tensor:
        batch = torch.from_numpy(images)
        if self.device.type != "cpu":  # pinned, so that the host does not wait
            (batch,) = to_device([batch], self.device)
        return batch.permute(0, 3, 1, 2).float().div_(255)  # a channels_last view

    def _stored(self, spec: ExtractSpec, features: Any, count: int) -> Tensor:
        pooled = pool(_checked(features, count, self.method, spec), self.method, spec).float()
        # torch converts to float16 a hundred times as fast as NumPy.
        return pooled.to(getattr(torch, spec.dtype)).cpu()


def _checked(features: Any, count: int, method: Method, spec: ExtractSpec) -> Tensor:
    """Return features if they are one vector for each image."""
    if not isinstance(features, Tensor):
        found = "None" if features is None else f"a value of type {type(features).__name__}"
    elif features.dim() != 2 or len(features) != count:
        found = f"a tensor of shape {list(features.shape)}"
    else:
        return features
    raise PluginError(
        f"method '{method.info.name}': feature {spec.feature} of {count} images is {found}; "
        f"expected a tensor [{count}, D]. Correct its features()."
    )


def pool(features: Tensor, method: Method, spec: ExtractSpec) -> Tensor:
    """Return flattened features ``[B, C*h*w]`` as they are, or pooled over positions."""
    if spec.pool == "flatten":
        return features
    positions = features.view(len(features), method.backbone.channels, -1)
    return positions.mean(dim=2) if spec.pool == "mean" else generalised_mean(positions)


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
