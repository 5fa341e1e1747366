"""What ``facebench disentangle`` does: call the API, print, write, draw."""

from __future__ import annotations

from pathlib import Path

from facebench.api.factors import prepare_factors
from facebench.api.figures import draw_factors
from facebench.disentangle.report import (
    check_out,
    disentanglement_table,
    write_disentanglement,
)
from facebench.report.figures.drawing import check_target
from facebench.request.arguments import RunArguments, show_import
from facebench.runtime.terminal import log_to_terminal, out


def disentangle_command(
    arguments: RunArguments, *, target: Path | None, heatmap: Path | None, verbose: bool
) -> None:
    """Measure, print the table, and write what was asked for.

    Args:
        arguments: What was asked for.
        target: Where to write the numbers.
        heatmap: Where to draw.
        verbose: Tell more.

    Raises:
        FacebenchError: Something that the user can mend.
    """
    log_to_terminal(verbose)
    if heatmap:
        check_target(heatmap)
    if target:
        check_out(target)
    prepared = prepare_factors(arguments)
    show_import(prepared.request)
    found = prepared.execute()
    out.print(disentanglement_table(found.record))
    if target:
        write_disentanglement(target, found.record, found.predictions)
        out.print(str(target), soft_wrap=True)
    if heatmap:
        draw_factors(found, heatmap)
        out.print(str(heatmap), soft_wrap=True)
