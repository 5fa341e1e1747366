"""Converts options from flags, ``--set``, YAML and presets to typed, frozen specs.

Layers, later ones win: defaults of the dataclasses < budget of the recipe < preset of the core <
preset of the method < loss and views of the recipe < configuration file < flags and ``--set``.

Recipes are declared by methods (``--set pcl.recipe=official``). A recipe's keys in the method's own
group set loss and views and take precedence over presets. Its other keys (``pretrain.epochs``) set
the budget, where presets take precedence.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from facebench.config.yaml_file import Block, check_words, read_yaml
from facebench.errors import SpecError, UnknownNameError, shortened
from facebench.ranges import check_value, check_values, declared, describe, nearest, plain_type

# A budget of minutes on two CPU cores. Further overrides of a method are in its own `presets`.
# Small images take a quarter of the time of 64 px, with higher scores (docs/fidelity.md).
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "paper": {},
    "quick": {
        "pretrain.limit": 2048,
        "pretrain.sampling": "frames",  # the default, repeated because it defines an epoch
        "pretrain.epochs": 4,
        "pretrain.batch_size": 128,
        "pretrain.image_size": 32,
        "pretrain.lr": 1e-3,
        "pretrain.schedule": "onecycle",
        "probe.epochs": 100,
    },
}

DEFAULT = "default"  # the origin of a value that no layer sets

CONFIG_KEYS = (
    "method", "task", "backbone", "preset", "seeds", "device", "precision", "limit",
    "pretrain_data", "data", "synthetic", "results", "skip_broken", "baselines",
    "dedup_test", "checkpoint", "prefix", "probe",
)  # fmt: skip

OLD_KEYS: Mapping[str, str] = {"floors": "baselines"}
"""Older names of keys, which are read as before."""


@dataclass(frozen=True)
class Override:
    """The value of one option in one layer.

    Args:
        value: Text from the command line, or a value from YAML or Python.
        where: Origin of the value (``--set pcl.temperature=x``, ``preset quick``), used in error
            messages.
        line: Its line in a file; 0 for other origins.
    """

    value: Any
    where: str
    line: int = field(default=0, compare=False)

    @property
    def place(self) -> str:
        """Return where it was written, with the line of a file."""
        return f"{self.where} (line {self.line})" if self.line else self.where


Overrides = dict[str, Override]  # "group.key" -> override


def parse_set(items: list[str]) -> Overrides:
    """Parse ``--set group.key=value`` items.

    Raises:
        SpecError: An item is not of that form.
    """
    overrides: Overrides = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals or key.count(".") != 1 or not all(key.split(".")):
            raise SpecError(
                f"--set {shortened(item)}: expected GROUP.KEY=VALUE, for example "
                "pcl.temperature=0.07."
            )
        overrides[key] = Override(value, f"--set {shortened(item, 200)}")
    return overrides


def read_config(path: Path) -> tuple[dict[str, Any], Overrides]:
    """Read a YAML file: run-wide keys at the top, option groups as blocks.

    Returns:
        The run-wide values (``method``, ``task``, ``seeds`` ...), and the overrides, among them
        ``pretrain_data``, which is another name of ``pretrain.data``.

    Raises:
        SpecError: The file is missing, is not YAML, or is not of that shape.
    """
    content = read_yaml(path, f"--config {path}")
    check_words(content, f"--config {path}")
    top: dict[str, Any] = {}
    overrides: Overrides = {}
    for key, value in content.items():
        where = f"{path}, {key}"
        if isinstance(value, Block):
            for name, item in value.items():
                overrides[f"{key}.{name}"] = Override(item, f"{where}.{name}", value.line(name))
        elif key == "pretrain_data":
            overrides["pretrain.data"] = Override(value, where, content.line(key))
        elif key in CONFIG_KEYS or key in OLD_KEYS:
            top[key] = value
        else:
            raise UnknownNameError("key", str(key), CONFIG_KEYS, where=str(path))
    return renamed(top, str(path)), overrides


def renamed(
    values: Mapping[str, Any], where: str, older: Mapping[str, str] = OLD_KEYS
) -> dict[str, Any]:
    """Return values by today's names of their keys.

    Args:
        values: By today's or older names.
        where: Names their place in messages.
        older: Older names, and today's; by default those of run-wide values.

    Raises:
        SpecError: A key is there by both names, with different values.
    """
    found = dict(values)
    for old, new in older.items():
        if old not in found:
            continue
        value = found.pop(old)
        if found.setdefault(new, value) != value:
            raise SpecError(
                f"{where}: found {new} '{shortened(found[new])}' and {old} '{shortened(value)}', "
                f"an older name of the same; expected one value. Leave {old} out."
            )
    return found


def layer(values: Mapping[str, Any], where: str, *, group: str = "") -> Overrides:
    """Return ``values`` as overrides; a key without a dot belongs to ``group``."""
    return {
        key if "." in key else f"{group}.{key}": Override(value, where)
        for key, value in values.items()
    }


def keys_of(options: type[Any]) -> list[str]:
    """Return the keys of an option group, which is a dataclass."""
    return [f.name for f in fields(options)]


def group_of(key: str) -> str:
    """Return the option group of ``group.key``."""
    return key.partition(".")[0]


def without_groups(overrides: Overrides, groups: Sequence[str]) -> Overrides:
    """Return the overrides of all groups except ``groups``."""
    return {key: override for key, override in overrides.items() if group_of(key) not in groups}


def origins(groups: Mapping[str, type[Any]], overrides: Overrides) -> dict[str, str]:
    """Return the origin of each value that :func:`apply` sets.

    Args:
        groups: Option group -> its dataclass.
        overrides: The overrides to apply.

    Returns:
        ``group.key`` of every option, in the order of the groups and of their fields -> ``where``
        of its override, or ``default``.
    """
    keys = [f"{group}.{name}" for group, options in groups.items() for name in keys_of(options)]
    return {key: overrides[key].where if key in overrides else DEFAULT for key in keys}


def check_keys(overrides: Overrides, groups: Mapping[str, Sequence[str]]) -> None:
    """Check that every override names an option that exists.

    Args:
        overrides: The overrides to check.
        groups: Option group -> its keys, for everything that the command runs.

    Raises:
        UnknownNameError: With the nearest key, and the list of keys of the group.
    """
    for key, override in overrides.items():
        group, _, name = key.partition(".")
        if group not in groups:
            raise UnknownNameError("option group", group, groups, where=override.where)
        if name not in groups[group]:
            known = [f"{group}.{option}" for option in groups[group]]
            raise UnknownNameError("option", key, known, where=override.where)


def apply(options: Any, group: str, overrides: Overrides) -> Any:
    """Return ``options`` with the overrides of ``group``, each typed by its field.

    Raises:
        SpecError: A value does not fit its field, or is out of range.
    """
    hints = declared(type(options))
    changes = {}
    for key, override in overrides.items():
        prefix, _, name = key.partition(".")
        if prefix == group:
            changes[name] = parse_value(override, hints[name], key)
    try:
        changed = replace(options, **changes)
        check_values(changed, group)  # those of a plugin that does not do so itself
        return changed
    except SpecError as error:
        causes = ", ".join(o.where for k, o in overrides.items() if group_of(k) == group)
        raise SpecError(f"{error} Given by: {causes}.") from error


def parse_value(override: Override, hint: Any, key: str) -> Any:
    """Return the override as a value of type ``hint``, within the range that this declares.

    Raises:
        SpecError: It does not fit; the message says what was expected, and the nearest choice.
    """
    try:
        value = _convert(override.value, hint)
    except (ValueError, TypeError, OverflowError):
        place = f"{override.place}: " if override.place else ""
        raise SpecError(
            f"{place}{key} is '{shortened(override.value)}'; expected "
            f"{describe(hint)}.{nearest(override.value, hint)}"
        ) from None
    check_value(value, hint, key, override.place)
    return value


def _convert(value: Any, hint: Any) -> Any:
    hint = plain_type(hint)
    origin = get_origin(hint)
    if origin is Literal:
        for choice in get_args(hint):
            if str(value) == str(choice):
                return choice
        raise ValueError
    if origin in (Union, types.UnionType):
        return _convert_union(value, get_args(hint))
    if origin is tuple:
        items = value.split(",") if isinstance(value, str) else list(value)
        return tuple(_convert(item, get_args(hint)[0]) for item in items if item != "")
    if hint is bool:
        return _convert_bool(value)
    if isinstance(value, bool):  # True is an int in Python, but not what `epochs: true` means
        raise ValueError
    if hint is int and isinstance(value, float):
        if value != int(value):
            raise ValueError
        return int(value)
    if hint is str and not isinstance(value, (str, int, float)):
        raise ValueError
    return hint(value)


def _convert_union(value: Any, choices: tuple[Any, ...]) -> Any:
    if type(None) in choices and value in (None, "none", "None"):
        return None
    for choice in choices:
        try:
            return _convert(value, choice)
        except (ValueError, TypeError):
            continue
    raise ValueError


def _convert_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word in ("true", "on", "yes", "1"):
        return True
    if word in ("false", "off", "no", "0"):
        return False
    raise ValueError
