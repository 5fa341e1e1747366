"""Commands of ``facebench figure`` that need images, features or weights; and all at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import facebench as fb
from facebench.cli import completion
from facebench.cli.command import command
from facebench.cli.figure_options import Learned, Out, Several, Width, say
from facebench.cli.options import Cache, Places, Plugins, ResultFile, names_of, words

if TYPE_CHECKING:
    from facebench.report.figures.index import Drawn

By = Annotated[str, typer.Option(help="Column of the task's table [default: class, or person].")]


@command
def features(
    *,
    result: ResultFile,
    out: Out = Path("features.png"),
    projection: Annotated[
        str,
        typer.Option(
            help="tsne, pca or umap.", autocompletion=completion.among("tsne", "pca", "umap")
        ),
    ] = "tsne",
    by: By = "",
    items: Annotated[
        int, typer.Option(min=0, help="Draw so many test images at most; 0 is all.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the projection.")] = 0,
    width: Width = "",
    places: Places,
) -> None:
    """Draw the features that a result was evaluated by, coloured by what the images show."""
    _log()
    drawn = fb.draw_features(
        result, out, projection=projection, by=by, items=items, seed=seed, width=width,
        **words(places),
    )  # fmt: skip
    say(drawn)


@command
def neighbours(
    *,
    result: ResultFile,
    out: Out = Path("neighbours.png"),
    by: By = "",
    count: Annotated[int, typer.Option(min=1, help="How many queries.")] = 6,
    beside: Annotated[int, typer.Option(min=1, help="How many neighbours of each.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="Which queries.")] = 0,
    width: Width = "",
    places: Places,
) -> None:
    """Draw test images with those nearest to them by the features of a result."""
    _log()
    drawn = fb.draw_neighbours(
        result, out, by=by, count=count, beside=beside, seed=seed, width=width, **words(places)
    )
    say(drawn)


@command
def mistakes(
    *,
    result: ResultFile,
    out: Out = Path("mistakes.png"),
    count: Annotated[int, typer.Option(min=1, help="How many mistakes.")] = 12,
    width: Width = "",
    places: Places,
) -> None:
    """Draw the mistakes that a result was surest of."""
    _log()
    say(fb.draw_mistakes(result, out, count=count, width=width, **words(places)))


@command
def reconstructions(
    learned: Learned,
    images: Annotated[
        Path | None, typer.Option(help="A folder to choose faces from [default: rendered faces].")
    ] = None,
    out: Out = Path("reconstructions.png"),
    count: Annotated[int, typer.Option(help="How many faces.")] = 6,
    seed: Annotated[int, typer.Option(help="Which faces.")] = 0,
    width: Width = "",
    cache: Cache = None,
    plugins: Plugins = None,
) -> None:
    """Draw faces again from parts of their features (PCL, Figure 4): what is in F_f and F_p."""
    _log()
    drawn = fb.draw_reconstructions(
        learned, out, images=images, count=count, seed=seed, width=width, cache=cache,
        plugins=plugins or (),
    )  # fmt: skip
    say(drawn)


@command
def figure_all(
    *,
    results: Several,
    out: Annotated[Path, typer.Option(help="Folder to draw into.")] = Path("figures"),
    format_: Annotated[
        str,
        typer.Option("--format", help="svg or png.", autocompletion=completion.among("svg", "png")),
    ] = "svg",
    width: Width = "",
    skip: Annotated[
        str,
        typer.Option(
            help="Figures not to draw, comma-separated: features-tsne,mistakes.",
            autocompletion=completion.figures,
        ),
    ] = "",
    places: Places,
) -> None:
    """Draw every figure that results allow into a folder, with an index page."""
    _log()
    done = fb.draw_all(
        results, out, format=format_, width=width,
        skip=names_of(skip),
        drawn=lambda one: _say_drawn(one, out), **words(places),
    )  # fmt: skip
    there = sum(one.path is not None for one in done.figures)
    missing = len(done.figures) - there
    _print(f"{there} figures; {missing} do not apply or failed, {done.index} says why")
    say(done.index)


def _say_drawn(one: Drawn, folder: Path) -> None:
    if one.path is not None:
        say(folder / one.path, f"[{one.number:{len(str(one.total))}}/{one.total}] ")


def _print(text: str) -> None:
    from facebench.runtime.terminal import err

    err.print(text, soft_wrap=True, highlight=False, markup=False)


def _log() -> None:
    from facebench.runtime.terminal import log_to_terminal

    log_to_terminal(verbose=False)
