"""What a plugin says about itself, read from its source without importing it."""

from __future__ import annotations

import ast
from typing import Any

from facebench.registry import Plugin
from facebench.request.option_words import option_words
from facebench.request.source_files import assigned, parsed, plugin_file


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
    constants = dict(assigned(tree.body))
    info = dict(assigned(own.body)).get("info")
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
    words = option_words(plugin)
    return None if words is None else frozenset(words) - {"recipe"}


def _class(tree: ast.Module, plugin: Plugin) -> ast.ClassDef | None:
    name = plugin.target.rpartition(":")[2]
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return next((cls for cls in classes if cls.name == name), None)


def _source(plugin: Plugin) -> ast.Module | None:
    file = plugin_file(plugin)
    return None if file is None else parsed(file)
