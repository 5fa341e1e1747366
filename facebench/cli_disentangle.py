"""``facebench disentangle``: which factor of a face is in which feature of a method."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from facebench.cli_options import Cache, Data, Plugins, mendable


@mendable
def disentangle(
    method: Annotated[str, typer.Option(help="Methods, comma-separated.")] = "",
    checkpoint: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Judge these weights: a checkpoint's folder, or the authors' own file."),
    ] = None,
    backbone: Annotated[str, typer.Option(help="facecycle16, or timm:NAME.")] = "",
    pretrain_data: Annotated[
        str, typer.Option(help="voxceleb, a task's name, a folder, images:FOLDER, video:FOLDER.")
    ] = "",
    preset: Annotated[str, typer.Option(help="quick (minutes on a CPU) or paper.")] = "quick",
    set_: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--set", help="GROUP.KEY=VALUE, e.g. pcl.temperature=0.07; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of learning, and of the intervals.")] = -1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, 32 or bf16.")] = "auto",
    data: Data = None,
    cache: Cache = None,
    floors: Annotated[bool, typer.Option(help="Judge the untrained backbone beside it.")] = True,
    heatmap: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Draw the heat map here; ends in .png or .svg."),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Write the numbers here (.json), every prediction beside it (.parquet)."),
    ] = None,
    plugin: Plugins = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell more.")] = False,
) -> None:
    """Measure on rendered faces how well a linear model reads each factor from each feature.

    Identity, expression, action units, yaw, pitch and roll are known there. Is the person in F_f
    and the pose in F_p, and neither in the other?
    """
    from facebench.disentangle_command import DisentangleArguments, disentangle_command

    disentangle_command(
        DisentangleArguments(
            method=method,
            checkpoint=checkpoint,
            backbone=backbone,
            pretrain_data=pretrain_data,
            preset=preset,
            settings=set_ or [],
            seed=None if seed < 0 else seed,
            device=device,
            precision=precision,
            data=data,
            cache=cache,
            floors=floors,
            heatmap=heatmap,
            out=out,
            plugins=tuple(plugin or ()),
            verbose=verbose,
        )
    )
