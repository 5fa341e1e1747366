"""Which run comes next, and how long the rest will take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from facebench.plan import Step
from facebench.sweep.plan import PlannedRun


class Schedule:
    """Hands out runs so that no two make the same stage at once.

    Args:
        runs: In the order wanted; those with nothing to do are left out.
    """

    def __init__(self, runs: Iterable[PlannedRun]) -> None:
        self.pending = [run for run in runs if run.waits]
        self._making: dict[str, set[Step]] = {}  # key of a run -> the stages it makes
        self._made: set[Step] = set()

    def take(self) -> PlannedRun | None:
        """Return the next run all of whose missing stages nobody else is making, if any."""
        busy = {stage for stages in self._making.values() for stage in stages}
        for run in self.pending:
            missing = set(run.missing()) - self._made
            if not missing & busy:
                self.pending.remove(run)
                self._making[run.key] = missing
                return run
        return None

    def finish(self, run: PlannedRun, *, learned: bool, done: bool) -> list[PlannedRun]:
        """Take note of how a run ended.

        Args:
            run: Which one.
            learned: Whether its checkpoint is there.
            done: Whether its result is there.

        Returns:
            Runs that are given up: they need the checkpoint that could not be made.
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
        """Return the stages that are still to be made, those being made included."""
        waiting = {stage for run in self.pending for stage in run.missing()}
        return (waiting - self._made).union(*self._making.values())


class Pace:
    """Estimates the time left from the seconds that stages took so far."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(list)

    def note(self, run: PlannedRun, seconds: Mapping[str, float]) -> None:
        """Take note of what a run's result says its stages took."""
        for stage, name in zip(run.stages, ("pretrain", "extract", "probe"), strict=True):
            self._seconds[stage.name].append(seconds[name])

    def left(self, outstanding: Collection[Step], jobs: int) -> float | None:
        """Return seconds for what is outstanding, shared among ``jobs``; None if not known yet."""
        if not self._seconds:
            return None
        means = {name: sum(values) / len(values) for name, values in self._seconds.items()}
        return sum(means.get(stage.name, 0.0) for stage in outstanding) / jobs
