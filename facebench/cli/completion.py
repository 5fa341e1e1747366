"""Completion in the shell: names of methods, tasks and backbones, and keys and values of ``--set``.

Names are read from metadata, and options from source: importing what has them takes seconds. A
shell must not show errors while a line is typed, so what cannot be completed has no suggestions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import get_args

from facebench.errors import FacebenchError
from facebench.registry import PluginKind, Registry

# Groups of options that are no plugin's, and where they are declared.
CORE = MappingProxyType(
    {
        "pretrain": "facebench.config.spec:PretrainSpec",
        "extract": "facebench.config.spec:ExtractSpec",
        "align": "facebench.config.align:AlignSpec",
        "probe": "facebench.config.spec:ProbeSpec",
    }
)
# Of facebench.api.figure_folder, whose import takes seconds.
FIGURES = (
    "curves", "probe", "confusion", "roc", "det", "actions", "yaw", "mistakes", "neighbours",
    "features-pca", "features-tsne", "reconstructions", "forest", "compute", "critical", "ranks",
    "labels",
)  # fmt: skip
_ENTERING = {"preprocess": "facebench.models.preprocess:Preprocess"}


def methods(incomplete: str) -> list[str]:
    """Return comma-separated lists of methods, of which the last begins with what was typed."""
    return _last_of_list(incomplete, ["all", *Registry().names("method")])


def tasks(incomplete: str) -> list[str]:
    """Return comma-separated lists of tasks, of which the last begins with what was typed."""
    return _last_of_list(incomplete, ["all", *Registry().names("task")])


def task(incomplete: str) -> list[str]:
    """Return the tasks that begin with what was typed."""
    return _beginning(incomplete, Registry().names("task"))


def backbones(incomplete: str) -> list[str]:
    """Return the backbones; one that takes a model's name ends in a colon."""
    names = Registry().names("backbone")
    return _beginning(incomplete, [f"{name}:" if name == "timm" else name for name in names])


def kinds(incomplete: str) -> list[str]:
    """Return what can be listed."""
    return _beginning(incomplete, ["methods", "tasks", "backbones", "options"])


def groups(incomplete: str) -> list[str]:
    """Return what has options: groups that all methods have, methods and tasks."""
    registry = Registry()
    return _beginning(incomplete, [*CORE, *registry.names("method"), *registry.names("task")])


def presets(incomplete: str) -> list[str]:
    """Return the presets."""
    from facebench.config.options import PRESETS

    return _beginning(incomplete, PRESETS)


def zoo(incomplete: str) -> list[str]:
    """Return the published models."""
    from facebench.zoo.catalogue import zoo_names

    return _beginning(incomplete, zoo_names())


def ablations(incomplete: str) -> list[str]:
    """Return the ablations that ship with facebench."""
    from facebench.config.ablations import ablation_names

    return _beginning(incomplete, ablation_names())


def plugins(incomplete: str) -> list[str]:
    """Return methods, tasks and backbones."""
    registry, kinds = Registry(), get_args(PluginKind)
    return _beginning(incomplete, [name for kind in kinds for name in registry.names(kind)])


def figures(incomplete: str) -> list[str]:
    """Return comma-separated lists of figures, of which the last begins with what was typed."""
    return _last_of_list(incomplete, FIGURES)


def among(*words: str) -> Callable[[str], list[str]]:
    """Return what completes one of some words; those that a shell would otherwise offer are files.

    The words are written where the option is, since modules that have them import for long.
    """

    def suggest(incomplete: str) -> list[str]:
        return _beginning(incomplete, words)

    return suggest


def settings(incomplete: str) -> list[str]:
    """Return groups (``pcl.``), then keys of the group (``pcl.orth=``), then values of a word."""
    return _setting(incomplete, CORE, ("method", "task"))


def settings_of_model(incomplete: str) -> list[str]:
    """Return the same of a model that facebench does not train."""
    groups = {name: place for name, place in CORE.items() if name != "pretrain"}
    return _setting(incomplete, {**_ENTERING, **groups}, ("task",))


def settings_of_input(incomplete: str) -> list[str]:
    """Return the same of how images enter a model."""
    return _setting(incomplete, {**_ENTERING, "align": CORE["align"]}, ("task",))


def _setting(
    incomplete: str, groups: Mapping[str, str], kinds: tuple[PluginKind, ...]
) -> list[str]:
    registry = Registry()
    group, dot, rest = incomplete.partition(".")
    kind_of = {name: kind for kind in kinds for name in registry.names(kind)}
    if not dot:
        return [f"{name}." for name in _beginning(group, [*groups, *kind_of])]
    if group not in groups and group not in kind_of:
        return []
    try:
        words = _words(group, groups.get(group), kind_of.get(group), registry)
    except FacebenchError:  # it cannot be loaded, or two plugins have the name
        return []
    key, equals, _ = rest.partition("=")
    if not equals:
        return _beginning(incomplete, [f"{group}.{name}=" for name in words])
    return _beginning(incomplete, [f"{group}.{key}={word}" for word in words.get(key, ())])


def _words(
    group: str, declared: str | None, kind: PluginKind | None, registry: Registry
) -> Mapping[str, tuple[str, ...]]:
    """Return the options of a group and the words that each takes."""
    from facebench.request.option_words import option_words, words_of

    if kind is None:
        return words_of(declared or "") or {}
    words = option_words(registry.find(kind, group))
    if words is None:  # its source does not say it
        from facebench.request.option_list import option_list

        found = option_list(group, registry)
        words = {option.key.removeprefix(f"{group}."): option.words for option in found}
    return words


def plain_descriptions() -> None:
    """Let typer leave descriptions as they are; it takes ``[default: auto]`` for a style of rich.

    It would also break them at 80 columns, and a shell lists one in a line.
    """
    from typer import _completion_classes

    if hasattr(_completion_classes, "_sanitize_help_text"):
        _completion_classes._sanitize_help_text = _unchanged


def _unchanged(text: str) -> str:
    return text


def _last_of_list(incomplete: str, names: Iterable[str]) -> list[str]:
    before, comma, last = incomplete.rpartition(",")
    there = before.split(",")
    return [before + comma + name for name in _beginning(last, names) if name not in there]


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
