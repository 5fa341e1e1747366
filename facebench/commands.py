"""What ``facebench run`` does: merge flags and file, resolve specs, run them, show the table."""

from __future__ import annotations

import json
from collections.abc import Sequence

from facebench.arguments import RunArguments, build_request, open_workspace, show_import
from facebench.options import parse_set, read_config
from facebench.plan import Step, plan
from facebench.registry import Registry
from facebench.report.families import family_tables, wants_family
from facebench.report.results import Result
from facebench.report.tables import tables
from facebench.request import resolve
from facebench.run import Stages, run
from facebench.spec import RunSpec, spec_record
from facebench.terminal import err, log_to_terminal, out
from facebench.workspace import Workspace


def run_command(arguments: RunArguments) -> None:
    """Run everything that was asked for, and print the table.

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
    specs = resolve(request, registry)
    if arguments.dry_run:
        for spec in specs:
            _show_plan(spec, plan(Stages(spec, workspace, registry)))
        return
    results = [_run_one(spec, workspace, registry) for spec in specs]
    for table in family_tables(results) if wants_family(results) else tables(results):
        out.print(table)
    out.print("results: " + ", ".join(str(result.path) for result in results), soft_wrap=True)


def _run_one(spec: RunSpec, workspace: Workspace, registry: Registry) -> Result:
    err.print(f"[bold]{spec.name}[/bold] ({spec.backbone}, preset {spec.preset})")
    return run(spec, workspace, registry)


def _show_plan(spec: RunSpec, steps: Sequence[Step]) -> None:
    out.print(f"[bold]{spec.name}[/bold]")
    out.print_json(json.dumps(spec_record(spec), sort_keys=True))
    for step in steps:
        state = "on disk" if step.done else "to do"
        named = step is steps[0] or steps[0].done
        out.print(
            f"  {step.name:9s} {step.key if named else 'named when the weights exist':28s} {state}"
        )
