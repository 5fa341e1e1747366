"""The words in which a run is asked for: those of ``facebench run``, declared once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar, get_args, get_type_hints

from facebench.api.places import optional_path, paths
from facebench.config.options import Override, Overrides, renamed
from facebench.errors import SpecError, UnknownNameError
from facebench.progress import Progress
from facebench.request.arguments import RunArguments

F = TypeVar("F", bound=Callable[..., Any])

# What may also stand in a configuration file; the other words are of this process alone.
_FLAGS = (
    "method", "task", "backbone", "pretrain_data", "preset", "seeds", "device", "precision",
    "checkpoint", "prefix", "probe", "data", "synthetic", "results", "limit", "skip_broken",
    "dedup_test", "baselines",
)  # fmt: skip


class RunWords(TypedDict, total=False):
    """What is to be run. None is the same as left out: the configuration file's, or the default.

    Args:
        method: Names, ``"pcl"``, ``"pcl,simclr"`` or ``["pcl", "simclr"]``; ``"all"`` is all.
        task: Names, in the same way.
        backbone: ``facecycle16`` (default) or ``timm:NAME``.
        pretrain_data: What is learned from: ``voxceleb`` (default), a task's name, a folder,
            ``images:FOLDER`` or ``video:FOLDER``.
        preset: ``quick`` (default: minutes on a CPU) or ``paper``.
        settings: Options, ``{"pcl.temperature": 0.07, "pretrain.epochs": 50}``.
        config: A YAML file of the same shape, which all other words override.
        seeds: One run for each (default 0).
        device: ``auto`` (default), ``cpu``, ``cuda``, ``mps``.
        devices: How many devices of that type to pretrain on.
        nodes: How many machines.
        precision: ``auto`` (default), ``32`` or ``bf16``.
        checkpoint: Evaluate these weights: a checkpoint's folder, or the authors' own file.
        prefix: What the names of that file's tensors begin with (``"teacher.backbone."``), ``"."``
            for nothing; by default it is found.
        probe: How features are evaluated: ``linear`` (default), ``knn``, ``fewshot``, ``centroid``,
            ``weighted``, or one of another package. They are extracted once for all.
        data: Folder of the real datasets; by default that of the configuration file, else
            ``FACEBENCH_DATA``. Without one, faces are rendered in its place; with one, a dataset
            that is not below it is an error.
        synthetic: Rendered faces with a data folder: in place of ``missing`` datasets, or
            ``always``.
        results: Where results are written (default ``results/runs``).
        cache: Where stages are kept; by default ``FACEBENCH_CACHE``.
        limit: Use so many items of each split; 0 (default) is all.
        baselines: Evaluate the untrained backbone beside the methods (default yes).
        floors: An older name of ``baselines``.
        skip_broken: Record unreadable images and go on.
        dedup_test: Also score without test images that training has, too.
        force: Evaluate again and overwrite the results.
        verify_cache: Read every byte of the stages that are used, also where a stamp is known.
        cache_mirror: URL that finished stages and results are copied to, and taken from where they
            are not on disk: ``s3://bucket/folder``, or another that fsspec opens.
        plugins: Python files with a method, task or backbone.
        progress: Progress reporter; by default a bar, on a terminal and in a notebook.
    """

    method: str | Sequence[str] | None
    task: str | Sequence[str] | None
    backbone: str | None
    pretrain_data: str | Path | None
    preset: str | None
    settings: Mapping[str, Any] | None
    config: str | Path | None
    seeds: int | str | Sequence[int] | None
    device: str | None
    devices: int | None
    nodes: int | None
    precision: str | None
    checkpoint: str | Path | None
    prefix: str | None
    probe: str | None
    data: str | Path | None
    synthetic: Literal["missing", "always"] | None
    results: str | Path | None
    cache: str | Path | None
    limit: int | None
    baselines: bool | None
    floors: bool | None
    skip_broken: bool | None
    dedup_test: bool | None
    force: bool | None
    verify_cache: bool | None
    cache_mirror: str | None
    plugins: Sequence[str | Path] | None
    progress: Progress | None


def arguments_of(words: Mapping[str, Any], function: str) -> RunArguments:
    """Return the arguments of a run from its words.

    Args:
        words: As declared by :class:`RunWords`.
        function: Name of the function that took them, for errors.

    Raises:
        UnknownNameError: There is no such word; the message has the nearest one.
        SpecError: A key of ``settings`` is not of the form ``group.key``, a folder has no name, or
            a word and its older name differ.
    """
    for name in words:
        if name not in RunWords.__annotations__:
            raise UnknownNameError(
                "argument", name, RunWords.__annotations__, where=f"{function}()"
            )
    given = renamed({n: value for n, value in words.items() if value is not None}, f"{function}()")
    for name in ("data", "results", "cache"):  # "" would be the current folder, or no folder
        if given.get(name) == "":
            raise SpecError(f"{name} is empty; expected a folder. Name it, or leave {name} out.")
    return RunArguments(
        flags={name: given[name] for name in _FLAGS if name in given},
        settings=overrides_of(given.get("settings", {})),
        config=optional_path(given.get("config")),
        cache=optional_path(given.get("cache")),
        devices=given.get("devices", 1),
        nodes=given.get("nodes", 1),
        force=given.get("force", False),
        verify_cache=given.get("verify_cache", False),
        cache_mirror=given.get("cache_mirror", ""),
        plugins=paths(given.get("plugins", ())),
        progress=given.get("progress"),
    )


def overrides_of(settings: Mapping[str, Any]) -> Overrides:
    """Return settings as overrides, each with where it was written.

    Raises:
        SpecError: A key is not of the form ``group.key``.
    """
    for key in settings:
        if key.count(".") != 1 or not all(key.split(".")):
            raise SpecError(
                f"settings: found the key '{key}'; expected GROUP.KEY, for example "
                "{'pcl.temperature': 0.07}."
            )
    return {key: Override(value, f"settings, {key}") for key, value in settings.items()}


def in_words(function: F) -> F:
    """Show each word in the signature of a function that takes ``**words``, for ``help``."""
    own = signature(function)
    kept = [p for p in own.parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    (declared,) = get_args(get_type_hints(function)["words"])  # Unpack[RunWords]
    words = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=hint)
        for name, hint in get_type_hints(declared).items()
    ]
    vars(function)["__signature__"] = own.replace(parameters=[*kept, *words])
    return function
