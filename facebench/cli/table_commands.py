"""What ``facebench table`` and ``facebench compare`` do: read results, lay them out, write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from facebench.api.results import Results, compare, load_results
from facebench.errors import UnknownNameError
from facebench.report import DASH
from facebench.report.groups import learned_from, task_title
from facebench.report.tables.compare import Comparison
from facebench.report.tables.formats import FORMATS
from facebench.results.store import Result
from facebench.runtime.atomic import atomic_write
from facebench.runtime.terminal import err, log_to_terminal, out

DEFAULT_RESULTS = Path("results/runs")


def table_command(
    number: int,
    results: Path | None,
    synthetic: bool | None,
    form: str,
    rows: str,
    target: Path | None,
) -> None:
    """Write one of the paper's tables.

    Args:
        number: Of the table.
        results: Folder of results; None for the default one, without which only the printed
            numbers are shown.
        synthetic: Only that on synthetic, or on real data; None: one for each.
        form: One of ``FORMATS``.
        rows: ``all`` or ``matched``.
        target: File to write; None for standard output.

    Raises:
        FacebenchError: There is no such table, format or folder, or a result cannot be used.
    """
    log_to_terminal(False)
    if form not in FORMATS:
        raise UnknownNameError("format", form, FORMATS)
    found = _results_to_show(results, synthetic)
    written = found.table(number, form, synthetic=synthetic, rows=rows)
    if target is None:
        out.file.write(written)
        return
    atomic_write(target, written)
    err.print(f"table {number}: {target}", soft_wrap=True)


def _results_to_show(folder: Path | None, synthetic: bool | None) -> Results:
    """Return the results of a folder; none where nothing was run and printed numbers suffice."""
    if folder is None and not synthetic and not DEFAULT_RESULTS.exists():
        err.print(f"no results in {DEFAULT_RESULTS}: the printed numbers alone", soft_wrap=True)
        return Results([])
    return load_results(folder or DEFAULT_RESULTS)


def compare_command(first: Path, second: Path) -> None:
    """Compare two results and show what differs.

    Raises:
        FacebenchError: They cannot be compared; the message says why.
    """
    compared = compare(first, second)
    record = compared.first.record
    kind = "SYNTHETIC faces" if record.task.synthetic else "real data"
    out.print(f"[bold]{task_title(record)}, {kind}[/bold]: {compared.items:,} test items")
    for name, result in (("A", compared.first), ("B", compared.second)):
        out.print(f"{name}: {_who(result)}", soft_wrap=True, highlight=False)
    out.print(_differences(compared))
    for line in _decisions(compared):
        out.print(line, highlight=False)


def _who(result: Result) -> str:
    record, spec = result.record, result.spec
    what = f"{record.method.title} {spec.extract.feature}, seed {spec.seed}"
    return f"{what}, {spec.backbone}{learned_from(record)} ({result.path.name})"


def _differences(compared: Comparison) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        caption=f"intervals and bootstrap: over {compared.drawn}, drawn again alike for A and B\n"
        "McNemar: mid-p value, from the items that only one of both has right",
        caption_justify="left",
    )
    table.add_column("score")
    for heading in ("A", "B", "A - B", "95 % interval", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("test")
    for one in compared.metrics:
        scale, found = one.metric.scale, one.difference
        known = found.p == found.p  # not NaN
        table.add_row(
            f"{one.kind} {one.metric.title}",
            f"{scale * one.first:.2f}",
            f"{scale * one.second:.2f}",
            Text(f"{scale * found.value:+.2f}", style="bold"),
            f"{scale * found.low:+.2f} to {scale * found.high:+.2f}" if known else DASH,
            f"{found.p:.4f}" if known else DASH,
            found.test,
        )
    return table


def _decisions(compared: Comparison) -> Iterator[str]:
    for kind, counts in compared.decisions.items():
        yield (
            f"{kind}: both right {counts.both:,}, only A {counts.only_a:,}, only B "
            f"{counts.only_b:,}, neither {counts.neither:,}"
        )
