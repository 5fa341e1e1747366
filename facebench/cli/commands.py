"""What ``facebench run`` does: call the API, show the table, or what a dry run finds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.text import Text

from facebench.api.runs import PreparedRuns, prepare_runs
from facebench.cli.settings_table import (
    Settings,
    method_title,
    own_settings,
    settings_lines,
    shared_settings,
)
from facebench.config.spec import RunSpec
from facebench.plan import Step
from facebench.report.render import tables
from facebench.report.tables.families import family_tables, wants_family
from facebench.request.arguments import RunArguments, show_import
from facebench.request.resolve import ResolvedRun
from facebench.runtime.terminal import err, log_to_terminal, out


def run_command(arguments: RunArguments, *, dry_run: bool, verbose: bool) -> None:
    """Run everything that was asked for, and print the table.

    Args:
        arguments: What was asked for.
        dry_run: Print the options and the stages of it instead.
        verbose: Tell more.

    Raises:
        FacebenchError: Something that the user can mend.
    """
    log_to_terminal(verbose)
    prepared = prepare_runs(arguments)
    show_import(prepared.request)
    if dry_run:
        for _, of_method in groupby(prepared.runs, key=lambda run: run.spec.method):
            _show_method(list(of_method), prepared)
        return
    results = prepared.execute(started=_announce)
    for table in family_tables(results) if wants_family(results) else tables(results):
        out.print(table)
    out.print("results: " + ", ".join(str(result.path) for result in results), soft_wrap=True)


def _announce(spec: RunSpec) -> None:
    err.print(f"[bold]{spec.name}[/bold] ({spec.backbone}, preset {spec.preset})")


def _show_method(runs: Sequence[ResolvedRun], prepared: PreparedRuns) -> None:
    """Print the options of one method once, then what differs by task, and each run's stages."""
    shared = shared_settings(runs)
    _show_settings(method_title(runs[0].spec), shared)
    for task, of_task in groupby(runs, key=lambda run: run.spec.task):
        same = list(of_task)  # but for the seed, which is no option
        if own := own_settings(same[0], shared):
            _show_settings(f"{same[0].spec.method} on {task}", own)
        for one in same:
            _show_plan(one.spec, prepared.steps(one.loaded))


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
