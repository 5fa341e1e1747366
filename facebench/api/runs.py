"""Runs: methods learn representations, which are frozen and evaluated on tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol, Unpack

from facebench.api.results import Results
from facebench.api.words import RunWords, arguments_of, in_words
from facebench.config.options import Overrides
from facebench.config.other_probe import check_read
from facebench.config.spec import RunSpec
from facebench.data.align.landmarks import check_landmarks
from facebench.data.finding import VOXCELEB, task_folder, voxceleb_folder
from facebench.errors import SpecError
from facebench.pipeline.passes import beside
from facebench.pipeline.plan import Step, plan
from facebench.pipeline.run import run as run_loaded
from facebench.pipeline.stages import Stages, open_stages
from facebench.registry import Registry
from facebench.request.arguments import RunArguments, build_request, open_workspace
from facebench.request.loaded import LoadedRun
from facebench.request.resolve import Request, resolve_with_origins
from facebench.request.resolved import ResolvedRun
from facebench.results.store import Result
from facebench.runtime.launch import launcher
from facebench.runtime.terminal import warned_once
from facebench.runtime.workspace import Workspace


class Ended(Protocol):
    """What is called when a run has ended."""

    def __call__(self, result: Result, *, found: bool) -> None:
        """Take a result, and whether it was on disk."""


@dataclass(frozen=True)
class PreparedRuns:
    """A resolved and checked request, not yet executed.

    Args:
        runs: One run for each method, task and seed, the baselines last.
        request: Request that they were resolved from.
        workspace: Folders, device and progress reporter.
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

    def execute(
        self,
        started: Callable[[RunSpec], None] | None = None,
        ended: Ended | None = None,
        opened: Callable[[Stages], None] | None = None,
    ) -> Results:
        """Run all, one after the other, doing only what is not on disk yet.

        Args:
            started: Called with each spec before it is run.
            ended: Called with each result, and whether it was on disk.
            opened: Called with the stages of each when its data are open.

        Raises:
            FacebenchError: Data, options or a plugin are wrong; the message says what to change.
        """
        self._check_processes()
        if self.workspace.rank:
            self._help()
        results = []
        others = beside(resolved.spec for resolved in self.runs)
        for resolved in self.runs:
            if started is not None:
                started(resolved.spec)
            before = self._there(resolved.spec)
            results.append(
                run_loaded(resolved.loaded, self.workspace, others[resolved.spec], opened)
            )
            if ended is not None:
                path = results[-1].path
                ended(results[-1], found=before.get(path) == path.stat().st_mtime_ns)
        return Results(results)

    def _there(self, spec: RunSpec) -> dict[Path, int]:
        """Return the results on disk that may be of a run, and when each was written."""
        folder = self.workspace.results / spec.task
        return {path: path.stat().st_mtime_ns for path in folder.glob(f"*-s{spec.seed}-*.json")}

    def _check_processes(self) -> None:
        """Check that processes that were started together have one thing to learn together."""
        by = launcher()
        if not by or self.workspace.devices * self.workspace.nodes == 1:
            return
        learning = [resolved.loaded for resolved in self.runs if resolved.loaded.learns]
        folders = {open_stages(run, self.workspace).checkpoint_folder() for run in learning}
        missing = sum(not folder.exists() for folder in folders)
        if missing > 1:
            raise SpecError(
                f"{by} has started processes that pretrain once, and {missing} methods or seeds "
                f"are to be learned; expected one. Give each a command of its own."
            )

    def _help(self) -> NoReturn:
        """Learn together with the first process, which does all the rest."""
        for resolved in self.runs:
            if resolved.loaded.learns:
                open_stages(resolved.loaded, self.workspace).checkpoint()
        raise SystemExit(0)


@dataclass(frozen=True)
class DryRun:
    """Plan of one run.

    Args:
        spec: The run, with every option.
        settings: ``group.key`` -> value, and its origin.
        steps: Its three stages: name, the hash that names it, whether it is on disk.
    """

    spec: RunSpec
    settings: Mapping[str, tuple[Any, str]]
    steps: tuple[Step, Step, Step]


def prepare_runs(arguments: RunArguments, registry: Registry | None = None) -> PreparedRuns:
    """Resolve a request.

    Args:
        arguments: Arguments of ``run``.
        registry: Registry of the plugins; by default the installed ones, and the files
            that the arguments name.

    Raises:
        FacebenchError: A name, option, device or file is wrong; the message says where.
    """
    registry = registry or Registry(arguments.plugins)
    top, overrides = arguments.merged()
    workspace = open_workspace(top, arguments)
    request = build_request(top, overrides, workspace, registry)
    runs = tuple(resolve_with_origins(request, registry))
    check_flags(arguments.settings, [resolved.spec for resolved in runs])
    for resolved in runs:
        _find_data(resolved.loaded, workspace)
    return PreparedRuns(runs, request, workspace)


def check_flags(settings: Overrides, specs: Sequence[RunSpec]) -> None:
    """Check that some run reads each option of a probe in ``--set`` or ``settings=``.

    Args:
        settings: All options that were given; those of files may be for other runs.
        specs: All runs.

    Raises:
        SpecError: No run reads one.
    """
    by_hand = {
        key: f"{how}{key}"
        for key, one in settings.items()
        for how in ("--set ", "settings, ")
        if one.where.startswith(how)
    }
    check_read(by_hand, {spec.probe.kind for spec in specs})


def _find_data(run: LoadedRun, workspace: Workspace) -> None:
    """Look for a run's data and landmarks, so that what is missing is said before any run.

    Raises:
        DataError: A data folder is given, and a dataset is not below it; or landmarks are asked for
            that cannot be had.
    """
    check_landmarks(run.spec.align)
    data, synthetic, learned = workspace.data, workspace.synthetic, run.learned_task
    task_folder(run.task(run.spec.task_options), data, synthetic)
    if run.learns and learned is not None:
        task_folder(learned(), data, synthetic)
    elif run.learns and run.spec.pretrain.data == VOXCELEB:
        voxceleb_folder(data, synthetic)


@in_words
def run(**words: Unpack[RunWords]) -> Results:
    """Learn representations, freeze them, and evaluate them on tasks: ``facebench run``.

    Nothing is computed twice: what is on disk is read. ::

        results = run(method="pcl", task=["rafdb", "lfw"], seeds=[0, 1])

    Args:
        **words: What is to be run, see :class:`facebench.api.words.RunWords`; ``method`` and
            ``task`` are needed, here or in the file of ``config``.

    Returns:
        One result for each method, task and seed, in that order, then those of the baselines.

    Raises:
        FacebenchError: An input is wrong; the message says what to change, with the nearest name.
    """
    with warned_once():
        return prepare_runs(arguments_of(words, "run")).execute()


@in_words
def dry_run(**words: Unpack[RunWords]) -> tuple[DryRun, ...]:
    """Return the plan of :func:`run` without computing anything: ``facebench run --dry-run``.

    Args:
        **words: As for :func:`run`.

    Raises:
        FacebenchError: An input is wrong; the message says what to change.
    """
    prepared = prepare_runs(arguments_of(words, "dry_run"))
    return tuple(
        DryRun(resolved.spec, resolved.settings(), prepared.steps(resolved.loaded))
        for resolved in prepared.runs
    )
