"""Evaluation of any model with the protocols of the tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from facebench.api.judged_model import (
    GROUP,
    JudgedModel,
    Model,
    judged_model,
    model_alignment,
    split_settings,
)
from facebench.api.results import Results
from facebench.api.runs import Ended, PreparedRuns, prepare_runs
from facebench.api.words import arguments_of
from facebench.config.options import Overrides
from facebench.config.spec import RunSpec
from facebench.errors import SpecError
from facebench.progress import Progress
from facebench.registry import Registry
from facebench.request.arguments import RunArguments
from facebench.request.resolve import CORE_GROUPS
from facebench.runtime.terminal import warned_once
from facebench.runtime.workspace import default_cache
from facebench.weights.in_memory import left_as_it_was, store_in_memory


def evaluate(
    model: Model,
    tasks: str | Sequence[str],
    *,
    name: str | None = None,
    version: str | None = None,
    preprocess: Mapping[str, Any] | None = None,
    preset: str | None = None,
    probe: str | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str | None = None,
    precision: str | None = None,
    data: str | Path | None = None,
    synthetic: Literal["missing", "always"] | None = None,
    results: str | Path | None = None,
    cache: str | Path | None = None,
    limit: int | None = None,
    baselines: bool | None = None,
    floors: bool | None = None,
    skip_broken: bool | None = None,
    dedup_test: bool | None = None,
    force: bool | None = None,
    verify_cache: bool | None = None,
    plugins: Sequence[str | Path] = (),
    progress: Progress | None = None,
) -> Results:
    """Evaluate a model, as ``facebench evaluate``: its frozen features are probed like any others.

    A network of your own, for example, or a name::

        entry = {"image_size": 112, "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
        results = fb.evaluate(net, ["lfw", "fer2013"], preprocess=entry)
        results += fb.evaluate("timm:resnet18.a1_in1k", ["lfw", "fer2013"])

    Features and results are stored under a digest of the model, so the same model is not run
    again. The digest covers the names, shapes, types and values of its state dict and buffers; of
    every submodule the class, the attributes that are numbers, texts or lists of these, and the
    source code of the class's functions, if Python can read it and it is not torch's own; of a name
    with a file, that file. It does not cover functions that these call, hooks, nor versions of
    libraries: change ``version`` when one of these changes what the model computes. ``name``,
    ``version`` and ``preprocess`` are part of the key, too.

    The weights are stored in the cache. A result names the model, but not its code: to compute it
    again, call this function with the model and ``force=True``.

    Args:
        model: Maps images ``[B, 3, S, S]`` to features ``[B, D]``, or to a feature map
            ``[B, C, h, w]``, which is averaged over positions: a module, a function from a tensor
            to a tensor or an array, or a name: ``timm:NAME``, ``torchvision:NAME``,
            ``hf:ORG/NAME``, ``onnx:FILE``, ``export:FILE.pt2``, ``py:FILE.py:NAME``,
            ``zoo:NAME``. A module is run in ``eval()`` without gradients on ``device``; training
            flags, devices and memory formats of its tensors are those from before when the function
            returns.
        tasks: Names of tasks.
        name: Name in tables; by default the name of its class, or ``model`` if that is a name. A
            row of a paper's table that has this name shows the model beside the printed number.
        version: Version of what the digest does not cover. A function needs ``name`` and
            ``version``, since it has no weights that could be read.
        preprocess: How images enter the model, by fields of
            :class:`facebench.models.preprocess.Preprocess`: ``image_size``, ``filter``,
            ``antialias``, ``channels``, ``values``, ``mean``, ``std``, ``dtype``. Defaults are what
            the library of a name declares, or else RGB in [0, 1] at the size of the task.
        preset: ``quick`` (default) or ``paper``: how long probes are trained.
        probe: How features are evaluated: ``linear`` (default), ``knn``, ``fewshot``, ``centroid``
            or, for the feature ``layers``, ``weighted``.
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
        baselines: Evaluate the untrained backbone beside the model (default yes).
        floors: An older name of ``baselines``.
        skip_broken: Record unreadable images and go on.
        dedup_test: Also score without test images that training has, too.
        force: Evaluate again and overwrite the results.
        verify_cache: Read every byte of the stages that are used, also where a stamp is known.
        plugins: Python files with a task.
        progress: Progress reporter; by default a bar, where one can be drawn.

    Returns:
        One result for each task, in that order, then those of the baselines.

    Raises:
        SpecError: The model is nothing of these, or its name is that of a method, a task or a
            group of options.
        ModelError: The model cannot be opened, fails, or gives another shape; the message names the
            batch.
        DataError: A dataset is missing, or an image cannot be read.
        FacebenchError: Another input is wrong; the message says what to change.
    """
    words: dict[str, Any] = {
        "task": tasks, "preset": preset, "probe": probe, "settings": settings, "seeds": [seed],
        "device": device, "precision": precision, "data": data, "synthetic": synthetic,
        "results": results, "cache": cache, "limit": limit, "baselines": baselines,
        "floors": floors, "skip_broken": skip_broken, "dedup_test": dedup_test, "force": force,
        "verify_cache": verify_cache, "plugins": plugins, "progress": progress,
    }  # fmt: skip
    arguments = arguments_of(words, "evaluate")
    with warned_once():
        return prepare_evaluation(
            model, arguments, name=name, version=version, preprocess=preprocess
        ).execute()


@dataclass(frozen=True)
class PreparedEvaluation:
    """A model with the runs that evaluate it, not yet executed.

    Args:
        model: The opened model.
        runs: Its runs, and those of the baselines.
    """

    model: JudgedModel
    runs: PreparedRuns

    def execute(
        self, started: Callable[[RunSpec], None] | None = None, ended: Ended | None = None
    ) -> Results:
        """Run all, and leave the model as it was; arguments as in ``PreparedRuns.execute``."""
        kept: AbstractContextManager[None] = left_as_it_was(self.model.module)
        with kept:
            return self.runs.execute(started, ended)


def prepare_evaluation(
    model: Model,
    arguments: RunArguments,
    *,
    name: str | None = None,
    version: str | None = None,
    preprocess: Mapping[str, Any] | None = None,
) -> PreparedEvaluation:
    """Open a model and resolve its runs.

    Args:
        model: As for :func:`evaluate`, like all others.
        arguments: Tasks and options of a run; those of the group ``preprocess`` are the model's.
        name: Name in tables.
        version: Version of what the digest does not cover.
        preprocess: Fields of the group ``preprocess``, which win.

    Raises:
        FacebenchError: As for :func:`evaluate`.
    """
    own, rest = split_settings(arguments.settings, preprocess)
    registry = Registry(arguments.plugins)
    judged = judged_model(model, name, version, own)
    method = judged.method.info.name
    if method in (*CORE_GROUPS, GROUP, *registry.names("task")):
        raise SpecError(f"name is '{method}', as of a group of options. Choose another.")
    registry.add("method", judged.method, "evaluate()")
    _check_one_size(judged.options.image_size, rest)
    rest = model_alignment(judged.options.model, judged.align, rest)
    checkpoint = store_in_memory(judged.method, judged.options, arguments.cache or default_cache())
    flags = {**arguments.flags, "method": method, "checkpoint": checkpoint.folder}
    return PreparedEvaluation(
        judged, prepare_runs(replace(arguments, flags=flags, settings=rest), registry)
    )


def _check_one_size(image_size: int, settings: Overrides) -> None:
    """Refuse a size of extraction that is not the one at which images enter the model.

    Raises:
        SpecError: Both are given, and differ.
    """
    asked = settings.get("extract.image_size")
    if image_size and asked is not None and str(asked.value) != str(image_size):
        raise SpecError(
            f"{asked.place}: extract.image_size is {asked.value}, and the model takes images of "
            f"{image_size} px (preprocess.image_size). Leave extract.image_size out, or give the "
            "size that you mean as preprocess.image_size."
        )
