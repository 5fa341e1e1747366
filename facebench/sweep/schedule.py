"""Order of execution of the runs, and estimate of the remaining time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from facebench.pipeline.plan import Step
from facebench.sweep.plan import PlannedRun


class Schedule:
    """Selects the next run so that no two concurrent runs compute the same stage.

    Args:
        runs: Runs in order of execution; those that are not pending are left out.
    """

    def __init__(self, runs: Iterable[PlannedRun]) -> None:
        self.pending = [run for run in runs if run.waits]
        self._making: dict[str, set[Step]] = {}  # key of a run -> the stages it makes
        self._made: set[Step] = set()

    def take(self) -> PlannedRun | None:
        """Return the next run none of whose missing stages is being computed, if any."""
        busy = {stage for stages in self._making.values() for stage in stages}
        for run in self.pending:
            missing = set(run.missing()) - self._made
            if run.stages[1] in missing:  # then its extraction writes those beside it, too
                missing |= run.extracted - self._made
            if not missing & busy:
                self.pending.remove(run)
                self._making[run.key] = missing
                return run
        return None

    def finish(self, run: PlannedRun, *, learned: bool, done: bool) -> list[PlannedRun]:
        """Record how a run ended.

        Args:
            run: The run.
            learned: Whether its checkpoint exists.
            done: Whether its result exists.

        Returns:
            Runs that are cancelled, because they need a checkpoint that could not be computed.
        """
        making, checkpoint = self._making.pop(run.key), run.stages[0]
        if done:
            self._made |= making
        elif learned:
            self._made.add(checkpoint)
        else:
            lost = [other for other in self.pending if checkpoint in other.stages]
            self.pending = [other for other in self.pending if other not in lost]
            return lost
        return []

    def outstanding(self) -> set[Step]:
        """Return the stages that are not complete, including those being computed."""
        waiting = {stage for run in self.pending for stage in run.missing()}
        return (waiting - self._made).union(*self._making.values())


class Pace:
    """Estimates the time left from the seconds that stages took so far."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(list)

    def note(self, run: PlannedRun, seconds: Mapping[str, float]) -> None:
        """Record the seconds that the stages of a run took."""
        for stage, name in zip(run.stages, ("pretrain", "extract", "probe"), strict=True):
            self._seconds[stage.name].append(seconds[name])

    def left(self, outstanding: Collection[Step], jobs: int) -> float | None:
        """Return the seconds left with ``jobs`` concurrent runs; None if not known yet."""
        if not self._seconds:
            return None
        means = {name: sum(values) / len(values) for name, values in self._seconds.items()}
        return sum(means.get(stage.name, 0.0) for stage in outstanding) / jobs
