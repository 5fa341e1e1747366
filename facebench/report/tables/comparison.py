"""A comparison of two results in words: for the terminal, for consoles and for notebooks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from facebench.rendering.table import Column, Section, Table, cell, columns
from facebench.report import DASH, signed
from facebench.report.groups import learned_from, task_title
from facebench.results.scores import shown_kind

if TYPE_CHECKING:
    from facebench.report.tables.compare import Comparison
    from facebench.results.store import Result


def heading(compared: Comparison) -> str:
    """Return what was compared: ``LFW (version 1), real data``."""
    record = compared.first.record
    kind = "SYNTHETIC faces" if record.task.synthetic else "real data"
    return f"{task_title(record)}, {kind}"


def sides(compared: Comparison) -> Iterator[str]:
    """Yield a line for each of the two results."""
    for name, result in (("A", compared.first), ("B", compared.second)):
        yield f"{name}: {_who(result)}"


def differences(compared: Comparison, title: str = "", notes: tuple[str, ...] = ()) -> Table:
    """Return a row for each score: both values, their difference, its interval and p value.

    Args:
        compared: The comparison.
        title: Above the table.
        notes: Below it, before those on intervals and tests.
    """
    rows, protocol = [], compared.first.record.task.protocol[0]
    for one in compared.metrics:
        scale, found = one.metric.scale, one.difference
        known = found.p == found.p  # not NaN
        rows.append(
            (
                cell(f"{shown_kind(one.kind, protocol)} {one.metric.title}"),
                cell(f"{scale * one.first:.2f}"),
                cell(f"{scale * one.second:.2f}"),
                cell(signed(scale * found.value)),
                cell(_interval(scale * found.low, scale * found.high) if known else DASH),
                cell(p_value(found.p) if known else DASH),
                cell(found.test),
            )
        )
    tests = {one.difference.test for one in compared.metrics}
    mcnemar = "McNemar: mid-p value, from the items that only one of both has right"
    numbers = columns("A", "B", "A − B", "95 % interval", "p", numeric=True, wrap="never")
    return Table(
        title=title,
        columns=(Column(heading="score"), *numbers, Column(heading="test")),
        sections=(Section("", tuple(rows)),),
        notes=(
            *notes,
            f"intervals and bootstrap: over {compared.drawn}, drawn again alike for A and B",
            *([mcnemar] if "McNemar" in tests else []),
        ),
    )


def remarks(compared: Comparison) -> Iterator[str]:
    """Yield how many items which of the two has right, then what else the difference is of."""
    protocol = compared.first.record.task.protocol[0]
    for kind, counts in compared.decisions.items():
        yield (
            f"{shown_kind(kind, protocol)}: both right {counts.both:,}, only A "
            f"{counts.only_a:,}, only B {counts.only_b:,}, neither {counts.neither:,}"
        )
    yield from (f"note: {text}" for text in compared.warnings)


def _interval(low: float, high: float) -> str:
    return f"{signed(low)} to {signed(high)}"


def p_value(p: float) -> str:
    """Return a p value as printed; a small one is not 0."""
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def _who(result: Result) -> str:
    record, spec = result.record, result.spec
    what = f"{record.method.title} {spec.extract.feature}, seed {spec.seed}"
    return f"{what}, {spec.backbone}{learned_from(record)} ({result.path.name})"
