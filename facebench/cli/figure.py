"""``facebench figure``: pictures of what is on disk, as PNG or SVG, with the same bytes each time.

Each command calls the function of :mod:`facebench.api.figures` that draws.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from facebench.cli.options import Cache, Plugins, mendable

figure_app = typer.Typer(
    help="Draw figures from checkpoints and stored results, as PNG or SVG.",
    no_args_is_help=True,
)

Out = Annotated[Path, typer.Option(help="Where to draw it; ends in .png or .svg.")]


@figure_app.command()
@mendable
def reconstructions(
    learned: Annotated[
        Path, typer.Argument(help="A checkpoint's folder, or a result's JSON file.")
    ],
    images: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A folder to choose faces from [default: rendered faces]."),
    ] = None,
    out: Out = Path("reconstructions.png"),
    count: Annotated[int, typer.Option(help="How many faces.")] = 6,
    seed: Annotated[int, typer.Option(help="Which faces.")] = 0,
    cache: Cache = None,
    plugin: Plugins = None,
) -> None:
    """Draw faces again from parts of their features (PCL Fig. 4): what is in F_f, what in F_p."""
    from facebench.api.figures import draw_reconstructions

    draw_reconstructions(
        learned, out, images=images, count=count, seed=seed, cache=cache, plugins=plugin or ()
    )
    _say(out)


@figure_app.command()
@mendable
def curves(
    learned: Annotated[
        Path, typer.Argument(help="A result's JSON file, or a checkpoint's folder.")
    ],
    out: Out = Path("curves.png"),
) -> None:
    """Draw what a training logged: losses, learning rate, gradient norm, feature deviation."""
    from facebench.api.figures import draw_curves

    draw_curves(learned, out)
    _say(out)


@figure_app.command()
@mendable
def disentanglement(
    report: Annotated[Path, typer.Argument(help="What 'facebench disentangle --out' wrote.")],
    out: Out = Path("disentanglement.png"),
) -> None:
    """Draw the heat map of a disentanglement report: features down, factors across."""
    from facebench.api.figures import draw_factors

    draw_factors(report, out)
    _say(out)


def _say(written: Path) -> None:
    from facebench.runtime.terminal import out

    out.print(str(written), soft_wrap=True)
