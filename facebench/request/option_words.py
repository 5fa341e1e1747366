"""Options and the words that they take, read from source: a shell waits while a line is typed.

Importing a plugin takes seconds, since it imports torch.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from facebench.registry import Plugin
from facebench.request.source_files import (
    assigned,
    defined_class,
    defined_value,
    module_file,
    plugin_file,
)

_BOOLEAN = ("true", "false")


def option_words(plugin: Plugin) -> dict[str, tuple[str, ...]] | None:
    """Return by option of a method or a task the words that it takes, in the order of its fields.

    An option that takes numbers or any text has no words. ``recipe`` of a method that has recipes
    is the first.

    Returns:
        None where the source does not say it: there is none, or options are made by a call.
    """
    file = plugin_file(plugin)
    own = None if file is None else defined_class(plugin.target.rpartition(":")[2], file)
    if own is None:
        return None
    options, info = (_class_value(*own, name) for name in ("Options", "info"))
    recipes = None if info is None else _recipes(*info)
    if recipes is None or options is None or not isinstance(options[0], ast.Name):
        return None
    words = field_words_of(options[0].id, options[1])
    return None if words is None else {**recipes, **words}


def words_of(target: str) -> dict[str, tuple[str, ...]] | None:
    """Return the same of a dataclass.

    Args:
        target: ``module:class``.
    """
    module, _, name = target.partition(":")
    file = module_file(module)
    return None if file is None else field_words_of(name, file)


def field_words_of(name: str, file: Path) -> dict[str, tuple[str, ...]] | None:
    """Return the same of a dataclass that a file has or imports; None if a base is unknown."""
    found = defined_class(name, file)
    if found is None:
        return None
    cls, home = found
    words: dict[str, tuple[str, ...]] = {}
    for base in reversed(cls.bases):
        inherited = field_words_of(base.id, home) if isinstance(base, ast.Name) else None
        if inherited is None:
            return None
        words |= inherited
    for node in cls.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            boolean = isinstance(node.annotation, ast.Name) and node.annotation.id == "bool"
            words[node.target.id] = _BOOLEAN if boolean else _choices(node.annotation, home)
    return words


def _choices(annotation: ast.expr, file: Path) -> tuple[str, ...]:
    """Return the values of the literals of an annotation, as ``facebench.ranges.choices`` does."""
    if isinstance(annotation, ast.BinOp):  # int | None
        return _choices(annotation.left, file) + _choices(annotation.right, file)
    if isinstance(annotation, ast.Name):
        found = defined_value(annotation.id, file)
        return () if found is None else _choices(*found)
    if not isinstance(annotation, ast.Subscript):
        return ()
    parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    kind = annotation.value.id if isinstance(annotation.value, ast.Name) else ""
    if kind == "Literal":
        return tuple(str(part.value) for part in parts if isinstance(part, ast.Constant))
    inner = parts[:1] if kind == "Annotated" else parts
    return tuple(word for part in inner for word in _choices(part, file))


def _class_value(cls: ast.ClassDef, file: Path, name: str) -> tuple[ast.expr, Path] | None:
    """Return what a class or one of its bases assigns to a name, and the file that does."""
    own = dict(assigned(cls.body))
    if name in own:
        return own[name], file
    for base in cls.bases:
        found = defined_class(base.id, file) if isinstance(base, ast.Name) else None
        value = None if found is None else _class_value(*found, name)
        if value is not None:
            return value
    return None


def _recipes(info: ast.expr, file: Path) -> Mapping[str, tuple[str, ...]] | None:
    """Return the option ``recipe`` if the ``info`` of a method has recipes; None if unknown."""
    given = {one.arg: one.value for one in info.keywords} if isinstance(info, ast.Call) else None
    if given is None or None in given:
        return None
    recipes = given.get("recipes")
    if isinstance(recipes, ast.Name):
        found = defined_value(recipes.id, file)
        if found is None:
            return None
        recipes = found[0]
    if recipes is None:
        return {}
    if not isinstance(recipes, ast.Dict):
        return None
    names = [str(key.value) for key in recipes.keys if isinstance(key, ast.Constant)]
    known = len(names) == len(recipes.keys)
    return {"recipe": tuple(dict.fromkeys(("paper", *names)))} if known else None
