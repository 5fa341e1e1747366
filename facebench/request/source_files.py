"""Source of plugins and of what they import, parsed without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

from facebench.registry import Plugin


def plugin_file(plugin: Plugin) -> Path | None:
    """Return the file of a plugin's class; None if there is no source."""
    place = plugin.target.rpartition(":")[0]
    return Path(place) if plugin.digest else module_file(place)


def module_file(module: str) -> Path | None:
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


def parsed(file: Path) -> ast.Module | None:
    """Return a file's statements; None if it cannot be read, or is no Python."""
    if not file.is_file():
        return None
    try:
        return _tree(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return None  # loading it says what is wrong


@lru_cache(maxsize=128)  # options and descriptions of many plugins are of a few files
def _tree(source: str) -> ast.Module:
    return ast.parse(source)


def assigned(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that statements assign a value to, and the value."""
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def defined(name: str, file: Path) -> tuple[ast.ClassDef | ast.expr, Path] | None:
    """Return the class or the value that a name of a file is, and the file that has it.

    Returns:
        None for a name that is neither in the file nor imported into it from another source file.
    """
    tree = parsed(file)
    if tree is None:
        return None
    for cls in tree.body:
        if isinstance(cls, ast.ClassDef) and cls.name == name:
            return cls, file
    values = dict(assigned(tree.body))
    if name in values:
        return values[name], file
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    for node in imports:
        for alias in node.names:
            if name == (alias.asname or alias.name):
                source = _imported_file(node, file)
                return None if source is None else defined(alias.name, source)
    return None


def defined_class(name: str, file: Path) -> tuple[ast.ClassDef, Path] | None:
    """Return the class that a name of a file is, and the file that has it; None if it is none."""
    node, home = defined(name, file) or (None, file)
    return (node, home) if isinstance(node, ast.ClassDef) else None


def defined_value(name: str, file: Path) -> tuple[ast.expr, Path] | None:
    """Return the value that a name of a file is, and the file that has it; None if it is none."""
    node, home = defined(name, file) or (None, file)
    return (node, home) if isinstance(node, ast.expr) else None


def _imported_file(node: ast.ImportFrom, file: Path) -> Path | None:
    """Return the file that a statement imports from; relative imports are of one folder."""
    if not node.level:
        return module_file(node.module or "")
    return file.with_name(f"{node.module}.py") if node.level == 1 and node.module else None
