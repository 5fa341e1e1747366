"""Titles and names of results in figures, and checks whether a figure can show them."""

from __future__ import annotations

from collections.abc import Sequence

from facebench.errors import DataError, UnknownNameError
from facebench.protocol import ScoreKind
from facebench.report.configurations import distinct, entry_names
from facebench.report.entries import entries
from facebench.report.figures.drawing import SYNTHETIC
from facebench.report.groups import comparable, learned_from, task_title
from facebench.results.record import Record
from facebench.results.scores import KINDS, SHOWN
from facebench.results.store import Result


def figure_title(record: Record) -> str:
    """Return method, feature, seed and task of a result; synthetic data are named as such."""
    spec = record.spec
    who = f"{record.method.title} {spec.extract.feature}, seed {spec.seed}"
    return f"{who}: {group_title(record)}"


def group_title(record: Record) -> str:
    """Return the task of a result; synthetic data are named as such."""
    return f"{task_title(record)}{f', {SYNTHETIC}' if record.task.synthetic else ''}"


def several_title(records: Sequence[Record]) -> str:
    """Return the title of one result, or what several of one group have in common."""
    return figure_title(records[0]) if len(records) == 1 else group_title(records[0])


def labels_of(records: Sequence[Record]) -> list[str]:
    """Return a name of each result that tells it from the others, as short as may be.

    Method and feature come first; then what differs between results of equal names: seed,
    backbone, what was learned from, and in the end the hash of the result.
    """
    return distinct(
        [f"{record.method.title} {record.spec.extract.feature}" for record in records],
        [f", seed {record.spec.seed}" for record in records],
        [f", {record.spec.backbone}" for record in records],
        [learned_from(record) for record in records],
        [f", {record.stages.result[:8]}" for record in records],
    )


def result_names(results: Sequence[Result]) -> list[str]:
    """Return a name of each result of one task that tells it from the others, short as may be.

    They are the names that rows have in other figures, with the seed where a row has several.
    """
    seeds = [f", seed {result.spec.seed}" for result in results]
    of_results = [f", {result.record.stages.result[:8]}" for result in results]
    return distinct(_row_names(results), seeds, of_results)


def section_titles(results: Sequence[Result]) -> list[str]:
    """Return titles of results in a list of them: no two alike."""
    titles = [
        f"{name}, seed {result.spec.seed}: {group_title(result.record)}"
        for name, result in zip(_row_names(results), results, strict=True)
    ]
    return distinct(titles, [f", {result.path.stem}" for result in results])


def _row_names(results: Sequence[Result]) -> list[str]:
    """Return for each result the name of its row in other figures; several may have one row."""
    found = entries(results)
    names = entry_names(found)
    of = {one.path: names[entry.key] for entry in found for one in entry.all_results}
    # Of one configuration and seed a row has the last result alone.
    return [
        of.get(one.path, f"{one.record.method.title} {one.spec.extract.feature}") for one in results
    ]


def check_protocol(record: Record, figure: str, *protocols: str) -> None:
    """Refuse a result that a figure cannot show.

    Raises:
        DataError: It was evaluated by another protocol.
    """
    found = record.task.protocol[0]
    if found not in protocols:
        raise DataError(
            f"figure {figure}: found a result of {record.task.title}, which is {found}; "
            f"expected {' or '.join(protocols)}. Give another result, or draw another figure."
        )


def check_one_group(figure: str, results: Sequence[Result]) -> None:
    """Refuse results that are not comparable in one figure.

    Raises:
        DataError: They are of several tasks, versions, kinds of data or conditions.
    """
    groups = comparable(results)
    if len(groups) > 1:
        names = sorted({group_title(found[0].record) for found in groups.values()})
        differ = " and ".join(names) if len(names) > 1 else f"{names[0]} under several conditions"
        raise DataError(
            f"figure {figure}: found results of {differ}; expected comparable ones, of one "
            "task, version, kind of data and way of testing. Draw one figure for each."
        )


def check_kind(kind: str) -> ScoreKind:
    """Return the kind of scores if it exists.

    Raises:
        UnknownNameError: There are no such scores.
    """
    for known in KINDS:
        if kind in (known, SHOWN[known]):  # the latter in tables, the former in files
            return known
    raise UnknownNameError("protocol", kind, [*SHOWN.values()], where="--protocol")
