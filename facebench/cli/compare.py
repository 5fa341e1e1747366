"""``facebench compare``: two results on the same test items."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import facebench as fb
from facebench.cli.command import command
from facebench.cli.options import ResultFile

if TYPE_CHECKING:
    from facebench.rendering.table import Table
    from facebench.report.tables.compare import Comparison
    from facebench.results.store import Result


@command
def compare(
    first: ResultFile,
    second: Annotated[Path, typer.Argument(help="Another one, of the same task.")],
) -> None:
    """Compare two results on the same test items: difference, interval, p value."""
    from rich.text import Text

    from facebench.rendering.characters import visible
    from facebench.report.groups import task_title
    from facebench.runtime.terminal import out

    compared = fb.compare(first, second)
    record = compared.first.record
    kind = "SYNTHETIC faces" if record.task.synthetic else "real data"
    title = (visible(f"{task_title(record)}, {kind}"), "bold")
    out.print(Text.assemble(title, f": {compared.items:,} test items"))
    for name, result in (("A", compared.first), ("B", compared.second)):
        line = visible(f"{name}: {_who(result)}")
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    out.print(_differences(compared))
    for line in (*_decisions(compared), *(f"note: {text}" for text in compared.warnings)):
        out.print(line, highlight=False, soft_wrap=True)


def _who(result: Result) -> str:
    from facebench.report.groups import learned_from

    record, spec = result.record, result.spec
    what = f"{record.method.title} {spec.extract.feature}, seed {spec.seed}"
    return f"{what}, {spec.backbone}{learned_from(record)} ({result.path.name})"


def _differences(compared: Comparison) -> Table:
    from facebench.rendering.table import Column, Section, Table, cell, columns
    from facebench.report import DASH
    from facebench.results.scores import shown_kind

    rows, protocol = [], compared.first.record.task.protocol[0]
    for one in compared.metrics:
        scale, found = one.metric.scale, one.difference
        known = found.p == found.p  # not NaN
        rows.append(
            (
                cell(f"{shown_kind(one.kind, protocol)} {one.metric.title}"),
                cell(f"{scale * one.first:.2f}"),
                cell(f"{scale * one.second:.2f}"),
                cell(f"{scale * found.value:+.2f}", "bold"),
                cell(f"{scale * found.low:+.2f} to {scale * found.high:+.2f}" if known else DASH),
                cell(_p(found.p) if known else DASH),
                cell(found.test),
            )
        )
    numbers = columns("A", "B", "A - B", "95 % interval", "p", numeric=True, wrap="never")
    return Table(
        columns=(Column(heading="score"), *numbers, Column(heading="test")),
        sections=(Section("", tuple(rows)),),
        notes=(
            f"intervals and bootstrap: over {compared.drawn}, drawn again alike for A and B",
            "McNemar: mid-p value, from the items that only one of both has right",
        ),
    )


def _p(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def _decisions(compared: Comparison) -> Iterator[str]:
    from facebench.results.scores import shown_kind

    protocol = compared.first.record.task.protocol[0]
    for kind, counts in compared.decisions.items():
        yield (
            f"{shown_kind(kind, protocol)}: both right {counts.both:,}, only A "
            f"{counts.only_a:,}, only B {counts.only_b:,}, neither {counts.neither:,}"
        )
