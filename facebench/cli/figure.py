"""``facebench figure``: pictures of what is on disk, as PNG or SVG, with the same bytes each time.

Each command calls the function of the API that draws. Those of one result stand here, the others in
``figure_several`` and ``figure_images``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import facebench as fb
from facebench.cli.command import command
from facebench.cli.figure_images import features, figure_all, mistakes, neighbours, reconstructions
from facebench.cli.figure_options import Learned, Out, Protocol, Width, say
from facebench.cli.figure_several import compute, critical, det, forest, labels, ranks, roc
from facebench.cli.options import Plugins, ResultFile

figure_app = typer.Typer(
    help="Draw figures from checkpoints and stored results, as PNG or SVG.",
    no_args_is_help=True,
)


@command
def curves(learned: Learned, out: Out = Path("curves.png"), width: Width = "") -> None:
    """Draw what a training logged: losses, learning rate, gradient norm, feature deviation."""
    say(fb.draw_curves(learned, out, width=width))


@command
def disentanglement(
    report: Annotated[Path, typer.Argument(help="What 'facebench disentangle --out' wrote.")],
    out: Out = Path("disentanglement.png"),
    width: Width = "",
) -> None:
    """Draw the heat map of a disentanglement report: features down, factors across."""
    say(fb.draw_factors(report, out, width=width))


@command
def confusion(
    result: ResultFile,
    out: Out = Path("confusion.png"),
    protocol: Protocol = "validated",
    width: Width = "",
    plugins: Plugins = None,
) -> None:
    """Draw the confusion matrix of a classification result."""
    say(fb.draw_confusion(result, out, protocol=protocol, width=width, plugins=plugins or ()))


@command
def actions(result: ResultFile, out: Out = Path("actions.png"), width: Width = "") -> None:
    """Draw F1 of each action unit, with intervals and baselines."""
    say(fb.draw_actions(result, out, width=width))


@command
def yaw(
    result: ResultFile,
    out: Out = Path("yaw.png"),
    protocol: Protocol = "validated",
    width: Width = "",
) -> None:
    """Draw the errors of head poses for frontal, half-turned and profile faces."""
    say(fb.draw_yaw(result, out, protocol=protocol, width=width))


@command
def probe(result: ResultFile, out: Out = Path("probe.png"), width: Width = "") -> None:
    """Draw the probe's score on the test side after each epoch, beside the honest score."""
    say(fb.draw_probe(result, out, width=width))


figure_app.command("all")(figure_all)
for drawing in (
    curves, confusion, actions, yaw, probe, roc, det, labels, forest, compute, critical, ranks,
    features, neighbours, mistakes, reconstructions, disentanglement,
):  # fmt: skip
    figure_app.command()(drawing)
