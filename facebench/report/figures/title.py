"""Titles of figures of a result, and checks whether a figure can show it."""

from __future__ import annotations

from facebench.errors import DataError, UnknownNameError
from facebench.protocol import ScoreKind
from facebench.report.groups import task_title
from facebench.results.record import Record
from facebench.results.scores import KINDS, SHOWN


def figure_title(record: Record) -> str:
    """Return method, feature, seed and task of a result; synthetic data are named as such."""
    spec = record.spec
    who = f"{record.method.title} {spec.extract.feature}, seed {spec.seed}"
    kind = ", SYNTHETIC faces" if record.task.synthetic else ""
    return f"{who}: {task_title(record)}{kind}"


def check_protocol(record: Record, figure: str, *protocols: str) -> None:
    """Refuse a result that a figure cannot show.

    Raises:
        DataError: It was judged by another protocol.
    """
    found = record.task.protocol[0]
    if found not in protocols:
        raise DataError(
            f"figure {figure}: found a result of {record.task.title}, which is {found}; "
            f"expected {' or '.join(protocols)}. Give another result, or draw another figure."
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
