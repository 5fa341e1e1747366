"""Training curves by epoch, as a table of sparklines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from facebench.rendering.table import Section, Table, cell, columns
from facebench.report import DASH

WIDTH = 40  # characters of a curve
_BLOCKS = "▁▂▃▄▅▆▇█"
_GAP = " "  # for epochs without the term, since a method may learn in stages

History = Sequence[Mapping[str, Any]]

# Columns that are not loss terms, in the order of display: prefix, and title in figures. All other
# columns are losses.
KINDS: dict[str, str] = {
    "weight_": "weights of the losses",
    "lr": "learning rate",
    "gradient_norm": "gradient norm",
    "feature_std": "feature standard deviation",
    "images_per_second": "images per second",
}
LOSSES = "losses"


@dataclass(frozen=True)
class Curve:
    """One column of a history.

    Args:
        name: As the training logged it.
        kind: :data:`LOSSES`, or one of the values of :data:`KINDS`.
        values: One for each epoch; NaN where there is none.
    """

    name: str
    kind: str
    values: tuple[float, ...]


def curves(history: History) -> list[Curve]:
    """Return the columns of a history, losses first.

    Args:
        history: A row per epoch, as in checkpoints and results.
    """
    names = list(dict.fromkeys(name for row in history for name in row))
    order = [LOSSES, *KINDS.values()]
    names.sort(key=lambda name: order.index(_kind(name)))  # stable: else as logged
    return [
        Curve(name, _kind(name), tuple(_number(row.get(name)) for row in history))
        for name in names
    ]  # fmt: skip


def curves_table(history: History) -> Table | None:
    """Return one line per curve with its first, last and smallest value; None without a history."""
    found = [curve for curve in curves(history) if not all(map(math.isnan, curve.values))]
    if not found:
        return None
    epochs = f"{len(history):,} epoch{'s' if len(history) > 1 else ''}"
    rows = []
    for curve in found:
        there = [value for value in curve.values if not math.isnan(value)]
        numbers = (curve.values[0], curve.values[-1], min(there))
        texts = (curve.name, sparkline(curve.values), *map(_shown, numbers))
        rows.append(tuple(map(cell, texts)))
    numeric = columns("first", "last", "min", numeric=True, wrap="never")
    return Table(
        title=f"training, {epochs}",
        columns=(*columns("curve", "", wrap="never"), *numeric),
        sections=(Section("", tuple(rows)),),
    )


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """Return values as a row of blocks, from their smallest to their largest.

    Args:
        values: NaN leaves a gap.
        width: Largest number of characters; more values are averaged in consecutive groups.
    """
    means = _thinned(values, width)
    there = [mean for mean in means if not math.isnan(mean)]
    if not there:
        return ""
    low, spread = min(there), max(there) - min(there)
    return "".join(_GAP if math.isnan(mean) else _block(mean - low, spread) for mean in means)


def _block(height: float, spread: float) -> str:
    if spread == 0:
        return _BLOCKS[0]
    return _BLOCKS[min(len(_BLOCKS) - 1, int(height / spread * len(_BLOCKS)))]


def _thinned(values: Sequence[float], width: int) -> list[float]:
    count = min(width, len(values))
    borders = [place * len(values) // count for place in range(count + 1)] if count else []
    means = []
    for start, end in pairwise(borders):
        there = [value for value in values[start:end] if not math.isnan(value)]
        means.append(sum(there) / len(there) if there else math.nan)
    return means


def _kind(name: str) -> str:
    return next((title for begin, title in KINDS.items() if name.startswith(begin)), LOSSES)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _shown(value: float) -> str:
    return DASH if math.isnan(value) else f"{value:.4g}"
