"""Resolves the settings of a sweep to runs, each setting as a request of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from facebench.config.options import Overrides
from facebench.config.spec import RunSpec
from facebench.config.sweep_file import Setting, Sweep
from facebench.errors import SpecError, UnknownNameError
from facebench.registry import Registry
from facebench.request.arguments import build_request
from facebench.request.loaded import LoadedRun
from facebench.request.resolve import Request, resolve
from facebench.runtime.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class SweepEntry:
    """One run requested by one setting; several settings may request the same run.

    Args:
        setting: Number of the setting.
        name: Name of the setting's row; may be empty.
        title: Title of the method.
        alone: Whether the name of the setting identifies the method.
        point: Grid values that concern this method, such as ``("pcl.negatives=2",)``.
        printed: Task -> score printed in the paper.
        floor: Whether the run is a baseline without learning, added to the requested ones.
        run: Specification of the run, with the classes that it names.
    """

    setting: int
    name: str
    title: str
    alone: bool
    point: tuple[str, ...]
    printed: Mapping[str, float]
    floor: bool
    run: LoadedRun

    @property
    def spec(self) -> RunSpec:
        """Return what is run."""
        return self.run.spec


def sweep_requests(
    sweep: Sweep,
    flags: Mapping[str, Any],
    settings: Overrides,
    workspace: Workspace,
    registry: Registry,
) -> list[Request]:
    """Return the request of each setting, in the order of the file.

    Args:
        sweep: The sweep.
        flags: Run-wide keys from the command line; they override the file's.
        settings: Options from the command line; they override the file's shared options.
        workspace: Workspace that names the device.
        registry: Known methods, tasks and backbones.

    Raises:
        SpecError: A name, key or value does not fit, or a varied key is also set by a flag.
        PluginError: A plugin cannot be loaded.
    """
    shared = {**sweep.overrides, **settings}
    _refuse_varied(sweep, flags, settings)
    _check_printed(sweep, registry)
    top = {**sweep.top, **flags}
    return [
        _setting_request(setting, top, shared, workspace, registry) for setting in sweep.settings
    ]


def sweep_entries(
    sweep: Sweep, requests: Sequence[Request], registry: Registry
) -> list[SweepEntry]:
    """Return the runs of all settings, in the order of the file.

    Args:
        sweep: The sweep.
        requests: Requests from :func:`sweep_requests`.
        registry: Known methods, tasks and backbones.

    Raises:
        SpecError: A name, key or value does not fit.
    """
    methods = {name for request in requests for name in request.methods}
    return [
        entry
        for number, request in enumerate(requests)
        for entry in _entries(number, sweep.settings[number], request, methods, registry)
    ]


def _setting_request(
    setting: Setting,
    top: Mapping[str, Any],
    shared: Overrides,
    workspace: Workspace,
    registry: Registry,
) -> Request:
    values = {**setting.grid, **setting.values}
    own = {key: override.value for key, override in values.items() if "." not in key}
    if setting.method is not None:
        own["method"] = setting.method
    options = {key: override for key, override in values.items() if "." in key}
    keys = {**top, **own}
    if "pretrain.data" in options:  # else the file's run-wide key would win over the setting's
        keys.pop("pretrain_data", None)
    return build_request(keys, {**shared, **options}, workspace, registry)


def _entries(
    number: int, setting: Setting, request: Request, methods: set[str], registry: Registry
) -> Iterator[SweepEntry]:
    """Yield the runs of one setting.

    Options of methods that only other settings run are left out; options that the row itself sets
    are kept, and are an error if they concern a method that the row does not run.
    """
    foreign = methods - set(request.methods)
    kept = {
        key: override
        for key, override in request.overrides.items()
        if key in setting.values or key.partition(".")[0] not in foreign
    }
    runs = resolve(replace(request, overrides=kept), registry)
    features = {(run.spec.method, run.spec.extract.feature) for run in runs}
    if len(features) > len({method for method, _ in features}):
        raise SpecError(
            "extract.feature names several features; a sweep takes one for each setting. Vary it: "
            "grid: {extract.feature: [f_s, f_f]}."
        )
    for run in runs:
        name = run.spec.method
        floor, others = name not in request.methods, methods - {name}
        yield SweepEntry(
            setting=number,
            name=setting.name,
            title=run.method.info.title,
            alone=bool(setting.name) and len(request.methods) == 1 and not floor,
            point=tuple(
                f"{key}={override.value}"
                for key, override in setting.grid.items()
                if key.partition(".")[0] not in others
            ),
            printed={} if floor else setting.printed,
            floor=floor,
            run=run,
        )


def _refuse_varied(sweep: Sweep, flags: Mapping[str, Any], settings: Overrides) -> None:
    """Refuse a flag that would make the settings of a sweep equal.

    Raises:
        SpecError: A flag sets a key that is also set by a row or by the grid.
    """
    set_by_flag = {key: override.where for key, override in settings.items()}
    for key in flags:
        option = {"pretrain_data": "pretrain.data", "probe": "probe.kind"}.get(key, key)
        set_by_flag[option] = f"--{key.replace('_', '-')}"
    for key, override in sweep.varied.items():
        if key in set_by_flag:
            raise SpecError(
                f"{set_by_flag[key]}: {key} is what this sweep varies ({override.where}). "
                "Leave the flag out, or write a sweep file of your own."
            )


def _check_printed(sweep: Sweep, registry: Registry) -> None:
    known = registry.names("task")
    for setting in sweep.settings:
        for task in setting.printed:
            if task not in known:
                raise UnknownNameError("task", task, known, where=f"{sweep.where}, published")
