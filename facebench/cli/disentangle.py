"""``facebench disentangle``: which factor of a face is in which feature of a method."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import facebench as fb
from facebench.cli.command import command
from facebench.cli.options import (
    Baselines,
    DataPlaces,
    Learning,
    Machine,
    Methods,
    Verbose,
    run_arguments,
)


@command
def disentangle(
    *,
    method: Methods = "",
    learning: Learning,
    seed: Annotated[int, typer.Option(help="Of learning, and of the intervals.")] = -1,
    machine: Machine,
    baselines: Baselines = None,
    heatmap: Annotated[
        Path | None, typer.Option(help="Draw the heat map here; ends in .png or .svg.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the numbers here (.json), every prediction beside it (.parquet)."),
    ] = None,
    places: DataPlaces,
    verbose: Verbose = False,
) -> None:
    """Measure on rendered faces how well a linear model reads each factor from each feature.

    Identity, expression, action units, yaw, pitch and roll are known there. Is the person in F_f
    and the pose in F_p, and neither in the other?
    """
    from facebench.api.factors import prepare_factors
    from facebench.disentangle import report
    from facebench.report.figures.drawing import check_target
    from facebench.request.arguments import show_import
    from facebench.runtime import terminal

    terminal.log_to_terminal(verbose)
    if heatmap:
        check_target(heatmap)
    if out:
        report.check_out(out)
    prepared = prepare_factors(
        run_arguments(
            "disentangle", learning, machine, places,
            method=method, seeds=None if seed < 0 else seed, baselines=baselines,
        )
    )  # fmt: skip
    show_import(prepared.request)
    found = prepared.execute()
    terminal.out.print(report.disentanglement_table(found.record))
    if out:
        report.write_disentanglement(out, found.record, found.predictions)
        terminal.out.print(str(out), soft_wrap=True)
    if heatmap:
        fb.draw_factors(found, heatmap)
        terminal.out.print(str(heatmap), soft_wrap=True)
