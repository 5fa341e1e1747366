"""Options of the commands: each is declared once, here if several commands take it.

A command takes an option by its alias (``cache: Cache = None``), or a whole group of options by the
group's class (``machine: Machine``); :mod:`facebench.cli.command` makes options of its fields.
Fields of groups are called as the keyword arguments of :func:`facebench.run`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facebench.cli import completion

if TYPE_CHECKING:
    from facebench.request.arguments import RunArguments


def folder(text: str | Path) -> Path:
    """Return the folder that an option names; an empty name would be the current folder."""
    if not str(text):
        raise typer.BadParameter("an empty name; expected a folder. Name it, or leave this out.")
    return Path(text)


Methods = Annotated[
    str,
    typer.Option(
        "--method",
        help="Methods, comma-separated, or 'all'.",
        autocompletion=completion.methods,
    ),
]
Device = Annotated[
    str,
    typer.Option(
        help="auto, cpu, cuda, mps [default: auto].",
        autocompletion=completion.among("auto", "cpu", "cuda", "mps"),
    ),
]
Baselines = Annotated[
    bool | None,
    typer.Option(
        "--baselines/--no-baselines",
        "--floors/--no-floors",
        help="Evaluate the untrained backbone beside the methods [default: yes].",
    ),
]
Plugins = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin", help="A Python file with a method, task or backbone; may be repeated."
    ),
]
# Without ``envvar``: what the environment says comes after a configuration file.
Data = Annotated[
    Path | None,
    typer.Option(
        parser=folder, metavar="PATH", help="Folder of the real datasets [default: FACEBENCH_DATA]."
    ),
]
StandIns = Annotated[
    str,
    typer.Option(
        "--synthetic",
        help="Render faces though a data folder is given: of 'missing' datasets, or 'always'.",
        autocompletion=completion.among("missing", "always"),
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option(
        parser=folder, metavar="PATH", envvar="FACEBENCH_CACHE", help="Where stages are kept."
    ),
]
ResultsWritten = Annotated[
    Path | None,
    typer.Option(
        parser=folder, metavar="PATH", help="Where results are written [default: results/runs]."
    ),
]
Limit = Annotated[int | None, typer.Option(help="Use so many items of each split; 0 is all.")]
SkipBroken = Annotated[bool, typer.Option(help="Record unreadable images and go on.")]
Force = Annotated[bool, typer.Option(help="Evaluate again and overwrite the results.")]
VerifyCache = Annotated[
    bool,
    typer.Option("--verify-cache", help="Read every byte of the stages that are used."),
]
Probe = Annotated[
    str,
    typer.Option(
        help="linear, knn, fewshot, centroid or weighted: the probe of features [default: linear].",
        autocompletion=completion.among("linear", "knn", "fewshot", "centroid", "weighted"),
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Tell more.")]
ResultFile = Annotated[Path, typer.Argument(help="A result's JSON file.")]
ResultFolder = Annotated[Path, typer.Argument(help="A folder of results.")]
SomeTasks = Annotated[
    str,
    typer.Option(
        "--task",
        autocompletion=completion.tasks,
        metavar="TASK,...",
        help="Of some tasks alone, by commas.",
    ),
]
KindOfData = Annotated[
    bool | None,
    typer.Option("--synthetic/--real", help="One kind of data alone (default: each)."),
]
StoredResults = Annotated[
    Path | None,
    typer.Option(
        "--results",
        parser=folder,
        metavar="PATH",
        help="Folder of results [default: results/runs].",
    ),
]
ReportFile = Annotated[
    Path | None, typer.Option("--out", help="Write it there and not to the terminal.")
]

Prefix = Annotated[
    str | None,
    typer.Option(
        help="Of the file's tensors, those whose names begin so; '.' for none [default: found]."
    ),
]

DEFAULT_RESULTS = Path("results/runs")


@dataclass(frozen=True)
class Places:
    """Where data, stages and plugins are."""

    data: Data = None
    cache: Cache = None
    plugins: Plugins = None


@dataclass(frozen=True)
class DataPlaces(Places):
    """The same, and whether rendered faces may take the place of data."""

    synthetic: StandIns = ""


@dataclass(frozen=True)
class Machine:
    """On what is computed."""

    device: Device = ""
    precision: Annotated[
        str,
        typer.Option(
            help="auto, 32 or bf16 [default: auto].",
            autocompletion=completion.among("auto", "32", "bf16"),
        ),
    ] = ""


@dataclass(frozen=True)
class Learning:
    """What is learned and how, or which weights take its place."""

    backbone: Annotated[
        str,
        typer.Option(
            help="facecycle16, or timm:NAME [default: facecycle16].",
            autocompletion=completion.backbones,
        ),
    ] = ""
    pretrain_data: Annotated[
        str,
        typer.Option(help="voxceleb, a task's name, a folder, images:FOLDER, video:FOLDER."),
    ] = ""
    preset: Annotated[
        str,
        typer.Option(
            help="quick (minutes on a CPU) or paper [default: quick].",
            autocompletion=completion.presets,
        ),
    ] = ""
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="GROUP.KEY=VALUE, e.g. pcl.temperature=0.07; may be repeated.",
            autocompletion=completion.settings,
        ),
    ] = None
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="Evaluate these weights: a checkpoint's folder, or the authors' own file."
        ),
    ] = None
    prefix: Prefix = None


@dataclass(frozen=True)
class Judging:
    """What is evaluated and how often, and where its results are written."""

    seeds: Annotated[str, typer.Option(help="Comma-separated; one run for each.")] = ""
    probe: Probe = ""
    results: ResultsWritten = None
    limit: Limit = None
    baselines: Baselines = None
    skip_broken: SkipBroken = False
    dedup_test: Annotated[
        bool,
        typer.Option("--dedup-test", help="Also score without test images that training has, too."),
    ] = False
    force: Force = False
    verify_cache: VerifyCache = False
    cache_mirror: Annotated[
        str,
        typer.Option(help="URL to copy stages and results to and from, e.g. s3://bucket/folder."),
    ] = ""


@dataclass(frozen=True)
class Session:
    """What is shown of a run, and whether anything is run."""

    dry_run: Annotated[
        bool,
        typer.Option(help="Show stages, and of 'run' each option's value and origin; run nothing."),
    ] = False
    verbose: Verbose = False


def names_of(text: str) -> list[str]:
    """Return the names that an option has, by commas; none for ``all``."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    return [] if names == ["all"] else names


def words(*groups: Any) -> dict[str, Any]:
    """Return options of groups by their names in Python, without those that have their default."""
    return {
        field.name: getattr(group, field.name)
        for group in groups
        for field in fields(group)
        if getattr(group, field.name) != field.default
    }


def run_arguments(command: str, *groups: Any, **more: Any) -> RunArguments:
    """Return what is asked for, as ``facebench.run`` has it.

    Args:
        command: Name of the command, for errors.
        *groups: Its groups of options, each an instance of a dataclass.
        **more: Further options, by their names in Python; None and empty texts are not given.

    Raises:
        SpecError: A ``--set`` is not of the form ``GROUP.KEY=VALUE``.
    """
    from dataclasses import replace

    from facebench.api.words import arguments_of
    from facebench.config.options import parse_set

    given: Mapping[str, Any] = {**words(*groups), **more}
    settings = parse_set(given.get("settings", []))
    rest = {name: value for name, value in given.items() if name != "settings"}
    return replace(arguments_of(rest, command), settings=settings)
