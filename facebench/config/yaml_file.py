"""Reads YAML as plain values, with the line of every key, and mistakes as one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from facebench.errors import SpecError, shortened

# Run-wide keys whose value is one word, or a list of words.
_WORDS = frozenset(
    {"backbone", "preset", "device", "pretrain_data", "data", "results", "checkpoint", "title"}
)
_LISTS = frozenset({"method", "task"})


class Block(dict[Any, Any]):
    """A mapping of a YAML file.

    Args:
        lines: The line of each key, counted from 1.
    """

    lines: dict[Any, int]

    def line(self, key: Any) -> int:
        """Return the line of a key."""
        return self.lines[key]


class _Loader(yaml.SafeLoader):
    """Plain values only; mappings know their lines, and a key that is there twice is an error."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return the value of a node; one that does not fit its tag is an error of its line."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, OverflowError, KeyError, AttributeError) as error:
            raise yaml.constructor.ConstructorError(
                None, None, f"{shortened(getattr(node, 'value', ''))} is no value "
                f"of the kind {node.tag.rpartition(':')[2]} ({shortened(error)})", node.start_mark,
            ) from error  # fmt: skip


def _construct_block(loader: _Loader, node: yaml.MappingNode) -> Block:
    loader.flatten_mapping(node)  # "<<: *defaults"
    block = Block()
    block.lines = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, (str, int, float, bool)) and key is not None:
            raise yaml.constructor.ConstructorError(
                None, None, "a list or block as a key; expected a word", key_node.start_mark
            )
        if key in block:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key} is there twice, first in line {block.lines[key]}",
                key_node.start_mark,
            )  # fmt: skip
        block[key] = loader.construct_object(value_node, deep=True)
        block.lines[key] = key_node.start_mark.line + 1
    return block


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_block)


def read_yaml(path: Path, where: str) -> Block:
    """Read a YAML file with keys and values at the top; see :func:`load_yaml`.

    Raises:
        SpecError: There is no such file, it cannot be read, or is not of that form.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(f"{where}: not a YAML file: {error}") from error
    except OSError as error:
        raise SpecError(
            f"{shortened(where)}: no such file that can be read ({error.strerror}); expected a "
            "YAML file."
        ) from error
    return load_yaml(text, where)


def load_yaml(text: str, where: str) -> Block:
    """Return the keys and values of a YAML text.

    Args:
        text: The text; nothing in it but plain values is made.
        where: Names it in messages.

    Raises:
        SpecError: It is not YAML, or has no keys and values at the top; one line, with the place.
    """
    try:
        content = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise SpecError(f"{where}{line}: not a YAML file: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise SpecError(f"{where}: not a YAML file: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        deepest = max(text.splitlines(), key=lambda line: line.count("[") + line.count("{"))
        number = text.splitlines().index(deepest) + 1
        raise SpecError(
            f"{where}, line {number}: lists or blocks within each other, too deep to be read."
        ) from error
    if content is None:
        content = Block()
        content.lines = {}
    if not isinstance(content, Block):
        raise SpecError(f"{where}: expected keys and values at the top level.")
    return content


def check_words(content: Block, where: str) -> None:
    """Check that run-wide keys have words where words are wanted.

    Raises:
        SpecError: One has a number, a list or a block; the message names the line.
    """
    for key, value in content.items():
        check_word(key, value, f"{where}, {key} (line {content.line(key)})")


def check_word(key: Any, value: Any, where: str) -> None:
    """Check one value of a run-wide key, if words are wanted there.

    Raises:
        SpecError: It is none.
    """
    if key in _WORDS and not (isinstance(value, str) and value.strip()):
        raise SpecError(f"{where}: found '{shortened(value)}'; expected a word.")
    if key in _LISTS:
        items = value if isinstance(value, list) else [value]
        if not (items and all(isinstance(item, str) and item.strip() for item in items)):
            raise SpecError(f"{where}: found '{shortened(value)}'; expected a name or several.")
    if key == "precision" and str(value) not in ("auto", "32", "bf16"):
        raise SpecError(f"{where}: found '{shortened(value)}'; expected auto, 32 or bf16.")
