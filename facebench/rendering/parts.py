"""A table with more columns than fit side by side, as parts that stand one below the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from facebench.rendering.table import Section, Table


def parts(table: Table, least: Sequence[int], width: int, gap: int) -> list[Table]:
    """Return the table, or parts of it: its first columns of words, and some columns of numbers.

    Args:
        table: The table.
        least: Characters that each column needs.
        width: Characters that a line may have. A part has one column of numbers at least, so that
            its lines may be longer.
        gap: Characters between two columns.
    """
    first = next((place for place, each in enumerate(table.columns) if each.numeric), 0)
    others, found = range(first, len(table.columns)), list[list[int]]()
    space = width - sum(least[:first]) - gap * max(0, first - 1)
    left = -1
    for place in others:
        needed = least[place] + gap
        if not found or needed > left:
            found.append([])
            left = space
        found[-1].append(place)
        left -= needed
    if len(found) < 2:
        return [table]
    return [_some(table, [*range(first), *places]) for places in found]


def _some(table: Table, places: Sequence[int]) -> Table:
    """Return some columns of a table."""
    return replace(
        table,
        columns=tuple(table.columns[place] for place in places),
        upper=tuple(_upper(table, places)),
        sections=tuple(
            Section(
                section.title,
                tuple(tuple(row[p] for p in places if p < len(row)) for row in section.rows),
            )
            for section in table.sections
        ),
    )


def _upper(table: Table, places: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Yield the headings over some columns."""
    ends = list(accumulate(count for _, count in table.upper))
    for (text, count), end in zip(table.upper, ends, strict=True):
        kept = sum(end - count <= place < end for place in places)
        if kept:
            yield text, kept
