"""The options of a plugin or of a group: default, range, and the presets that set them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from facebench.config.options import PRESETS
from facebench.errors import UnknownNameError
from facebench.method import Method
from facebench.ranges import choices, declared, describe
from facebench.registry import Registry
from facebench.request.field_words import field_words
from facebench.request.resolve import CORE_GROUPS


@dataclass(frozen=True)
class OptionInfo:
    """One option of ``--set``.

    Args:
        key: ``group.name``, as ``--set`` takes it.
        default: Its default.
        allowed: What it takes, in words, with its range.
        said: Values that presets and recipes give it, by ``preset quick`` or ``recipe official``.
        words: What it takes, where that is one of a few words.
        about: What it is, or the source of its default, as its source code says; may be empty.
    """

    key: str
    default: Any
    allowed: str
    said: Mapping[str, Any]
    words: tuple[str, ...] = ()
    about: str = ""


def option_list(name: str, registry: Registry) -> list[OptionInfo]:
    """Return the options of a method, of a task, or of a group that all methods have.

    Raises:
        UnknownNameError: There is no such method, task or group.
        PluginError: It cannot be loaded.
    """
    if name in CORE_GROUPS:
        return list(_options(name, CORE_GROUPS[name], PRESETS, {}))
    methods, tasks = registry.names("method"), registry.names("task")
    if name in methods:
        cls: type[Method] = registry.load("method", name)
        recipes = tuple(dict.fromkeys(("paper", *cls.info.recipes)))
        recipe = OptionInfo(
            f"{name}.recipe", "paper", f"one of {', '.join(recipes)}", {}, recipes,
            "options that are set together: as the paper says, or as its code has them",
        )  # fmt: skip
        own = _options(name, cls.Options, cls.info.presets, cls.info.recipes)
        return [*([recipe] if cls.info.recipes else []), *own]
    if name in tasks:
        return list(_options(name, registry.load("task", name).Options, {}, {}))
    raise UnknownNameError("method, task or group", name, [*CORE_GROUPS, *methods, *tasks])


def _options(
    group: str,
    options: type[Any],
    presets: Mapping[str, Mapping[str, Any]],
    recipes: Mapping[str, Mapping[str, Any]],
) -> Iterator[OptionInfo]:
    layers = {f"preset {name}": values for name, values in presets.items()}
    layers |= {f"recipe {name}": values for name, values in recipes.items()}
    hints, defaults, about = declared(options), options(), field_words(options)
    for field in fields(options):
        key = f"{group}.{field.name}"
        said = {
            layer: values[name]
            for layer, values in layers.items()
            for name in (key, field.name)
            if name in values
        }
        default = getattr(defaults, field.name)
        hint = hints[field.name]
        words = ("true", "false") if hint is bool else tuple(map(str, choices(hint)))
        yield OptionInfo(key, default, describe(hint), said, words, about.get(field.name, ""))
