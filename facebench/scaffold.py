"""Writes a new plugin package (``facebench new method NAME``).

The files are templates in ``facebench/templates/<kind>``, which are package data. In their names
``module`` is replaced by the name of the plugin's module.
"""

from __future__ import annotations

import datetime
import keyword
import re
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Literal, get_args

from facebench.errors import SpecError, UnknownNameError
from facebench.registry import CONTRACTS, Registry
from facebench.runtime.atomic import atomic_folder

PackageKind = Literal["method", "task"]

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.ASCII)
_LONGEST = 30
_TAKEN = ("all", "pretrain", "extract", "probe")  # used by the command line and its option groups
_SUFFIX = ".tmpl"


def write_package(kind: str, name: str, into: Path, registry: Registry) -> Path:
    """Write a package with one working plugin, its test, and its entry point.

    Args:
        kind: ``method`` or ``task``.
        name: Name of the plugin, in lower snake case.
        into: Folder in which the package's own folder, ``facebench-NAME``, is created.
        registry: The installed plugins, whose names cannot be used again.

    Returns:
        The package's folder.

    Raises:
        SpecError: The kind is another one, the name is not well-formed or taken, or the folder
            exists.
    """
    if kind not in get_args(PackageKind):
        raise UnknownNameError("kind", kind, get_args(PackageKind))
    templates = _templates(kind)
    _check_name(name, templates, registry)
    distribution = f"facebench-{name.replace('_', '-')}"
    module = f"facebench_{name}"
    values = {
        "name": name,
        "cls": _class_name(name),
        "distribution": distribution,
        "module": module,
        "year": str(datetime.datetime.now(datetime.UTC).year),
    }
    target = into / distribution
    if target.exists():
        raise SpecError(f"{target}: exists; expected a folder to make. Choose another --into.")
    with atomic_folder(target) as folder:
        for file, text in templates.items():
            written = Template(text).substitute(values)
            (folder / file.replace("module", module)).write_text(written, encoding="utf-8")
    return target


def _templates(kind: str) -> dict[str, str]:
    """Return the template texts of a kind by file name."""
    folder = files("facebench") / "templates" / kind
    return {
        entry.name.removesuffix(_SUFFIX): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(_SUFFIX)
    }


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _check_name(name: str, templates: dict[str, str], registry: Registry) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise SpecError(
            f"the name is '{name}'; expected lower snake case (my_method), beginning with a "
            f"letter, of at most {_LONGEST} characters."
        )
    for known in CONTRACTS:
        if name in registry.names(known):  # type: ignore[arg-type]
            owner = registry.find(known, name).owner  # type: ignore[arg-type]
            raise SpecError(
                f"the {known} '{name}' exists, from {owner}; one name has one owner, and options "
                "are set by it. Choose another name."
            )
    cls = _class_name(name)
    used = any(re.search(rf"\b{cls}\b", text) for text in templates.values())
    if name in _TAKEN or keyword.iskeyword(cls) or used:
        raise SpecError(
            f"the name is '{name}'; '{name if name in _TAKEN else cls}' has a meaning already. "
            "Choose another name."
        )
