"""What the source of an options dataclass says of its fields: a docstring's ``Args``, or comments.

::

    class MineOptions:
        margin: float = 0.5  # Eq. 2; added to the distance
        # images of a batch that the decoder sees
        decoded: int = 8
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import textwrap
import tokenize
from dataclasses import is_dataclass


def field_words(options: type) -> dict[str, str]:
    """Return by field what is said of it; nothing of a field that has no words.

    A field that a subclass states again has the words of the subclass: those of its base may be
    about another default.

    Args:
        options: An options dataclass; its bases are read, too.
    """
    found: dict[str, str] = {}
    for cls in reversed(options.__mro__):
        if is_dataclass(cls):
            found |= _own_words(cls)
    return {name: words for name, words in found.items() if words}


def _own_words(cls: type) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(cls))
        (tree,) = ast.parse(source).body
    except (OSError, TypeError, SyntaxError, ValueError):  # no source here
        return {}
    if not isinstance(tree, ast.ClassDef):
        return {}
    beside, above = _comments(source)
    documented = _documented(ast.get_docstring(tree) or "")
    words = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            inside = range(node.lineno, 1 + (node.end_lineno or node.lineno))
            lines = [beside[line] for line in inside if line in beside]
            line = node.lineno - 1
            while line in above:
                lines.insert(0, above[line])
                line -= 1
            said = documented.get(node.target.id) or " ".join(lines)
            words[node.target.id] = said
    return words


def _comments(source: str) -> tuple[dict[int, str], dict[int, str]]:
    """Return the comments beside code, and those alone on their line, by number of line."""
    beside: dict[int, str] = {}
    alone: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            text = token.string.lstrip("#").strip()
            directive = re.match(r"(type:|noqa|fmt:|pragma)", text)
            own = token.line.lstrip().startswith("#")
            if not directive:
                (alone if own else beside)[token.start[0]] = text
    return beside, alone


def _documented(docstring: str) -> dict[str, str]:
    """Return what the section ``Args`` of a docstring says of each name."""
    _, _, section = docstring.partition("\nArgs:\n")
    section = re.split(r"\n(?=\S)", section)[0]
    entries = re.split(r"\n(?=\S)", textwrap.dedent(section))
    parts = (entry.partition(":") for entry in entries)
    return {name: " ".join(words.replace("``", "").split()) for name, _, words in parts if words}
