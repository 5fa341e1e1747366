"""Resolves a request to the list of runs: one spec per (method, task, seed)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import compress
from typing import Any

from facebench.config.align import AlignSpec
from facebench.config.options import (
    PRESETS,
    Override,
    Overrides,
    apply,
    check_keys,
    keys_of,
    layer,
    origins,
    without_groups,
)
from facebench.config.spec import ExtractSpec, PretrainSpec, ProbeSpec, RunSpec
from facebench.errors import SpecError, UnknownNameError
from facebench.method import Method
from facebench.protocol import judging_protocol
from facebench.registry import Registry
from facebench.request.extraction import size_of_task, with_defaults
from facebench.request.fitting import own_data, which_fit
from facebench.request.handed_in import check_nothing_learns, given_settings
from facebench.request.layers import declared_layers
from facebench.request.loaded import LoadedRun, Plugins, backbone_plugin, loaded_run
from facebench.request.resolved import ResolvedRun
from facebench.request.sizes import TakenSizes, shared_backbone, with_sizes_taken
from facebench.runtime.device import Precision
from facebench.task import Task
from facebench.weights.checkpoint import Checkpoint

CORE_GROUPS: dict[str, type[Any]] = {
    "pretrain": PretrainSpec,
    "align": AlignSpec,
    "extract": ExtractSpec,
    "probe": ProbeSpec,
}

_log = logging.getLogger(__name__)

GIVEN = "checkpoint"  # the origin of what is known from one that is handed in


@dataclass(frozen=True, kw_only=True)
class Request:
    """The merged request of a command line and a configuration file.

    Args:
        methods: Names of methods.
        tasks: Names of tasks.
        overrides: From the configuration file and ``--set``, later ones already on top.
        backbone: ``facecycle16`` or ``timm:NAME``.
        preset: ``quick`` or ``paper``.
        seeds: One run for each.
        precision: Already resolved for the device.
        limit: Items of each split; 0 is all.
        skip_broken: Record unreadable images instead of stopping.
        dedup_test: Score without leaked test items, too.
        floors: Evaluate the baselines that run without being named (methods whose ``info.floor`` is
            true: the untrained backbone) beside every method.
        checkpoint: Checkpoint of the one method; ``None``: pretrain.
    """

    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    overrides: Overrides
    backbone: str = "facecycle16"
    preset: str = "quick"
    seeds: tuple[int, ...] = (0,)
    precision: Precision = "32"
    limit: int = 0
    skip_broken: bool = False
    dedup_test: bool = False
    floors: bool = True
    checkpoint: Checkpoint | None = None


def resolve(request: Request, registry: Registry) -> list[LoadedRun]:
    """Return the runs that a request means: method by method as asked for, then the baselines.

    Raises:
        SpecError: A name, key or value does not fit; the message says where it was written.
        PluginError: A plugin cannot be loaded.
    """
    return [resolved.loaded for resolved in resolve_with_origins(request, registry)]


def resolve_with_origins(request: Request, registry: Registry) -> list[ResolvedRun]:
    """Return the runs of :func:`resolve`, each with the origins of its options.

    Raises:
        SpecError: A name, key or value does not fit; the message says where it was written.
        PluginError: A plugin cannot be loaded.
    """
    if request.preset not in PRESETS:
        raise UnknownNameError("preset", request.preset, PRESETS)
    if not (request.methods and request.tasks and request.seeds):
        raise SpecError("nothing to run: give --method, --task and at least one seed.")
    plugins = _plugins(request, registry)
    methods: dict[str, type[Method]] = {n: p.cls for (k, n), p in plugins.items() if k == "method"}
    tasks: dict[str, type[Task]] = {name: plugins["task", name].cls for name in request.tasks}
    groups = {name: keys_of(options) for name, options in CORE_GROUPS.items()}
    groups |= {name: keys_of(cls.Options) for name, cls in tasks.items()}
    groups |= {name: [*keys_of(cls.Options), "recipe"] for name, cls in methods.items()}
    check_keys(request.overrides, groups)
    _check_weights(request, methods)
    backbone = _backbone(request, methods)
    # A wrong argument fails now, not after hours.
    shared = shared_backbone(plugins["backbone", backbone_plugin(backbone)].cls, backbone)
    request, sizes = (
        replace(request, backbone=backbone),
        TakenSizes(shared, cache(shared.nearest_size)),
    )
    runs = [
        run
        for method in methods
        for task in request.tasks
        for seed in request.seeds
        for run in _runs_by_feature(request, methods[method], tasks[task], seed, plugins)
    ]
    fits = which_fit([run.loaded for run in runs], request.methods, shared)
    runs = list(compress(runs, fits))
    sized = [(run, *with_sizes_taken(run.loaded, run.origins, sizes)) for run in runs]
    changes = {f"{key} is {origin}" for _, _, new in sized for key, origin in new.items()}
    for change in sorted(changes):
        _log.warning("%s", change)
    return [ResolvedRun(loaded, {**run.origins, **new}) for run, loaded, new in sized]


def _plugins(request: Request, registry: Registry) -> Plugins:
    """Load what a request names: methods (and baselines), then what these need.

    Raises:
        UnknownNameError: There is no plugin of such a name.
        PluginError: One that is asked for cannot be loaded.
    """
    found = registry.load_all(
        {"method": request.methods}, all_of="method" if request.floors else None
    )
    methods: dict[str, type[Method]] = {
        name: plugin.cls
        for (_, name), plugin in found.items()
        if name in request.methods or plugin.cls.info.floor
    }
    learned = {_learned_data(request, cls) for cls in methods.values()}
    others = registry.load_all(
        {"task": request.tasks, "backbone": [backbone_plugin(_backbone(request, methods))]},
        if_known={"task": sorted(learned)},
    )
    return {("method", name): found["method", name] for name in methods} | others


def _learned_data(request: Request, method: type[Method]) -> str:
    """Return what a method learns from, as ``pretrain.data`` names it; nothing if it does not."""
    if not method.info.learns or _given(request, method):
        return ""
    override = _layers(request, method).get("pretrain.data")
    return PretrainSpec().data if override is None else str(override.value)


def _backbone(request: Request, methods: Mapping[str, type[Method]]) -> str:
    """Return the shared backbone: that of a checkpoint that is handed in, if it has one."""
    if request.checkpoint and methods[request.methods[0]].info.backbone:
        return str(request.checkpoint.spec["backbone"])
    return request.backbone


def _check_weights(request: Request, methods: dict[str, type[Method]]) -> None:
    """Check that weights are handed in where they are needed, and for one run of one method."""
    if request.checkpoint is None:
        for name in request.methods:
            if methods[name].info.needs == "file":
                raise SpecError(f"'{name}' has weights from a file alone. Give --checkpoint FILE.")
        return
    if len(request.methods) > 1 or len(request.seeds) > 1:
        raise SpecError(
            f"--checkpoint {request.checkpoint.folder}: found {len(request.methods)} methods and "
            f"{len(request.seeds)} seeds; expected one of each, those that it was learned with."
        )
    check_nothing_learns(request.checkpoint, request.methods[0], request.overrides)
    given_settings(request.checkpoint, methods[request.methods[0]])  # its record fits the options


def _runs_by_feature(
    request: Request, method: type[Method], task: type[Task], seed: int, plugins: Plugins
) -> list[ResolvedRun]:
    """Return a run for each feature that is asked for; a baseline that has none of them has one."""
    asked = _layers(request, method).get("extract.feature")
    value = "" if asked is None else asked.value
    names = [str(name).strip() for name in (value if isinstance(value, list) else value.split(","))]
    if asked is None or len(names) == 1:
        return [_resolved_run(request, method, task, seed, plugins)]
    runs: dict[RunSpec, ResolvedRun] = {}
    for name in dict.fromkeys(filter(None, names)):
        overrides = {**request.overrides, "extract.feature": replace(asked, value=name)}
        run = _resolved_run(replace(request, overrides=overrides), method, task, seed, plugins)
        runs.setdefault(run.spec, run)
    return [*runs.values()]


def _resolved_run(
    request: Request, method: type[Method], task: type[Task], seed: int, plugins: Plugins
) -> ResolvedRun:
    name, given = method.info.name, _given(request, method)
    layers = _layers(request, method)
    if given is None:
        layers |= own_data(method.info, task.info, layers)
    options = apply(method.Options(), name, layers)
    asked = apply(ExtractSpec(), "extract", layers)
    own_size = method.input_size(options)
    named = [plugins["method", other].cls for other in request.methods]
    of_task = size_of_task(task.info, request.preset, named, request.checkpoint)
    extract = with_defaults(
        asked, method, given, own_size or of_task, beside=name not in request.methods
    )
    spec = RunSpec(
        method=name,
        task=task.info.name,
        backbone=request.backbone if method.info.backbone else method.own_backbone(options),
        preset=request.preset,
        method_options=options,
        task_options=apply(task.Options(), task.info.name, layers),
        pretrain=apply(PretrainSpec(), "pretrain", layers),
        align=apply(AlignSpec(), "align", layers),
        extract=extract,
        probe=_probe(task, layers, extract.feature if name in request.methods else ""),
        seed=seed,
        precision=request.precision,
        checkpoint=str(given.folder) if given else "",
        limit=request.limit,
        skip_broken=request.skip_broken,
        dedup_test=request.dedup_test,
    )
    groups = {name: method.Options, **CORE_GROUPS, task.info.name: task.Options}
    declared = {
        "pool": "method",
        "feature": GIVEN if given else "method",
        "image_size": "method" if own_size else "task",
    }
    filled_in = {
        f"extract.{key}": origin
        for key, origin in declared.items()
        if getattr(extract, key) != getattr(asked, key)
    }
    return ResolvedRun(loaded_run(spec, plugins), origins(groups, layers) | filled_in)


def _probe(task: type[Task], layers: Overrides, feature: str) -> ProbeSpec:
    """Return how a task is evaluated, which must be a way that it and the feature can be.

    Args:
        task: The task.
        layers: What all layers say.
        feature: The feature of a method that is asked for; empty: of a baseline, which has its own.
    """
    probe: ProbeSpec = apply(ProbeSpec(), "probe", layers)
    needed = judging_protocol(task.info, probe.kind).needs_feature
    if needed and feature not in (needed, ""):
        raise SpecError(
            f"--probe {probe.kind} evaluates the feature {needed}; found extract.feature "
            f"{feature}. Give --set extract.feature={needed}, which transformers of facebench "
            "evaluate have."
        )
    return probe


def _given(request: Request, method: type[Method]) -> Checkpoint | None:
    """Return the checkpoint if it is this method's; a baseline beside it has none."""
    return request.checkpoint if method.info.name in request.methods else None


def _layers(request: Request, method: type[Method]) -> Overrides:
    """Return what all layers say about a method's runs; see :mod:`facebench.config.options`."""
    name = method.info.name
    written = dict(request.overrides)
    recipe = written.pop(f"{name}.recipe", Override("paper", "the default"))
    layers = declared_layers(method, request.preset, recipe) | written
    if (given := _given(request, method)) is None:
        return layers
    learned = given.spec  # says all about its learning, so nothing else does
    return (
        without_groups(layers, (name, "pretrain"))
        | layer(learned["method_options"], GIVEN, group=name)
        | layer(learned["pretrain"], GIVEN, group="pretrain")
    )
