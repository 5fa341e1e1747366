"""A board before its rows are compared, which several processes do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from facebench.protocol import ScoreKind
from facebench.report.board.cells import shown
from facebench.report.board.columns import columns_of, groups_of, shown_metrics
from facebench.report.board.comparisons import Competition, competition, outcomes
from facebench.report.board.mean_ranks import Block, Candidate, block
from facebench.report.board.model import Column
from facebench.report.budget import of_equal_budget
from facebench.report.entries import MethodEntry, Score, main_metric, scores
from facebench.report.groups import Group
from facebench.results.scores import KINDS
from facebench.results.stats.comparison import keep_outcomes
from facebench.results.stats.statistics import intervals_stored
from facebench.results.store import Result


@dataclass(frozen=True)
class Rows:
    """The rows of a board, of which nothing is computed yet.

    Args:
        synthetic: Whether the data are synthetic.
        groups: Groups of comparable results, each with one result.
        members: The entries of the board.
        competing: Those of one budget, which are compared.
    """

    synthetic: bool
    groups: Mapping[Group, Result]
    members: Sequence[MethodEntry]
    competing: Sequence[MethodEntry]

    @classmethod
    def of(cls, synthetic: bool, found: Sequence[MethodEntry]) -> Rows:
        """Choose the entries that were judged on real data, or on synthetic data."""
        groups = groups_of(synthetic, found)
        members = [entry for entry in found if any(group in groups for group in entry.results)]
        return cls(synthetic, groups, members, of_equal_budget(members)[0])

    def drawn_again(self) -> Iterator[Result]:
        """Yield the results whose test items are drawn again: for comparisons and for means."""
        compared = {entry.key for entry in self.competing}
        for group in self.groups:
            for entry in self.members:
                results = entry.results.get(group, ())
                if entry.key in compared or not intervals_stored(results):
                    yield from results


@dataclass(frozen=True)
class Draft:
    """What a board is made of.

    Args:
        rows: Its rows.
        columns: Columns of each group.
        ids: Identifier of each entry's row, by its key.
        scored: Scores of each group, by the entry's key and by metric.
        met: The rows of one budget of each group, by kind of score.
        ranked: Methods and tasks for mean ranks, by kind of score; None where there are too few.
    """

    rows: Rows
    columns: Mapping[Group, tuple[Column, ...]]
    ids: Mapping[str, str]
    scored: Mapping[Group, Mapping[str, Mapping[str, Score]]]
    met: Mapping[Group, Mapping[ScoreKind, Competition]]
    ranked: Mapping[ScoreKind, Block | None]

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """Return the columns of all groups."""
        return tuple(column for of_group in self.columns.values() for column in of_group)


def draft(rows: Rows) -> Draft:
    """Sort the scores of rows into columns, and say which rows meet.

    Raises:
        StageError: Predictions are missing, or those of two seeds are not of one test set.
    """
    columns = columns_of(rows.groups)
    ids = {entry.key: f"r{place}" for place, entry in enumerate(rows.members)}
    scored = {
        group: {entry.key: scores(entry, group) for entry in rows.members if group in entry.results}
        for group in rows.groups
    }
    met = {
        group: {
            kind: competition(group, rows.competing, shown_metrics(result), kind) for kind in KINDS
        }
        for group, result in rows.groups.items()
    }
    every = [column for of_group in columns.values() for column in of_group]
    ranked = {}
    for kind in KINDS:
        candidates = [
            Candidate(ids[entry.key], entry.title, _values(entry.key, columns, scored, kind))
            for entry in rows.competing
        ]
        ranked[kind] = block(every, candidates)
    return Draft(rows, columns, ids, scored, met, ranked)


def compare_rows(drafts: Iterable[Draft], processes: int) -> None:
    """Let processes compare the rows of boards and keep what they found in the cache.

    Args:
        drafts: The boards.
        processes: How many; one compares nothing before it is asked for.
    """
    several = list(drafts)
    # One process ranks all: the first time that takes as long as the import of scipy.stats.
    blocks = [of_kind for one in several for of_kind in one.ranked.values() if of_kind is not None]
    wanted = (computing for one in several for computing in _outcomes(one))
    keep_outcomes([[one.ranking for one in blocks], *wanted], processes)


def _outcomes(board: Draft) -> Iterator[list[Callable[[], object]]]:
    """Yield what computes the comparisons of a board, together those on the same draws."""
    for group, result in board.rows.groups.items():
        for met in board.met[group].values():
            yield [*outcomes(met, board.scored[group], main_metric([result]))]


def _values(
    key: str,
    columns: Mapping[Group, Sequence[Column]],
    scored: Mapping[Group, Mapping[str, Mapping[str, Score]]],
    kind: ScoreKind,
) -> dict[str, float]:
    """Return an entry's values on the printed scale by column, without those that it lacks."""
    values = {}
    for group, of_group in columns.items():
        for column in of_group if key in scored[group] else ():
            score = scored[group][key][column.name]
            value = shown(score, score.honest if kind == "honest" else score.paper)
            if value is not None:
                values[column.id] = value
    return values
