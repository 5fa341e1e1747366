"""Warnings below a table, and the marks of the rows that they are about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from itertools import count, product
from string import ascii_lowercase
from typing import TypeVar

from facebench.report.groups import concerns
from facebench.results.store import Result

K = TypeVar("K", bound=Hashable)


def warnings_of(rows: Mapping[K, Iterable[Result]]) -> tuple[tuple[str, ...], dict[K, str]]:
    """Return the warnings that concern a score of a table, and the marks of its rows.

    What all rows of a task have in common is about its images, and names the task where there are
    several. All else has a mark, which stands behind the rows that it is about, too.

    Args:
        rows: Results of each row.

    Returns:
        The notes; and for each row `` [a,b]``, with a space before it, or an empty text.
    """
    judged: dict[str, set[K]] = defaultdict(set)  # title of a task -> rows
    warned: dict[str, dict[str, set[K]]] = {}  # warning -> title of a task -> rows
    for row, results in rows.items():
        for result in results:
            title, texts = result.record.task.title, result.record.warnings
            judged[title].add(row)
            for text in texts:
                if concerns(text, title):
                    warned.setdefault(text, defaultdict(set))[title].add(row)
    letters = ("".join(of) for n in count(1) for of in product(ascii_lowercase, repeat=n))
    notes: list[str] = []
    marks: dict[K, list[str]] = {row: [] for row in rows}
    for text, of_task in warned.items():
        if any(members != judged[title] for title, members in of_task.items()):
            letter = next(letters)
            notes.append(f"[{letter}] {text}")
            for row in set[K]().union(*of_task.values()):
                marks[row].append(letter)
        elif len(of_task) < len(judged):
            notes.append(f"{', '.join(of_task)}: {text}")
        else:
            notes.append(text)
    return tuple(notes), {row: f" [{','.join(of)}]" if of else "" for row, of in marks.items()}
