"""The plan of a sweep: distinct runs, their stages on disk, and shared stages."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from facebench.config.spec import ExtractSpec, RunSpec, digest, spec_record
from facebench.errors import FacebenchError
from facebench.pipeline.passes import beside, pass_of
from facebench.pipeline.plan import Step, plan
from facebench.pipeline.stages import Stages, open_stages
from facebench.request.loaded import LoadedRun
from facebench.runtime.workspace import Workspace
from facebench.sweep.entries import SweepEntry


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One run of a sweep.

    Args:
        key: Key of the result; equal for two specs that give the same result.
        run: Specification of the run, with the classes that it names.
        stages: Stages of the run, starting with its checkpoint; empty if it has an error.
        result: Path of the stored result, if there is one.
        error: Why it cannot be run; empty if it can.
        beside: Features of pending runs that its extraction writes as well.
        extracted: Stages of these features.
    """

    key: str
    run: LoadedRun
    stages: tuple[Step, ...] = ()
    result: Path | None = None
    error: str = ""
    beside: tuple[ExtractSpec, ...] = ()
    extracted: frozenset[Step] = frozenset()

    @property
    def spec(self) -> RunSpec:
        """Return what is run."""
        return self.run.spec

    @property
    def waits(self) -> bool:
        """Whether the run is pending."""
        return self.result is None and not self.error

    def missing(self) -> list[Step]:
        """Return the stages that have to be made for the result."""
        return [stage for stage in self.stages if not stage.done] if self.waits else []


@dataclass(frozen=True)
class StageCount:
    """Counts of a kind of stage over the runs of a sweep.

    Args:
        name: Name of the stage.
        runs: Number of runs with this stage.
        distinct: Number of distinct stages among them.
        on_disk: Number of distinct stages that are complete on disk.
        to_do: Number of distinct stages that are still to be computed.
    """

    name: str
    runs: int
    distinct: int
    on_disk: int
    to_do: int

    @property
    def shared(self) -> int:
        """Return how many runs use a stage that is computed for another run."""
        return self.runs - self.distinct


@dataclass(frozen=True)
class SweepPlan:
    """All runs of a sweep.

    Args:
        runs: The distinct runs in order of execution, those that share most stages first.
        keys: Key of the run of each entry.
    """

    runs: tuple[PlannedRun, ...]
    keys: tuple[str, ...]

    def counts(self) -> list[StageCount]:
        """Count pretrainings, extractions and evaluations."""
        return [_count(name, self.runs) for name in ("pretrain", "extract", "probe")]


def plan_sweep(entries: Sequence[SweepEntry], workspace: Workspace) -> SweepPlan:
    """Determine the stages of every run and which are on disk, without computing any.

    Data are opened, which renders stand-ins that do not exist yet. A run whose data cannot be
    opened is planned with its error and does not affect the others.
    """
    openings = _Openings(workspace)
    by_spec: dict[RunSpec, PlannedRun] = {}
    for entry in entries:
        if entry.spec not in by_spec:
            by_spec[entry.spec] = _planned(entry.run, openings)
    runs: dict[str, PlannedRun] = {}
    for run in by_spec.values():
        runs.setdefault(run.key, run)
    keys = tuple(by_spec[entry.spec].key for entry in entries)
    return SweepPlan(tuple(_ordered(_with_features_beside([*runs.values()]))), keys)


class _Openings:
    """Opens each dataset once for all runs that read it."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._opened: dict[str, Stages] = {}

    def stages(self, run: LoadedRun) -> Stages:
        """Return the stages of a run.

        Raises:
            FacebenchError: The data cannot be opened.
        """
        spec = run.spec
        info = run.method.info
        of_videos = info.name if info.frames_of_video > 1 else ""  # it takes its own images of them
        source = (spec.pretrain.data, spec.pretrain.limit, of_videos) if run.learns else ()
        name = digest([spec.task, spec.task_options, spec.limit, source])
        if name not in self._opened:
            self._opened[name] = open_stages(run, self.workspace)
        return replace(self._opened[name], run=run)


def _planned(run: LoadedRun, openings: _Openings) -> PlannedRun:
    try:
        stages = openings.stages(run)
        steps = plan(stages)
    except FacebenchError as error:
        return PlannedRun(key=digest(spec_record(run.spec)), run=run, error=str(error))
    path, judged = stages.store.path(run.spec, steps[-1].key), steps[-1].done
    return PlannedRun(key=str(path), run=run, stages=steps, result=path if judged else None)


def _with_features_beside(runs: Sequence[PlannedRun]) -> list[PlannedRun]:
    """Let the first extraction of several features of the same images write all of them."""
    lacking = {run.spec: run for run in runs if run.waits and not run.stages[1].done}
    others = beside(lacking)
    steps: dict[RunSpec, set[Step]] = defaultdict(set)
    for spec, run in lacking.items():
        steps[pass_of(spec)].add(run.stages[1])
    return [
        replace(
            run,
            beside=others[run.spec],
            extracted=frozenset(steps[pass_of(run.spec)] - {run.stages[1]}),
        )
        if run.spec in lacking
        else run
        for run in runs
    ]


def _ordered(runs: Iterable[PlannedRun]) -> list[PlannedRun]:
    """Sort runs by checkpoint, then by extraction.

    The most shared stages come first, so that an interrupted sweep has computed the stages that
    most runs need.
    """
    members = list(runs)
    uses = Counter(stage.key for run in members for stage in run.stages)
    first: dict[str, int] = {}
    for position, run in enumerate(members):
        for stage in run.stages:
            first.setdefault(stage.key, position)

    def place(run: PlannedRun) -> tuple[int, ...]:
        return tuple(n for stage in run.stages for n in (-uses[stage.key], first[stage.key]))

    return sorted(members, key=place)


def _count(name: str, runs: Sequence[PlannedRun]) -> StageCount:
    stages = [stage for run in runs for stage in run.stages if stage.name == name]
    missing = {stage.key for run in runs for stage in run.missing() if stage.name == name}
    return StageCount(
        name=name,
        runs=len(stages),
        distinct=len({stage.key for stage in stages}),
        on_disk=len({stage.key for stage in stages if stage.done}),
        to_do=len(missing),
    )
