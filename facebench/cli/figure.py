"""``facebench figure``: pictures of what is on disk, as PNG or SVG, with the same bytes each time.

Each command calls the function of :mod:`facebench.api.figures` that draws.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import facebench as fb
from facebench.cli.command import command
from facebench.cli.options import Cache, Places, Plugins, ResultFile, words

figure_app = typer.Typer(
    help="Draw figures from checkpoints and stored results, as PNG or SVG.",
    no_args_is_help=True,
)

Out = Annotated[Path, typer.Option(help="Where to draw it; ends in .png or .svg.")]
Learned = Annotated[Path, typer.Argument(help="A checkpoint's folder, or a result's JSON file.")]
Protocol = Annotated[str, typer.Option(help="validated or test-selected.")]


@figure_app.command()
@command
def reconstructions(
    learned: Learned,
    images: Annotated[
        Path | None, typer.Option(help="A folder to choose faces from [default: rendered faces].")
    ] = None,
    out: Out = Path("reconstructions.png"),
    count: Annotated[int, typer.Option(help="How many faces.")] = 6,
    seed: Annotated[int, typer.Option(help="Which faces.")] = 0,
    cache: Cache = None,
    plugins: Plugins = None,
) -> None:
    """Draw faces again from parts of their features (PCL Fig. 4): what is in F_f, what in F_p."""
    _say(
        fb.draw_reconstructions(
            learned, out, images=images, count=count, seed=seed, cache=cache, plugins=plugins or ()
        )
    )


@figure_app.command()
@command
def curves(learned: Learned, out: Out = Path("curves.png")) -> None:
    """Draw what a training logged: losses, learning rate, gradient norm, feature deviation."""
    _say(fb.draw_curves(learned, out))


@figure_app.command()
@command
def disentanglement(
    report: Annotated[Path, typer.Argument(help="What 'facebench disentangle --out' wrote.")],
    out: Out = Path("disentanglement.png"),
) -> None:
    """Draw the heat map of a disentanglement report: features down, factors across."""
    _say(fb.draw_factors(report, out))


@figure_app.command()
@command
def confusion(
    result: ResultFile,
    out: Out = Path("confusion.png"),
    protocol: Protocol = "validated",
    plugins: Plugins = None,
) -> None:
    """Draw the confusion matrix of a classification result."""
    _say(fb.draw_confusion(result, out, protocol=protocol, plugins=plugins or ()))


@figure_app.command()
@command
def roc(result: ResultFile, out: Out = Path("roc.png"), protocol: Protocol = "validated") -> None:
    """Draw the ROC curve of a verification result."""
    _say(fb.draw_roc(result, out, protocol=protocol))


@figure_app.command()
@command
def actions(result: ResultFile, out: Out = Path("actions.png")) -> None:
    """Draw F1 of each action unit, with intervals and floors."""
    _say(fb.draw_actions(result, out))


@figure_app.command()
@command
def yaw(result: ResultFile, out: Out = Path("yaw.png"), protocol: Protocol = "validated") -> None:
    """Draw the errors of head poses for frontal, half-turned and profile faces."""
    _say(fb.draw_yaw(result, out, protocol=protocol))


@figure_app.command()
@command
def labels(
    results: Annotated[list[Path], typer.Argument(help="JSON files of --probe fewshot.")],
    out: Out = Path("labels.png"),
) -> None:
    """Draw accuracy against the number of labelled images, a curve for each result."""
    _say(fb.draw_labels(results, out))


@figure_app.command()
@command
def probe(result: ResultFile, out: Out = Path("probe.png")) -> None:
    """Draw the probe's score on the test side after each epoch, beside the honest score."""
    _say(fb.draw_probe(result, out))


@figure_app.command()
@command
def features(
    *,
    result: ResultFile,
    out: Out = Path("features.png"),
    projection: Annotated[str, typer.Option(help="tsne, pca or umap.")] = "tsne",
    by: Annotated[str, typer.Option(help="Column of the task's table to colour by.")] = "",
    items: Annotated[int, typer.Option(min=5, help="Draw so many test images at most.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Of the projection.")] = 0,
    places: Places,
) -> None:
    """Draw the features that a result was judged by, coloured by what the images show."""
    from facebench.runtime.terminal import log_to_terminal

    log_to_terminal(verbose=False)
    drawn = fb.draw_features(
        result, out, projection=projection, by=by, items=items, seed=seed, **words(places)
    )
    _say(drawn)


def _say(written: Path) -> None:
    from facebench.runtime.terminal import out

    out.print(str(written), soft_wrap=True)
