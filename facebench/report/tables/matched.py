"""One run for each method: the one nearest to the budget that the most methods share.

A table of all runs shows a method once for every setting that was tried, which invites comparing
a long training of one method with a short one of another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from facebench.report.budget import Budget, budget_of, method_key, shared_budget
from facebench.report.entries import MethodEntry

Rows = Literal["all", "matched"]
ROWS: tuple[Rows, ...] = ("all", "matched")


@dataclass(frozen=True)
class Choice:
    """Which runs a table shows.

    Args:
        entries: One for each method, in the order that they came in.
        budget: That the most methods share; None where nothing was learned.
    """

    entries: tuple[MethodEntry, ...]
    budget: Budget | None

    def note(self) -> str:
        """Return the rule, as a note below a table."""
        if self.budget is None:
            return "One row per method: of its newest version, the run with the most seeds."
        return (
            "One row per method: of its newest version, the run nearest to what the most methods "
            f"have in common, which is {self.budget.text()}; compared in this order, then by the "
            "number of seeds. All runs: facebench table --rows all."
        )


def matched(entries: Sequence[MethodEntry]) -> Choice:
    """Choose one run for each method.

    The budget to match is the one that runs of the most methods have (:func:`shared_budget`). A
    method's run is the one nearest to it, part by part in the order of :class:`Budget`; of equally
    near ones the one with the most seeds, then the first. Older versions of a method are left out.
    Where nothing is learned here, other weights or options make a method of their own
    (:func:`method_key`).

    Args:
        entries: All runs, in the order of a table.
    """
    methods: dict[tuple[Any, ...], list[MethodEntry]] = defaultdict(list)
    for entry in entries:
        methods[method_key(entry)].append(entry)
    for key, runs in methods.items():
        newest = max(map(_version, runs))
        methods[key] = [run for run in runs if _version(run) == newest]
    budget = shared_budget((key, run) for key, runs in methods.items() for run in runs)

    def place(entry: MethodEntry) -> tuple[tuple[float, ...], int]:
        far = () if budget is None else budget.distance(budget_of(entry))
        return far, -len(entry.seeds)

    chosen = {min(runs, key=place).key for runs in methods.values()}
    return Choice(tuple(entry for entry in entries if entry.key in chosen), budget)


def _version(entry: MethodEntry) -> int:
    return int(entry.configuration["method"][1])
