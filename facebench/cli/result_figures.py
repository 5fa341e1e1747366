"""The figures of ``facebench figure`` that need a stored result and nothing else, or its features.

They join the commands of ``facebench.cli.figure``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facebench.cli.figure import figure_app
from facebench.cli.options import Cache, Data, Plugins, mendable

__all__ = ["figure_app"]

StoredResult = Annotated[Path, typer.Argument(help="A result's JSON file.")]
Out = Annotated[Path, typer.Option(help="Where to draw it; ends in .png or .svg.")]
Which = Annotated[str, typer.Option("--protocol", help="honest or paper.")]


@figure_app.command()
@mendable
def confusion(
    result: StoredResult, out: Out = Path("confusion.png"), protocol: Which = "honest",
    plugin: Plugins = None,
) -> None:  # fmt: skip
    """Draw the confusion matrix of a classification result."""
    from facebench.api.figures import draw_confusion

    draw_confusion(result, out, protocol=protocol, plugins=plugin or ())
    _say(out)


@figure_app.command()
@mendable
def roc(result: StoredResult, out: Out = Path("roc.png"), protocol: Which = "honest") -> None:
    """Draw the ROC curve of a verification result."""
    from facebench.api.figures import draw_roc

    draw_roc(result, out, protocol=protocol)
    _say(out)


@figure_app.command()
@mendable
def actions(result: StoredResult, out: Out = Path("actions.png")) -> None:
    """Draw F1 of each action unit, with intervals and floors."""
    from facebench.api.figures import draw_actions

    draw_actions(result, out)
    _say(out)


@figure_app.command()
@mendable
def yaw(result: StoredResult, out: Out = Path("yaw.png"), protocol: Which = "honest") -> None:
    """Draw the errors of head poses for frontal, half-turned and profile faces."""
    from facebench.api.figures import draw_yaw

    draw_yaw(result, out, protocol=protocol)
    _say(out)


@figure_app.command()
@mendable
def probe(result: StoredResult, out: Out = Path("probe.png")) -> None:
    """Draw the probe's score on the test side after each epoch, beside the honest score."""
    from facebench.api.figures import draw_probe

    draw_probe(result, out)
    _say(out)


@figure_app.command()
@mendable
def features(
    result: StoredResult,
    out: Out = Path("features.png"),
    projection: Annotated[str, typer.Option(help="tsne, pca or umap.")] = "tsne",
    by: Annotated[str, typer.Option(help="Column of the task's table to colour by.")] = "",
    items: Annotated[int, typer.Option(min=5, help="Draw so many test images at most.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Of the projection.")] = 0,
    data: Data = None,
    cache: Cache = None,
    plugin: Plugins = None,
) -> None:
    """Draw the features that a result was judged by, coloured by what the images show."""
    from facebench.api.figures import draw_features
    from facebench.runtime.terminal import log_to_terminal

    log_to_terminal(verbose=False)
    draw_features(
        result, out, projection=projection, by=by, items=items, seed=seed, data=data, cache=cache,
        plugins=plugin or (),
    )  # fmt: skip
    _say(out)


def _say(written: Path) -> None:
    from facebench.runtime.terminal import out

    out.print(str(written), soft_wrap=True)
