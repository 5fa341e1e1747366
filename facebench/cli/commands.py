"""What ``facebench run`` does: merge flags and file, resolve specs, run them, show the table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.text import Text

from facebench.cli.settings_table import (
    Settings,
    method_title,
    own_settings,
    settings_lines,
    shared_settings,
)
from facebench.config.options import parse_set, read_config
from facebench.config.spec import RunSpec
from facebench.pipeline import Stages, run
from facebench.plan import Step, plan
from facebench.registry import Registry
from facebench.report.render import tables
from facebench.report.tables.families import family_tables, wants_family
from facebench.request.arguments import RunArguments, build_request, open_workspace, show_import
from facebench.request.resolve import ResolvedRun, resolve_with_origins
from facebench.results.store import Result
from facebench.runtime.terminal import err, log_to_terminal, out
from facebench.runtime.workspace import Workspace


def run_command(arguments: RunArguments) -> None:
    """Run everything that was asked for, and print the table.

    A dry run prints the options and the stages of what was asked for instead.

    Raises:
        FacebenchError: Something that the user can mend.
    """
    log_to_terminal(arguments.verbose)
    registry = Registry(arguments.plugins)
    top, overrides = read_config(arguments.config) if arguments.config else ({}, {})
    top |= {name: value for name, value in arguments.flags.items() if value not in (None, "")}
    overrides |= parse_set(arguments.settings)
    workspace = open_workspace(top, arguments)
    request = build_request(top, overrides, workspace, registry)
    show_import(request)
    runs = resolve_with_origins(request, registry)
    if arguments.dry_run:
        for _, of_method in groupby(runs, key=lambda run: run.spec.method):
            _show_method(list(of_method), workspace, registry)
        return
    results = [_run_one(one.spec, workspace, registry) for one in runs]
    for table in family_tables(results) if wants_family(results) else tables(results):
        out.print(table)
    out.print("results: " + ", ".join(str(result.path) for result in results), soft_wrap=True)


def _run_one(spec: RunSpec, workspace: Workspace, registry: Registry) -> Result:
    err.print(f"[bold]{spec.name}[/bold] ({spec.backbone}, preset {spec.preset})")
    return run(spec, workspace, registry)


def _show_method(runs: Sequence[ResolvedRun], workspace: Workspace, registry: Registry) -> None:
    """Print the options of one method once, then what differs by task, and each run's stages."""
    shared = shared_settings(runs)
    _show_settings(method_title(runs[0].spec), shared)
    for task, of_task in groupby(runs, key=lambda run: run.spec.task):
        same = list(of_task)  # but for the seed, which is no option
        if own := own_settings(same[0], shared):
            _show_settings(f"{same[0].spec.method} on {task}", own)
        for one in same:
            _show_plan(one.spec, plan(Stages(one.spec, workspace, registry)))


def _show_settings(title: str, settings: Settings) -> None:
    out.print(Text(title, style="bold"), soft_wrap=True)
    for line in settings_lines(settings):
        out.print(line, soft_wrap=True)
    out.print()


def _show_plan(spec: RunSpec, steps: Sequence[Step]) -> None:
    out.print(f"[bold]{spec.name}[/bold]")
    for step in steps:
        state = "on disk" if step.done else "to do"
        named = step is steps[0] or steps[0].done
        out.print(
            f"  {step.name:9s} {step.key if named else 'named when the weights exist':28s} {state}"
        )
    out.print()
