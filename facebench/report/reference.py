"""Printed numbers of the papers, as data (``results/reference``)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

FORMAT = 1


@dataclass(frozen=True)
class Printed:
    """One number as a paper prints it.

    Args:
        method: As printed (``SimCLR``).
        task: facebench's name of the task.
        metric: facebench's name of the metric.
        value: As printed (``71.06``).
        section: ``supervised`` or ``self-supervised``.
        reproduced: The paper marks it with a star: reproduced by its authors.
        table: Number of the table.
        page: Of the paper.
        paper: Which paper prints it.
    """

    method: str
    task: str
    metric: str
    value: float
    section: str
    reproduced: bool
    table: int
    page: int
    paper: str


@cache
def printed_numbers() -> tuple[Printed, ...]:
    """Return every printed number that ships with facebench, in the order of the tables."""
    numbers: list[Printed] = []
    for entry in sorted(files("facebench_reference").iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".json"):
            content = json.loads(entry.read_text(encoding="utf-8"))
            numbers += [Printed(**row, paper=content["paper"]) for row in content["rows"]]
    return tuple(numbers)


def printed(title: str, task: str, metric: str) -> Printed | None:
    """Return what was printed for a method (by its title) on a task, if anything was.

    Where a table has a method twice (TCAE on DISFA), it is the first: as its authors published it.
    """
    for number in printed_numbers():
        if (number.method, number.task, number.metric) == (title, task, metric):
            return number
    return None
