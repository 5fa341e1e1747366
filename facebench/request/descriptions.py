"""What a plugin says about itself, read from its source without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from facebench.registry import Plugin


def description(plugin: Plugin) -> str:
    """Return the first line of the docstring of a plugin's class, else of its module, unmarked.

    Importing every plugin for a list would take seconds (torch, timm). Empty where there is no
    docstring, or no source.
    """
    tree = _source(plugin)
    if tree is None:
        return ""
    own = _class(tree, plugin)
    lines = ((own and ast.get_docstring(own)) or ast.get_docstring(tree) or "").splitlines()
    return lines[0].replace("``", "") if lines else ""


def declared(plugin: Plugin) -> dict[str, Any]:
    """Return what the ``info`` of a plugin's class says in literals, or by constants beside it.

    What has to be computed (``classes=tuple(...)``) is not among it. Empty where there is no
    source.
    """
    tree = _source(plugin)
    own = None if tree is None else _class(tree, plugin)
    if tree is None or own is None:
        return {}
    constants = dict(_assigned(tree.body))
    info = dict(_assigned(own.body)).get("info")
    if not isinstance(info, ast.Call):
        return {}
    found = {}
    for keyword in info.keywords:
        value: ast.expr = keyword.value
        if isinstance(value, ast.Name):
            value = constants.get(value.id, value)
        try:
            found[keyword.arg or ""] = ast.literal_eval(value)
        except (ValueError, TypeError, MemoryError, RecursionError):
            continue
    return found


def option_names(plugin: Plugin) -> frozenset[str] | None:
    """Return the names of a plugin's options; None where the source does not say them."""
    file = _file(plugin)
    tree = _source(plugin)
    own = None if tree is None else _class(tree, plugin)
    if file is None or own is None:
        return None
    options = dict(_assigned(own.body)).get("Options")
    return _fields(options.id, file) if isinstance(options, ast.Name) else None


def _fields(name: str, file: Path) -> frozenset[str] | None:
    """Return the fields of a dataclass of a file, or of a file beside it that it is taken from."""
    tree = _parsed(file)
    if tree is None:
        return None
    found = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name), None)
    if found is None:
        taken = [
            node.module
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module
            and any(alias.name == name for alias in node.names)
        ]  # fmt: skip
        return _fields(name, file.with_name(f"{taken[0]}.py")) if taken else None
    names = {
        node.target.id
        for node in found.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    for base in found.bases:
        inherited = _fields(base.id, file) if isinstance(base, ast.Name) else None
        if inherited is None:
            return None
        names |= inherited
    return frozenset(names)


def _assigned(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that statements assign a value to, and the value."""
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def _class(tree: ast.Module, plugin: Plugin) -> ast.ClassDef | None:
    name = plugin.target.partition(":")[2]
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return next((cls for cls in classes if cls.name == name), None)


def _source(plugin: Plugin) -> ast.Module | None:
    file = _file(plugin)
    return None if file is None else _parsed(file)


def _file(plugin: Plugin) -> Path | None:
    return Path(plugin.target) if plugin.digest else _file_of(plugin.target.partition(":")[0])


def _parsed(file: Path) -> ast.Module | None:
    if not file.is_file():
        return None
    try:
        return _tree(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return None  # loading it says what is wrong


@lru_cache(maxsize=128)  # options and descriptions of many plugins are of a few files
def _tree(source: str) -> ast.Module:
    return ast.parse(source)


def _file_of(module: str) -> Path | None:
    """Return a module's file; ``find_spec`` of a submodule would import the packages above it."""
    top, *below = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    name = top
    for part in below:
        if spec is None:
            return None
        name = f"{name}.{part}"
        spec = PathFinder.find_spec(name, spec.submodule_search_locations)
    return Path(spec.origin) if spec is not None and spec.origin else None
