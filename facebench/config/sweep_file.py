"""The file of a sweep: the configuration of a run, and the options to vary.

It has the keys of ``facebench run --config``. In addition, ``rows`` (named settings), ``grid``
(every combination of the listed values) or both define what differs between the runs::

    task: rafdb
    seeds: [0, 1]
    pretrain: {epochs: 20}
    rows:
      - {name: plain, method: simclr}
      - {name: no L_orth, method: pcl, set: {pcl.l_orth: false}}
    grid:
      pretrain.batch_size: [64, 128]
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facebench.config.options import (
    CONFIG_KEYS,
    OLD_KEYS,
    Override,
    Overrides,
    parse_value,
    renamed,
)
from facebench.config.yaml_file import Block, check_word, check_words, load_yaml, read_yaml
from facebench.errors import SpecError, UnknownNameError, shortened

SWEEP_KEYS = ("title", "table", "rows", "grid")
ROW_KEYS = ("name", "method", "set", "published")
OLD_ROW_KEYS = {"printed": "published"}  # are still read

# Run-wide keys that may differ between settings; options have a dot.
VARIED_KEYS = ("backbone", "preset", "limit", "pretrain_data")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting of a sweep: a row at a point of the grid.

    Args:
        name: Name of the row; empty where the file has no rows.
        method: Method of the row, as written; None for the file's methods.
        values: Values of the row, ``group.key`` or one of ``VARIED_KEYS``.
        grid: Values of the grid point.
        printed: Task -> value of its main metric in the paper.
    """

    name: str
    method: Any
    values: Overrides
    grid: Overrides
    printed: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A sweep as it was written.

    Args:
        where: Name of the file, used in messages.
        title: Title of the comparison in one line; may be empty.
        table: Number of the paper's table with these rows, or None.
        top: Run-wide keys, as in a run's configuration.
        overrides: Options that all settings share.
        settings: The settings, rows times grid, at least one.
    """

    where: str
    title: str
    table: int | None
    top: dict[str, Any]
    overrides: Overrides
    settings: tuple[Setting, ...]

    @property
    def varied(self) -> Overrides:
        """Return every key that a setting sets, with its first location."""
        found: Overrides = {}
        for setting in self.settings:
            for key, override in {**setting.values, **setting.grid}.items():
                found.setdefault(key, override)
        return found


def read_sweep(path: Path) -> Sweep:
    """Read a sweep file.

    Raises:
        SpecError: It is missing, is not YAML, or is not of that shape; names file and key.
    """
    return _sweep(read_yaml(path, str(path)), str(path))


def parse_sweep(text: str, where: str) -> Sweep:
    """Parse the text of a sweep file; ``where`` names it in messages.

    Raises:
        SpecError: It is not YAML, or not of that shape.
    """
    return _sweep(load_yaml(text, where), where)


def _sweep(content: Block, where: str) -> Sweep:
    """Return the sweep that is written in a file; ``where`` names it in messages."""
    check_words(content, where)
    own = {key: content.pop(key) for key in SWEEP_KEYS if key in content}
    top: dict[str, Any] = {}
    overrides: Overrides = {}
    for key, value in content.items():
        if isinstance(value, dict):
            overrides |= _flat({key: value}, where)
        elif key in CONFIG_KEYS or key in OLD_KEYS:
            top[key] = value
        else:
            raise UnknownNameError("key", str(key), (*CONFIG_KEYS, *SWEEP_KEYS), where=where)
    table = own.get("table")
    return Sweep(
        where=where,
        title=str(own.get("title", "")),
        table=None if table is None else parse_value(Override(table, where), int, "table"),
        top=renamed(top, where),
        overrides=overrides,
        settings=tuple(_settings(own, where)),
    )


def _settings(own: Mapping[str, Any], where: str) -> Iterator[Setting]:
    """Yield every row at every point of the grid; without rows the grid alone."""
    rows = [*_rows(own["rows"], f"{where}, rows")] if "rows" in own else [_row({}, where)]
    names = [row.name for row in rows]
    for name in names:
        if names.count(name) > 1:
            raise SpecError(f"{where}: two rows are called '{name}'; give each a name of its own.")
    points = [*_grid(own.get("grid", {}), f"{where}, grid")]
    for row, point in itertools.product(rows, points):
        for key in row.values.keys() & point.keys():
            raise SpecError(
                f"{row.values[key].where}: the grid varies it, too. Remove one of both."
            )
        yield Setting(name=row.name, method=row.method, values=row.values, grid=point,
                      printed=row.printed)  # fmt: skip


def _rows(rows: Any, where: str) -> Iterator[Setting]:
    if not (isinstance(rows, list) and rows):
        raise SpecError(
            f"{where}: found '{shortened(rows)}'; expected a list of settings, each with a name."
        )
    for number, content in enumerate(rows):
        place = f"{where}[{number}]"
        if not (isinstance(content, dict) and str(content.get("name", "")).strip()):
            raise SpecError(f"{place}: found '{shortened(content)}'; expected at least a name.")
        for key in content:
            if key not in ROW_KEYS and key not in OLD_ROW_KEYS:
                raise UnknownNameError("key", str(key), ROW_KEYS, where=place)
        yield _row(content, place)


def _row(content: Mapping[str, Any], where: str) -> Setting:
    values = _varied(_block(content, "set", where), f"{where}.set")
    if "method" in content:
        check_word(
            "method", content["method"], f"{where}, method (line {_line(content, 'method')})"
        )
    own = {key: content[key] for key in ("published", *OLD_ROW_KEYS) if key in content}
    published = _block(renamed(own, where, OLD_ROW_KEYS), "published", where)
    printed = {
        str(task): parse_value(Override(value, f"{where}.published"), float, str(task))
        for task, value in published.items()
    }
    return Setting(
        name=str(content.get("name", "")).strip(),
        method=content.get("method"),
        values=values,
        grid={},
        printed=printed,
    )


def _grid(content: Any, where: str) -> Iterator[Overrides]:
    """Yield the points of the grid; without one a single empty point."""
    if not isinstance(content, dict):
        raise SpecError(
            f"{where}: found '{shortened(content)}'; expected keys with lists of values."
        )
    axes = _varied(content, where)
    for axis in axes.values():
        if not (isinstance(axis.value, list) and axis.value):
            raise SpecError(
                f"{axis.where}: found '{shortened(axis.value)}'; expected a list of values."
            )
    for values in itertools.product(*(axis.value for axis in axes.values())):
        yield {
            key: Override(value, axis.where, axis.line)
            for (key, axis), value in zip(axes.items(), values, strict=True)
        }


def _block(content: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    block = content.get(key) or {}
    if not isinstance(block, dict):
        raise SpecError(f"{where}.{key}: found '{shortened(block)}'; expected keys and values.")
    return block


def _varied(block: Mapping[Any, Any], where: str) -> Overrides:
    """Return the values of a row or a grid; ``pretrain_data`` is a name of ``pretrain.data``."""
    values = _flat(block, where)
    for key in values:
        if "." not in key and key not in VARIED_KEYS:
            raise UnknownNameError("key", key, VARIED_KEYS, where=where)
    return {"pretrain.data" if key == "pretrain_data" else key: o for key, o in values.items()}


def _flat(block: Mapping[Any, Any], where: str) -> Overrides:
    """Return ``{pcl: {temperature: 1}}`` and ``{pcl.temperature: 1}`` alike as overrides."""
    values: Overrides = {}
    for key, value in block.items():
        if isinstance(value, dict):
            for name, item in value.items():
                values[f"{key}.{name}"] = Override(
                    item, f"{where}, {key}.{name}", _line(value, name)
                )
        else:
            values[str(key)] = Override(value, f"{where}, {key}", _line(block, key))
    return values


def _line(block: Mapping[Any, Any], key: Any) -> int:
    """Return the line of a key of a file; 0 for what is not of a file."""
    return block.line(key) if isinstance(block, Block) else 0
