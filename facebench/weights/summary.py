"""Summary of matched, missing and unused tensors of an import, for display."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

_SHOWN = 8  # names shown in a row; the record of the checkpoint has all of them


def import_table(record: Mapping[str, Any]) -> Table:
    """Return a table of the counts and names of the tensors in a checkpoint's record."""
    imported, spec = record["imported"], record["spec"]
    table = Table(
        title=f"{imported['file']} as {spec['method']} on {spec['backbone']}",
        caption=f"gives {', '.join(record['features'])}; sha256 {imported['sha256']}",
        title_justify="left", caption_justify="left",
    )  # fmt: skip
    table.add_column("tensors")
    table.add_column("number", justify="right")
    table.add_column("names", overflow="fold")
    unused = [name + (f" ({why})" if why else "") for name, why in imported["unused"].items()]
    matched = [f"{theirs} → {ours}" for ours, theirs in imported["matched"].items()]
    for title, names in (
        ("matched", matched),
        ("missing, so NaN", imported["missing"]),
        ("unused", unused),
        ("not tensors", imported["others"]),
    ):
        table.add_row(title, str(len(names)), _some(names))
    return table


def import_summary(imported: Mapping[str, Any]) -> str:
    """Return the counts of tensors as one line."""
    counts = ", ".join(f"{len(imported[key])} {key}" for key in ("matched", "missing", "unused"))
    return f"{imported['file']}: {counts} tensors"


def _some(names: list[str]) -> str:
    more = [f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return "\n".join([*names[:_SHOWN], *more])
