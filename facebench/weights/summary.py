"""Summary of matched, missing and unused tensors of an import, for display."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from facebench.rendering.table import Column, Section, Table, cell

if TYPE_CHECKING:
    from facebench.weights.checkpoint import Checkpoint

_SHOWN = 8  # names shown in a row; the record of the checkpoint has all of them


def import_table(checkpoint: Checkpoint) -> Table:
    """Return a table of the counts and names of the tensors of imported weights."""
    imported, spec = checkpoint.imported or {}, checkpoint.spec
    unused = [name + (f" ({why})" if why else "") for name, why in imported["unused"].items()]
    matched = [f"{theirs} → {ours}" for ours, theirs in imported["matched"].items()]
    kinds = (
        ("matched", matched),
        ("missing, so NaN", imported["missing"]),
        ("unused", unused),
        ("not tensors", imported["others"]),
    )
    return Table(
        title=f"{imported['file']} as {spec['method']} on {spec['backbone']}",
        columns=(
            Column(heading="tensors"),
            Column(heading="number", numeric=True),
            Column(heading="names", wrap="fold"),
        ),
        sections=(
            Section(
                "",
                tuple((cell(kind), cell(str(len(n))), cell(_some(n))) for kind, n in kinds),
            ),
        ),
        notes=(f"gives {', '.join(checkpoint.record['features'])}; sha256 {imported['sha256']}",),
    )


def import_summary(imported: Mapping[str, Any]) -> str:
    """Return the counts of tensors as one line."""
    counts = ", ".join(f"{len(imported[key])} {key}" for key in ("matched", "missing", "unused"))
    return f"{imported['file']}: {counts} tensors"


def _some(names: list[str]) -> str:
    more = [f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return "\n".join([*names[:_SHOWN], *more])
