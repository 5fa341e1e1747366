"""``facebench sweep`` and ``facebench ablate``: many runs that share what they have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facebench.cli.options import (
    Backbone,
    Cache,
    Data,
    DedupTest,
    Device,
    DryRun,
    Floors,
    Force,
    Limit,
    Plugins,
    Precision,
    Preset,
    PretrainData,
    Results,
    Seeds,
    Set,
    SkipBroken,
    Verbose,
    Weights,
    mendable,
)

if TYPE_CHECKING:
    from facebench.config.sweep_file import Sweep

Task = Annotated[str, typer.Option(help="Tasks, comma-separated, instead of the sweep's.")]
Jobs = Annotated[int, typer.Option(help="Runs at a time, each with its share of the cores.")]


@mendable
def sweep(
    file: Annotated[Path, typer.Argument(help="A YAML file with rows, a grid, or both.")],
    task: Task = "", backbone: Backbone = "", pretrain_data: PretrainData = "",
    preset: Preset = "", set_: Set = None, seeds: Seeds = "", device: Device = "",
    precision: Precision = "", checkpoint: Weights = None, data: Data = None,
    results: Results = None, cache: Cache = None, limit: Limit = -1, floors: Floors = None,
    skip_broken: SkipBroken = False, dedup_test: DedupTest = False, jobs: Jobs = 1,
    force: Force = False, dry_run: DryRun = False, plugin: Plugins = None,
    verbose: Verbose = False,
) -> None:  # fmt: skip
    """Run every setting of a file; what settings share is computed once."""
    options = locals()
    from facebench.config.sweep_file import read_sweep

    _run(read_sweep(options.pop("file")), options)


@mendable
def ablate(
    name: Annotated[str, typer.Argument(help="table5, table6 ...; none lists them.")] = "",
    task: Task = "", backbone: Backbone = "", pretrain_data: PretrainData = "",
    preset: Preset = "", set_: Set = None, seeds: Seeds = "", device: Device = "",
    precision: Precision = "", checkpoint: Weights = None, data: Data = None,
    results: Results = None, cache: Cache = None, limit: Limit = -1, floors: Floors = None,
    skip_broken: SkipBroken = False, dedup_test: DedupTest = False, jobs: Jobs = 1,
    force: Force = False, dry_run: DryRun = False, plugin: Plugins = None,
    verbose: Verbose = False,
) -> None:  # fmt: skip
    """Run an ablation that ships with facebench: the rows of a paper's table, or a sweep."""
    options = locals()
    from facebench.config.ablations import ablation, ablation_names

    if options.pop("name"):
        _run(ablation(name), options)
    else:
        from facebench.runtime.terminal import detail_table, out

        out.print(detail_table([(known, ablation(known).title) for known in ablation_names()]))


def _run(sweep: Sweep, options: dict[str, Any]) -> None:
    """Run a sweep with what both commands take, by the names of their parameters."""
    from facebench.cli.sweep_commands import SweepArguments, sweep_command
    from facebench.config.options import parse_set
    from facebench.request.arguments import RunArguments

    flags = {
        name: options[name]
        for name in ("task", "backbone", "pretrain_data", "preset", "seeds", "device",
                     "precision", "checkpoint", "data", "results", "floors")
    }  # fmt: skip
    flags |= {name: options[name] or None for name in ("skip_broken", "dedup_test")}
    flags["limit"] = None if options["limit"] < 0 else options["limit"]
    run = RunArguments(
        flags=flags,
        settings=parse_set(options["set_"] or []),
        cache=options["cache"],
        force=options["force"],
        plugins=tuple(options["plugin"] or ()),
    )
    sweep_command(
        sweep,
        SweepArguments(
            run=run,
            jobs=options["jobs"],
            dry_run=options["dry_run"],
            verbose=options["verbose"],
        ),
    )
