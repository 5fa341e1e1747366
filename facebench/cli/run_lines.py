"""What is printed while several runs go on, and when they have ended."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facebench.api.results import Results
    from facebench.config.spec import RunSpec
    from facebench.results.answers import Answer
    from facebench.results.store import Result


class RunLines:
    """A line when a run starts, and one with its score and the time left when it has ended.

    The time left is an estimate from the runs that were computed: a run that is the first of its
    method and seed, which learns, takes as long as such runs took, and any other one as long as
    others.

    Args:
        specs: All runs, in their order.
    """

    def __init__(self, specs: Sequence[RunSpec]) -> None:
        self._specs = tuple(specs)
        self._place = 0
        self._began = 0.0
        self._took: dict[bool, list[float]] = defaultdict(list)
        seen = set[tuple[str, int]]()
        self._first = []
        for spec in specs:
            self._first.append((spec.method, spec.seed) not in seen)
            seen.add((spec.method, spec.seed))

    def started(self, spec: RunSpec) -> None:
        """Print which run starts."""
        from rich.text import Text

        from facebench.runtime.terminal import err

        self._began = time.monotonic()
        what = f" ({spec.backbone}, preset {spec.preset})"
        err.print(Text.assemble(self._count(), (spec.name, "bold"), what), soft_wrap=True)

    def ended(self, result: Result, *, found: bool) -> None:
        """Print the score of the run that ended, and about how long the others take."""
        from facebench.runtime.terminal import err

        indent = " " * len(self._count())
        if not found:
            self._took[self._first[self._place]].append(time.monotonic() - self._began)
        self._place += 1
        if len(self._specs) > 1 or found:
            state = "found, nothing to do: " if found else ""
            line = f"{indent}{state}{score_line(result)}{time_left(self.left())}"
            err.print(line, soft_wrap=True, highlight=False, markup=False)

    def left(self) -> float | None:
        """Return the seconds that the runs to come take; None if none was computed yet."""
        everyone = [seconds for of_kind in self._took.values() for seconds in of_kind]
        if not everyone:
            return None
        mean = fmean(everyone)
        means = {kind: fmean(seconds) for kind, seconds in self._took.items()}
        return sum(means.get(first, mean) for first in self._first[self._place :])

    def _count(self) -> str:
        total = len(self._specs)
        return f"[{self._place + 1:{len(str(total))}}/{total}] " if total > 1 else ""


def score_line(result: Result) -> str:
    """Return both scores of a result by its main metric, on the printed scale."""
    from facebench.results.scores import KINDS, shown_kind

    metric, task = result.metric, result.record.task
    parts = []
    for kind in KINDS:
        value = result.scores.of(kind).value(metric.name)
        number = "no value" if value is None else f"{metric.scale * value:.2f}"
        parts.append(f"{number} {shown_kind(kind, task.protocol[0])}")
    kind_of_data = ", SYNTHETIC" if task.synthetic else ""
    return f"{metric.title} {', '.join(parts)}{kind_of_data}"


def time_left(seconds: float | None) -> str:
    """Return an estimate of what is left, as the end of a line; empty if there is none."""
    if not seconds:
        return ""
    if seconds < 60:
        return f"  (about {seconds:.0f} s left)"
    minutes = seconds / 60
    return f"  (about {minutes:.0f} min left)" if minutes < 90 else (
        f"  (about {minutes / 60:.1f} h left)")  # fmt: skip


def show_answer(answer: Answer, results: Sequence[Result]) -> None:
    """Print what a run prints that finds all its results."""
    from facebench.api.results import Results
    from facebench.config.spec import RunSpec

    specs = [
        RunSpec(method=run.method, task=run.task, backbone=run.backbone, preset=run.preset,
                seed=run.seed)
        for run in answer.runs
    ]  # fmt: skip
    lines = RunLines(specs)
    for said in answer.said:
        said.again()
    for spec, run, result in zip(specs, answer.runs, results, strict=True):
        lines.started(spec)
        for said in run.said:
            said.again()
        lines.ended(result, found=True)
    show_results(Results(results))


def show_results(results: Results) -> None:
    """Print the tables of a run, a line for each result file, and what to do next."""
    from facebench.report.summary import summary_tables
    from facebench.report.tables.families import family_tables, wants_family
    from facebench.runtime.terminal import out

    for table in family_tables(results) if wants_family(results) else summary_tables(results):
        out.print(table)
    out.print("results:")
    for result in results:
        out.print(f"  {result.path}", soft_wrap=True, highlight=False, markup=False)
    _show_next(results)


def _show_next(results: Results) -> None:
    from facebench.report.groups import comparable

    folder = results[0].path.parent.parent
    lines = [f"facebench show {results[0].path}"]
    for found in comparable(results).values():
        other = [one for one in found if one.spec.method != found[0].spec.method]
        if other:
            lines.append(f"facebench compare {found[0].path} {other[0].path}")
            break
    lines += [f"facebench leaderboard --results {folder}",
              f"facebench figure all {folder} --out figures"]  # fmt: skip
    show_commands(lines)


def show_commands(lines: Sequence[str]) -> None:
    """Print commands to try, to standard error, so that a pipe has the results alone."""
    from facebench.runtime.terminal import err

    err.print("next:")
    for line in lines:
        err.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)
