"""Runs: methods learn representations, which are frozen and judged on tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Unpack

from facebench.api.results import Results
from facebench.api.words import RunWords, arguments_of, in_words
from facebench.config.spec import RunSpec
from facebench.pipeline import open_stages
from facebench.pipeline import run as run_loaded
from facebench.plan import Step, plan
from facebench.registry import Registry
from facebench.request.arguments import RunArguments, build_request, open_workspace
from facebench.request.loaded import LoadedRun
from facebench.request.resolve import Request, ResolvedRun, resolve_with_origins
from facebench.runtime.workspace import Workspace


@dataclass(frozen=True)
class PreparedRuns:
    """What was asked for: resolved and checked, and nothing of it is run yet.

    Args:
        runs: One for each method, task and seed, the floors last.
        request: What they were resolved from.
        workspace: Where things are kept, and on what is computed.
    """

    runs: tuple[ResolvedRun, ...]
    request: Request
    workspace: Workspace

    def steps(self, run: LoadedRun) -> tuple[Step, Step, Step]:
        """Return the stages of one run, and which of them are on disk.

        Raises:
            FacebenchError: Its data cannot be opened.
        """
        return plan(open_stages(run, self.workspace))

    def execute(self, started: Callable[[RunSpec], None] | None = None) -> Results:
        """Run all, one after the other, doing only what is not on disk yet.

        Args:
            started: Called with each spec before it is run.

        Raises:
            FacebenchError: Something that the user can mend: data, options, a plugin.
        """
        results = []
        for resolved in self.runs:
            if started is not None:
                started(resolved.spec)
            results.append(run_loaded(resolved.loaded, self.workspace))
        return Results(results)


@dataclass(frozen=True)
class DryRun:
    """What one run would do.

    Args:
        spec: The run, with every option.
        settings: ``group.key`` -> value, and where that comes from.
        steps: Its three stages: name, the hash that names it, whether it is on disk.
    """

    spec: RunSpec
    settings: Mapping[str, tuple[Any, str]]
    steps: tuple[Step, Step, Step]


def prepare_runs(arguments: RunArguments, registry: Registry | None = None) -> PreparedRuns:
    """Resolve what was asked for.

    Args:
        arguments: Of ``run``.
        registry: Where plugins are found; by default those that are installed, and the files
            that the arguments name.

    Raises:
        FacebenchError: A name, option, device or file is wrong; the message says where it stood.
    """
    registry = registry or Registry(arguments.plugins)
    top, overrides = arguments.merged()
    workspace = open_workspace(top, arguments)
    request = build_request(top, overrides, workspace, registry)
    runs = tuple(resolve_with_origins(request, registry))
    return PreparedRuns(runs, request, workspace)


@in_words
def run(**words: Unpack[RunWords]) -> Results:
    """Learn representations, freeze them, and judge them on tasks: ``facebench run``.

    Nothing is computed twice: what is on disk is read. ::

        results = run(method="pcl", task=["rafdb", "lfw"], seeds=[0, 1])

    Args:
        **words: What is to be run, see :class:`facebench.api.words.RunWords`; ``method`` and
            ``task`` are needed, here or in the file of ``config``.

    Returns:
        One result for each method, task and seed, in that order, then those of the floors.

    Raises:
        FacebenchError: Something that the user can mend. A wrong name gets the nearest one.
    """
    return prepare_runs(arguments_of(words, "run")).execute()


@in_words
def dry_run(**words: Unpack[RunWords]) -> tuple[DryRun, ...]:
    """Say what :func:`run` would do, and run nothing: ``facebench run --dry-run``.

    Args:
        **words: As for :func:`run`.

    Raises:
        FacebenchError: Something that the user can mend.
    """
    prepared = prepare_runs(arguments_of(words, "dry_run"))
    return tuple(
        DryRun(resolved.spec, resolved.settings(), prepared.steps(resolved.loaded))
        for resolved in prepared.runs
    )
