"""Summary of matched, missing and unused tensors of an import, for display."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from facebench.errors import StageError
from facebench.rendering.table import Column, Section, Table, cell

if TYPE_CHECKING:
    from facebench.weights.checkpoint import Checkpoint
    from facebench.weights.record import ImportedWeights

_SHOWN = 8  # names shown in a row; the record of the checkpoint has all of them


def import_table(checkpoint: Checkpoint) -> Table:
    """Return a table of the counts and names of the tensors of imported weights."""
    spec = checkpoint.spec
    if checkpoint.imported is None:
        raise StageError(f"{checkpoint.folder}: its weights were not imported.")
    imported = checkpoint.imported.plain()
    unused = [name + (f" ({why})" if why else "") for name, why in imported["unused"].items()]
    matched = [f"{theirs} → {ours}" for ours, theirs in imported["matched"].items()]
    renamed = [f"{theirs} → {ours}" for ours, theirs in imported.get("renamed", {}).items()]
    resampled = [f"{name} {how}" for name, how in imported.get("resampled", {}).items()]
    kinds = [
        ("matched", matched),
        ("missing, of heads", imported["missing"]),
        ("unused", unused),
        ("not tensors", imported["others"]),
    ]
    for kind, names in (
        ("renamed", renamed), ("resampled", resampled),
        ("not looked up", imported.get("placeholders", [])),
    ):  # fmt: skip
        if names:
            kinds.append((kind, names))
    return Table(
        title=f"{imported['file']} as {spec['method']} on {spec['backbone']}",
        columns=(
            Column(heading="tensors"),
            Column(heading="number", numeric=True),
            Column(heading="names"),
        ),
        sections=(
            Section(
                "",
                tuple((cell(kind), cell(str(len(n))), cell(_some(n))) for kind, n in kinds),
            ),
        ),
        notes=tuple(_notes(imported, checkpoint.record.features or ())),
    )


def _notes(imported: Mapping[str, Any], features: Sequence[str]) -> Iterator[str]:
    yield f"gives {', '.join(features)}; sha256 {imported['sha256']}"
    if imported.get("prefix"):
        yield f"the backbone is under {imported['prefix']}"
    missing = imported["missing"]
    if missing:
        heads = dict.fromkeys(name.partition(".")[0] for name in missing)
        yield (
            f"the backbone is whole. The {len(missing)} missing tensors are of heads of the method "
            f"({', '.join(heads)}), which a file of a backbone lacks on purpose; features that "
            "need them are not offered (they are NaN), and the others do not depend on them"
        )
    if imported.get("library"):
        yield f"renamed and resampled as {imported['library']} does for weights of other code"
    if any(name.startswith("fc_norm.") for name in imported.get("renamed", {}).values()):
        yield (
            "fc_norm normalised the mean of the tokens when the file's model was trained; here it "
            "normalises each token"
        )
    if imported.get("placeholders"):
        yield (
            "functions and classes that the file asks for beside its tensors were neither looked "
            "up nor called"
        )


def import_summary(weights: ImportedWeights) -> str:
    """Return the counts of tensors as one line."""
    imported = weights.plain()
    counts = ", ".join(f"{len(imported[key])} {key}" for key in ("matched", "missing", "unused"))
    more = [f"{len(imported[key])} {key}" for key in ("renamed", "resampled") if imported.get(key)]
    if imported.get("prefix"):
        more.append(f"under {imported['prefix']}")
    return f"{imported['file']}: {counts} tensors" + "".join(f", {part}" for part in more)


def _some(names: Sequence[str]) -> str:
    more = [f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return "\n".join([*names[:_SHOWN], *more])
