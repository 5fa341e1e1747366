"""The spec of a stored result, typed and loaded again, so that it can be run again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from facebench.config.align import AlignSpec
from facebench.config.options import Overrides, apply, check_keys, keys_of, layer
from facebench.config.spec import ExtractSpec, PretrainSpec, ProbeSpec, RunSpec, spec_record
from facebench.errors import SpecError
from facebench.method import Method
from facebench.registry import Registry
from facebench.request.loaded import LoadedRun, load_run
from facebench.results.settings import Settings
from facebench.task import Task


def saved_run(settings: Settings, registry: Registry) -> LoadedRun:
    """Return the run that a result is of.

    Args:
        settings: As the result states them.
        registry: Where its method, task and backbone are found.

    Raises:
        SpecError: It has an option that is unknown here, or lacks one.
        PluginError: One of these cannot be loaded.
    """
    stored = {"align": {}, **settings.plain()}
    plugins = registry.load_all({"method": [settings.method], "task": [settings.task]})
    method: type[Method] = plugins["method", settings.method].cls
    task: type[Task] = plugins["task", settings.task].cls
    groups: dict[str, tuple[str, Any]] = {
        method.info.name: ("method_options", method.Options()),
        task.info.name: ("task_options", task.Options()),
        "pretrain": ("pretrain", PretrainSpec()),
        "align": ("align", AlignSpec()),
        "extract": ("extract", ExtractSpec()),
        "probe": ("probe", ProbeSpec()),
    }
    overrides: Overrides = {}
    for group, (place, _) in groups.items():
        overrides |= layer(stored[place], f"the result's {place}", group=group)
    check_keys(overrides, {group: keys_of(type(d)) for group, (_, d) in groups.items()})
    typed = {place: apply(d, group, overrides) for group, (place, d) in groups.items()}
    spec = RunSpec(**{**stored, **typed})
    if lacking := sorted(_leaves(spec_record(spec)) - _leaves(stored) - {"checkpoint"}):
        raise SpecError(
            f"the result's spec lacks {', '.join(lacking)}; expected every option that this "
            "version of facebench knows. Use the version that wrote it."
        )
    return load_run(spec, registry)


def _leaves(tree: Mapping[str, Any], above: str = "") -> set[str]:
    """Return the dotted names of all options."""
    names = set[str]()
    for key, value in tree.items():
        names |= _leaves(value, f"{above}{key}.") if isinstance(value, dict) else {above + key}
    return names
