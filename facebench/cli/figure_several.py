"""Commands of ``facebench figure`` that draw several results in one figure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import facebench as fb
from facebench.cli import completion
from facebench.cli.command import command
from facebench.cli.figure_options import Out, Protocol, Several, Width, say
from facebench.cli.options import SomeTasks, names_of


@command
def roc(
    results: Several,
    out: Out = Path("roc.png"),
    protocol: Protocol = "validated",
    log: Annotated[
        bool | None,
        typer.Option(
            "--log/--linear", help="Axis of false acceptance rates [default: --log of several]."
        ),
    ] = None,
    width: Width = "",
    tasks: SomeTasks = "all",
) -> None:
    """Draw ROC curves of verification results, with marks at TAR@FAR."""
    say(fb.draw_roc(results, out, protocol=protocol, log=log, width=width, tasks=names_of(tasks)))


@command
def det(
    results: Several,
    out: Out = Path("det.png"),
    protocol: Protocol = "validated",
    width: Width = "",
    tasks: SomeTasks = "all",
) -> None:
    """Draw DET curves of verification results: both error rates, on a normal deviate scale."""
    say(fb.draw_det(results, out, protocol=protocol, width=width, tasks=names_of(tasks)))


@command
def labels(results: Several, out: Out = Path("labels.png"), width: Width = "") -> None:
    """Draw accuracy against the number of labelled images, of results of --probe fewshot."""
    say(fb.draw_labels(results, out, width=width))


@command
def forest(
    results: Several, out: Out = Path("forest.png"), width: Width = "", tasks: SomeTasks = "all"
) -> None:
    """Draw the score of each method with its interval, a panel for each task."""
    say(fb.draw_forest(results, out, width=width, tasks=names_of(tasks)))


@command
def compute(
    results: Several,
    out: Out = Path("compute.png"),
    by: Annotated[
        str,
        typer.Option(
            help="images or seconds.", autocompletion=completion.among("images", "seconds")
        ),
    ] = "images",
    width: Width = "",
    tasks: SomeTasks = "all",
) -> None:
    """Draw scores against what learning cost, a line for each method."""
    say(fb.draw_compute(results, out, by=by, width=width, tasks=names_of(tasks)))


@command
def critical(results: Several, out: Out = Path("critical.png"), width: Width = "") -> None:
    """Draw mean ranks over tasks, and which methods cannot be told apart (Friedman, Nemenyi)."""
    say(fb.draw_critical(results, out, width=width))


@command
def ranks(results: Several, out: Out = Path("ranks.png"), width: Width = "") -> None:
    """Draw the ranks of methods on rendered faces beside those on real ones."""
    say(fb.draw_ranks(results, out, width=width))
