"""Printed numbers of papers, as rows of the leaderboard separate from measured results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from facebench.report.board.model import Column, PrintedRow, Quote
from facebench.report.reference import Printed, printed_numbers


def task_places() -> dict[str, int]:
    """Return the tasks that papers print, each with its place in the order of their tables."""
    tasks = dict.fromkeys(number.task for number in printed_numbers() if not number.variant)
    return {task: place for place, task in enumerate(tasks)}


def printed_rows(columns: Sequence[Column]) -> tuple[PrintedRow, ...]:
    """Return a row for each method that a paper prints in some column.

    Settings of ablations are left out. Where a paper has a method twice in a column (TCAE on
    DISFA), the second number has a row of its own.
    """
    wanted: dict[tuple[str, str], list[str]] = defaultdict(list)
    for column in columns:
        wanted[column.task, column.name].append(column.id)
    rows: dict[tuple[str, str, str], list[tuple[Printed, dict[str, Quote]]]] = defaultdict(list)
    for number in printed_numbers():
        ids = wanted.get((number.task, number.metric))
        if number.variant or not ids:
            continue
        quote = Quote(
            value=number.value,
            reproduced=number.reproduced,
            table=number.table,
            page=number.page,
        )
        of_method = rows[number.short, number.section, number.method]
        for _, cells in of_method:
            if ids[0] not in cells:
                cells |= dict.fromkeys(ids, quote)
                break
        else:
            of_method.append((number, dict.fromkeys(ids, quote)))
    flat = [row for of_method in rows.values() for row in of_method]
    return tuple(
        PrintedRow(
            order=place,
            method=number.method,
            section=number.section,
            paper=number.paper,
            short=number.short,
            source=number.source,
            cells=cells,
        )
        for place, (number, cells) in enumerate(flat)
    )
