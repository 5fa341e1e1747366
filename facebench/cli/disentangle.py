"""``facebench disentangle``: which factor of a face is in which feature of a method."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from facebench.cli.options import (
    Backbone,
    Cache,
    Data,
    Device,
    Plugins,
    Precision,
    Preset,
    PretrainData,
    Set,
    Verbose,
    Weights,
    mendable,
)


@mendable
def disentangle(
    method: Annotated[str, typer.Option(help="Methods, comma-separated.")] = "",
    checkpoint: Weights = None,
    backbone: Backbone = "",
    pretrain_data: PretrainData = "",
    preset: Preset = "quick",
    set_: Set = None,
    seed: Annotated[int, typer.Option(help="Of learning, and of the intervals.")] = -1,
    device: Device = "auto",
    precision: Precision = "auto",
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
    verbose: Verbose = False,
) -> None:
    """Measure on rendered faces how well a linear model reads each factor from each feature.

    Identity, expression, action units, yaw, pitch and roll are known there. Is the person in F_f
    and the pose in F_p, and neither in the other?
    """
    from facebench.cli.disentangle_command import disentangle_command
    from facebench.config.options import parse_set
    from facebench.request.arguments import RunArguments

    flags = {
        "method": method, "checkpoint": checkpoint, "backbone": backbone,
        "pretrain_data": pretrain_data, "preset": preset, "seeds": None if seed < 0 else seed,
        "device": device, "precision": precision, "data": data, "floors": floors,
    }  # fmt: skip
    disentangle_command(
        RunArguments(
            flags=flags,
            settings=parse_set(set_ or []),
            cache=cache,
            plugins=tuple(plugin or ()),
        ),
        target=out,
        heatmap=heatmap,
        verbose=verbose,
    )
