"""Evaluation of a model in memory with the protocols of the tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from torch import nn

from facebench.api.places import optional_path, paths
from facebench.api.results import Results
from facebench.api.runs import prepare_runs
from facebench.api.words import arguments_of
from facebench.errors import SpecError
from facebench.progress import Progress
from facebench.registry import Registry
from facebench.request.resolve import CORE_GROUPS
from facebench.runtime.workspace import default_cache
from facebench.weights.in_memory import (
    InMemoryOptions,
    in_memory,
    left_as_it_was,
    model_digest,
    qualified,
    store_in_memory,
)


def evaluate(
    model: nn.Module,
    tasks: str | Sequence[str],
    *,
    name: str | None = None,
    image_size: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    preset: str | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str | None = None,
    precision: str | None = None,
    data: str | Path | None = None,
    synthetic: Literal["missing", "always"] | None = None,
    results: str | Path | None = None,
    cache: str | Path | None = None,
    limit: int | None = None,
    floors: bool | None = None,
    skip_broken: bool | None = None,
    dedup_test: bool | None = None,
    force: bool | None = None,
    plugins: Sequence[str | Path] = (),
    progress: Progress | None = None,
) -> Results:
    """Evaluate a model in memory: its frozen features are probed like those of any method.

    A model of timm without its classifier, for example::

        model = timm.create_model("resnet18", pretrained=True, num_classes=0)
        results = fb.evaluate(model, ["lfw", "fer2013"], image_size=224, mean=MEAN, std=STD)

    Features and results are stored under a digest of the model, so the same model is not run
    again. The digest covers the names, shapes, types and values of its state dict and buffers; of
    every submodule the class, the attributes that are numbers, texts or lists of these, and the
    source code of the class's functions, if Python can read it and it is not torch's own. It does
    not cover functions that these call, hooks, nor versions of libraries: change ``name`` when
    one of these changes what the model computes. ``name``, ``image_size``, ``mean`` and ``std``
    are part of the key, too.

    The weights are stored in the cache. A result names the model, but not its code: to compute it
    again, call this function with the model and ``force=True``.

    Args:
        model: Maps float images ``[B, 3, S, S]``, RGB, to features ``[B, D]``, or to a feature map
            ``[B, C, h, w]``, which is averaged over positions. It is run in ``eval()`` without
            gradients on ``device``; training flags, devices and memory formats of its tensors are
            those from before when the function returns.
        tasks: Names of tasks.
        name: Name in tables; by default the name of its class. A row of a paper's table that
            has this name shows the model beside the printed number.
        image_size: Side of its input images in pixels. Images are read at the task's size
            (``extract.image_size`` in ``settings`` is another one) and scaled to this on the
            device, bilinear with antialiasing. By default they are not scaled.
        mean: Means of R, G and B, subtracted from images in [0, 1]; by default they stay in [0, 1].
        std: Standard deviations of R, G and B, by which they are then divided; requires ``mean``.
        preset: ``quick`` (default) or ``paper``: how long probes are trained.
        settings: Options, ``{"probe.epochs": 100, "extract.dtype": "float32"}``.
        seed: Seed of the probes.
        device: ``auto`` (default), ``cpu``, ``cuda``, ``mps``.
        precision: ``auto`` (default), ``32`` or ``bf16``.
        data: Folder of the real datasets; by default ``FACEBENCH_DATA``. Without one, faces are
            rendered in its place; with one, a dataset that is not below it is an error.
        synthetic: Rendered faces with a data folder: in place of ``missing`` datasets, or
            ``always``.
        results: Folder of the results (default ``results/runs``).
        cache: Folder of the stages; by default ``FACEBENCH_CACHE``.
        limit: Number of items of each split; 0 (default) is all.
        floors: Judge the untrained backbone beside the model (default yes).
        skip_broken: Record unreadable images and go on.
        dedup_test: Also score without test images that training has, too.
        force: Judge again and overwrite the results.
        plugins: Python files with a task.
        progress: Progress reporter; by default a bar, where one can be drawn.

    Returns:
        One result for each task, in that order, then those of the floors.

    Raises:
        SpecError: The model gives another shape, is no module, or its name is that of a method, a
            task or a group of options.
        DataError: A dataset is missing, or an image cannot be read.
        FacebenchError: Another input is wrong; the message says what to change.
    """
    if not isinstance(model, nn.Module):
        raise SpecError(
            f"model is of type {type(model).__name__}; expected a torch.nn.Module. Of a checkpoint "
            "or a result, load_backbone() gives one."
        )
    registry = Registry(paths(plugins))
    method = in_memory(model, type(model).__name__ if name is None else name)
    if method.info.name in (*CORE_GROUPS, *registry.names("task")):
        raise SpecError(f"name is '{method.info.name}', as of a group of options. Choose another.")
    registry.add("method", method, "evaluate()")
    options = InMemoryOptions(
        model=qualified(type(model)),
        digest=model_digest(model),
        image_size=_positive(image_size),
        mean=_floats(mean),
        std=_floats(std),
    )
    checkpoint = store_in_memory(method, options, optional_path(cache) or default_cache())
    words: dict[str, Any] = {
        "method": method.info.name, "task": tasks, "checkpoint": checkpoint.folder,
        "preset": preset, "settings": settings, "seeds": [seed], "device": device,
        "precision": precision, "data": data, "synthetic": synthetic, "results": results,
        "cache": cache, "limit": limit, "floors": floors, "skip_broken": skip_broken,
        "dedup_test": dedup_test, "force": force, "plugins": plugins, "progress": progress,
    }  # fmt: skip
    prepared = prepare_runs(arguments_of(words, "evaluate"), registry)
    with left_as_it_was(model):
        return prepared.execute()


def _positive(image_size: int | None) -> int:
    if image_size is not None and image_size < 1:
        raise SpecError(f"image_size is {image_size}; expected 1 or more pixels.")
    return image_size or 0


def _floats(values: Sequence[float] | None) -> tuple[float, ...]:
    return () if values is None else tuple(map(float, values))
