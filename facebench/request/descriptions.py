"""What a plugin is, in a line, read from its source without importing it."""

from __future__ import annotations

import ast
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

from facebench.registry import Plugin


def description(plugin: Plugin) -> str:
    """Return the first line of the docstring of a plugin's class, else of its module.

    Importing every plugin for a list would take seconds (torch, timm). Empty where there is no
    docstring, or no source.
    """
    module, _, attribute = plugin.target.partition(":")
    file = Path(plugin.target) if plugin.digest else _file_of(module)
    if file is None or not file.is_file():
        return ""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return ""  # loading it says what is wrong
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    own = next((ast.get_docstring(cls) for cls in classes if cls.name == attribute), None)
    lines = (own or ast.get_docstring(tree) or "").splitlines()
    return lines[0] if lines else ""


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
