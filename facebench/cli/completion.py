"""Completion in the shell: names of methods, tasks and backbones, and keys and values of ``--set``.

Names are read from metadata; only what completes the keys of a method or task imports it. A shell
must not show errors while a line is typed, so what cannot be completed has no suggestions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import get_args

from facebench.errors import FacebenchError
from facebench.registry import PluginKind, Registry

CORE = ("pretrain", "extract", "align", "probe")  # of request.resolve, whose import takes seconds


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


def among(*words: str) -> Callable[[str], list[str]]:
    """Return what completes one of some words; those that a shell would otherwise offer are files.

    The words are written where the option is, since modules that have them import for long.
    """

    def suggest(incomplete: str) -> list[str]:
        return _beginning(incomplete, words)

    return suggest


def settings(incomplete: str) -> list[str]:
    """Return groups (``pcl.``), then keys of the group (``pcl.orth=``), then values of a word."""
    from facebench.request.option_list import option_list
    from facebench.request.resolve import CORE_GROUPS

    registry = Registry()
    group, dot, rest = incomplete.partition(".")
    if not dot:
        kinds: tuple[PluginKind, ...] = get_args(PluginKind)[:2]
        names = [*CORE_GROUPS, *(name for kind in kinds for name in registry.names(kind))]
        return [f"{name}." for name in _beginning(group, names)]
    try:
        options = option_list(group, registry)
    except FacebenchError:
        return []
    key, equals, _ = rest.partition("=")
    if not equals:
        return _beginning(incomplete, [f"{option.key}=" for option in options])
    words = [option.words for option in options if option.key == f"{group}.{key}"]
    return _beginning(incomplete, [f"{group}.{key}={word}" for each in words for word in each])


def _last_of_list(incomplete: str, names: Iterable[str]) -> list[str]:
    before, comma, last = incomplete.rpartition(",")
    there = before.split(",")
    return [before + comma + name for name in _beginning(last, names) if name not in there]


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
