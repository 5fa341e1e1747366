"""What a sweep would do: each run once, which stages are on disk, and what runs share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from facebench.config.spec import RunSpec, digest, spec_record
from facebench.errors import FacebenchError
from facebench.pipeline import Stages, open_stages
from facebench.plan import Step, plan
from facebench.request.loaded import LoadedRun
from facebench.runtime.workspace import Workspace
from facebench.sweep.entries import Entry


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One run of a sweep.

    Args:
        key: Equal for two specs that give the same result.
        run: What is run, and the classes that carry it out.
        stages: Its stages, the one that makes its checkpoint first; empty if it has an error.
        result: The stored result, if there is one.
        error: Why it cannot be run; empty if it can.
    """

    key: str
    run: LoadedRun
    stages: tuple[Step, ...] = ()
    result: Path | None = None
    error: str = ""

    @property
    def spec(self) -> RunSpec:
        """Return what is run."""
        return self.run.spec

    @property
    def waits(self) -> bool:
        """Whether there is anything to do."""
        return self.result is None and not self.error

    def missing(self) -> list[Step]:
        """Return the stages that have to be made for the result."""
        return [stage for stage in self.stages if not stage.done] if self.waits else []


@dataclass(frozen=True)
class StageCount:
    """How often a stage is needed, and how often it is made.

    Args:
        name: The stage.
        runs: Runs that have it.
        distinct: Different ones among them.
        on_disk: Of those, complete.
        to_do: Of those, still to be made.
    """

    name: str
    runs: int
    distinct: int
    on_disk: int
    to_do: int

    @property
    def shared(self) -> int:
        """Return how often a run takes what another one makes."""
        return self.runs - self.distinct


@dataclass(frozen=True)
class SweepPlan:
    """All runs of a sweep.

    Args:
        runs: Each once, in the order in which they are run: those that share most come first.
        keys: The key of the run of each entry.
    """

    runs: tuple[PlannedRun, ...]
    keys: tuple[str, ...]

    def counts(self) -> list[StageCount]:
        """Count pretrainings, extractions and judgements."""
        return [_count(name, self.runs) for name in ("pretrain", "extract", "probe")]


def plan_sweep(entries: Sequence[Entry], workspace: Workspace) -> SweepPlan:
    """Name the stages of every run and look which are there; computes none of them.

    Data are opened, so a stand-in that has not been rendered yet is. A run whose data cannot be
    opened is planned with its error, and stops no other.
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
    return SweepPlan(tuple(_ordered(runs.values())), keys)


class _Openings:
    """Opens each dataset once, however many runs read it."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._opened: dict[str, Stages] = {}

    def stages(self, run: LoadedRun) -> Stages:
        """Return the stages of a run.

        Raises:
            FacebenchError: The data cannot be opened.
        """
        spec = run.spec
        source = (spec.pretrain.data, spec.pretrain.limit) if run.learns else ()
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


def _ordered(runs: Iterable[PlannedRun]) -> list[PlannedRun]:
    """Sort so that runs of one checkpoint, and then of one extraction, follow each other.

    The most shared come first, so that an interrupted sweep has finished what serves most runs.
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
