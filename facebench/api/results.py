"""Stored results of a run or a folder: tables, leaderboard, comparison."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from os.path import commonpath
from pathlib import Path
from typing import Any, overload

import numpy as np
import pandas as pd

from facebench.api.table_text import TableText
from facebench.errors import UnknownNameError
from facebench.report import DASH
from facebench.report.board.leaderboard import leaderboard
from facebench.report.board.model import Leaderboard
from facebench.report.board.written import written
from facebench.report.entries import stored_results
from facebench.report.tables.compare import Comparison
from facebench.report.tables.compare import compare as compare_results
from facebench.report.tables.formats import render
from facebench.report.tables.matched import ROWS
from facebench.report.tables.paper_table import paper_tables
from facebench.results.export import long_table
from facebench.results.model_card import model_index
from facebench.results.scores import KINDS, SHOWN
from facebench.results.store import Result, read_result, summary
from facebench.runtime.atomic import atomic_write

COLUMNS = (
    "method", "task", "seed", "feature", "backbone", "preset", "metric", "validated", "low",
    "high", "test_selected", "n_test", "synthetic", "path",
)  # fmt: skip
_LISTED = 40  # results that a console or a notebook lists; there may be thousands
_SUFFIXES = {".html": "html", ".md": "md", ".txt": "text"}


class Results(Sequence[Result]):
    """An immutable sequence of results.

    Args:
        results: Stored results.
    """

    def __init__(self, results: Iterable[Result] = ()) -> None:
        self._results = tuple(results)

    @overload
    def __getitem__(self, place: int) -> Result: ...
    @overload
    def __getitem__(self, place: slice) -> Results: ...
    def __getitem__(self, place: int | slice) -> Result | Results:
        """Return one result, or some of them."""
        found = self._results[place]
        return Results(found) if isinstance(found, tuple) else found

    def __len__(self) -> int:
        return len(self._results)

    def __iter__(self) -> Iterator[Result]:
        return iter(self._results)

    def __add__(self, others: Iterable[Result]) -> Results:
        return Results((*self, *others))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Results) and self._results == other._results

    def select(
        self,
        *,
        tasks: str | Sequence[str] = (),
        methods: str | Sequence[str] = (),
        synthetic: bool | None = None,
    ) -> Results:
        """Return the results of some tasks and methods.

        Args:
            tasks: One name or several; none for all.
            methods: Likewise.
            synthetic: Only those on synthetic, or only those on real data; None: both.

        Raises:
            UnknownNameError: None of these results is of a name.
        """
        task_names = _known("task", tasks, {result.spec.task for result in self})
        method_names = _known("method", methods, {result.spec.method for result in self})
        return Results(
            result
            for result in self
            if result.spec.task in task_names
            and result.spec.method in method_names
            and synthetic in (None, result.record.task.synthetic)
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a row per result, with the main metric of its task.

        ``validated`` and ``test_selected`` are the two scores, ``low`` and ``high`` ends of the
        first one's 95 % interval over test items, all as stored: accuracies and F1 in 0..1, errors
        in degrees. NaN stands where there is no value. ``synthetic`` says that the faces are
        rendered; such numbers are not comparable with real ones.
        """
        return pd.DataFrame([_row(result) for result in self], columns=list(COLUMNS))

    def to_long_frame(self) -> pd.DataFrame:
        """Return a row for each result, protocol and metric: ``facebench results export``."""
        return long_table(self)

    def model_card(self) -> str:
        """Return YAML for the head of a model card: ``facebench results export --format hf``.

        Each set of weights has an entry under ``model-index``, with the validated scores and 95 %
        intervals of its tasks as tables print them.
        """
        return model_index(self)

    def table(
        self,
        number: int | str,
        format: str = "text",
        *,
        synthetic: bool | None = None,
        rows: str = "all",
        width: int | None = None,
    ) -> TableText:
        """Lay out a table of the paper, printed numbers and ours side by side: ``facebench table``.

        Args:
            number: Number of the paper's table, 1 to 7; ``modern`` for the methods that came later.
            format: ``text``, ``md``, ``latex``, ``csv``, ``html`` or ``json``.
            synthetic: Only what is on synthetic, or only what is on real data; None: a table of
                each.
            rows: ``all`` runs, or ``matched``: one for each method, the one nearest to the budget
                that the most methods share.
            width: Characters that a line of ``text`` may have; None: as many as it takes.

        Raises:
            UnknownNameError: There is no such table or format, or no such choice of rows.
            SpecError: A CSV of real and synthetic data together, which must not mix.
            StageError: Predictions are missing, or results in one column are not of one test set.
        """
        chosen = next((known for known in ROWS if known == rows), None)
        if chosen is None:
            raise UnknownNameError("rows", rows, ROWS)
        tables = paper_tables(number, self, synthetic, chosen)
        return TableText(render(tables, format, width), tables)

    def board(self, page: Path | None = None, *, processes: int = 1) -> Leaderboard:
        """Return the leaderboard as data.

        Args:
            page: File that it will be written to, which links to results that are near it.
            processes: How many draw the test items of many results again, the first time.

        Raises:
            StageError: A result or its predictions cannot be used.
        """
        found = [Result(result.path.absolute(), result.record) for result in self]
        folders = [result.path.parent.parent for result in found]  # FOLDER/TASK/NAME.json
        beside = None if page is None else page.parent
        root = Path(commonpath(folders)) if folders else Path()
        return leaderboard(found, root, beside=beside, processes=processes)

    def leaderboard(
        self, path: str | Path, format: str | None = None, *, processes: int = 1
    ) -> Path:
        """Rank the results, task by task, with intervals: ``facebench leaderboard``.

        Args:
            path: File to write.
            format: ``html`` (one page, no network), ``md`` or ``text``; None: what the name of the
                file ends in, ``.html``, ``.md`` or ``.txt``.
            processes: As for :meth:`board`.

        Returns:
            The file.

        Raises:
            UnknownNameError: There is no such format.
            StageError: A result or its predictions cannot be used.
        """
        path = Path(path)
        form = format or _format_of(path)
        atomic_write(path, written(self.board(path, processes=processes), form))
        return path

    def __repr__(self) -> str:
        lines = [f"Results: {len(self)}", *(f"  {summary(r.record)}" for r in self[:_LISTED])]
        return "\n".join([*lines, *self._rest()])

    def _repr_html_(self) -> str:
        """Return the results as a table for a notebook; every text is escaped."""
        heads = ("method", "seed", "task", "metric", *SHOWN.values(), "data")
        lines = [_cells("th", heads), *(_cells("td", _shown(result)) for result in self[:_LISTED])]
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        rest = "".join(f"<p>{line.strip()}</p>" for line in self._rest())
        return f"<table><caption>{len(self)} results</caption>{body}</table>{rest}"

    def _rest(self) -> list[str]:
        """Return a line about the results that are not listed, if there are such."""
        more = len(self) - _LISTED
        return [f"  ... and {more:,} more: to_frame() has all"] if more > 0 else []


def load_results(source: str | Path) -> Results:
    """Read stored results.

    Args:
        source: A folder of results, ``<task>/<name>.json``, or one such file, which
            ``facebench show`` prints.

    Returns:
        Those of a folder in the order of their paths.

    Raises:
        StageError: There is nothing at ``source``, or a file is no result of this format.
    """
    path = Path(source)
    one = path.suffix == ".json" and not path.is_dir()
    return Results([read_result(path)] if one else stored_results(path))


def compare(first: Result | str | Path, second: Result | str | Path) -> Comparison:
    """Compare two results on the same test items: ``facebench compare``.

    Args:
        first: A result, or its JSON file.
        second: Another one, of the same task and conditions.

    Returns:
        Both values of each metric, their difference with its 95 % interval and p value, and which
        of the two has how many items right.

    Raises:
        StageError: They are not comparable, with the reason; or predictions are missing.
    """
    return compare_results(opened(first), opened(second))


def opened(result: Result | str | Path) -> Result:
    """Return a result, read if it is given by its file.

    Raises:
        StageError: The file is missing, or is no result of this format.
    """
    return result if isinstance(result, Result) else read_result(Path(result))


def _known(kind: str, asked: str | Sequence[str], known: set[str]) -> set[str]:
    """Return the names that are asked for, all if none is."""
    names = [asked] if isinstance(asked, str) else [*asked]
    for name in names:
        if name not in known:
            raise UnknownNameError(f"{kind} with results", name, known)
    return set(names) or known


def _row(result: Result) -> dict[str, Any]:
    record, spec, name = result.record, result.spec, result.metric.name
    low, high = result.interval or (np.nan, np.nan)
    return {
        "method": spec.method,
        "task": spec.task,
        "seed": spec.seed,
        "feature": spec.extract.feature,
        "backbone": spec.backbone,
        "preset": spec.preset,
        "metric": name,
        "validated": _number(result.scores.honest.value(name)),
        "low": low,
        "high": high,
        "test_selected": _number(result.scores.paper.value(name)),
        "n_test": record.n_test,
        "synthetic": record.task.synthetic,
        "path": str(result.path),
    }


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _shown(result: Result) -> Iterator[str]:
    """Yield the cells of a row of a notebook's table, on the printed scale."""
    record, spec, metric = result.record, result.spec, result.metric
    yield f"{record.method.title} {spec.extract.feature}, {spec.backbone}"
    yield str(spec.seed)
    yield record.task.title
    yield metric.title
    for kind in KINDS:
        value = result.scores.of(kind).value(metric.name)
        yield DASH if value is None else f"{metric.scale * value:.2f}"
    data = "SYNTHETIC" if record.task.synthetic else "real"
    yield f"{data}, only {spec.limit:,} items of each split" if spec.limit else data


def _cells(tag: str, texts: Iterable[str]) -> str:
    return "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in texts)


def _format_of(path: Path) -> str:
    if path.suffix not in _SUFFIXES:
        raise UnknownNameError("ending", path.suffix, _SUFFIXES, where=str(path))
    return _SUFFIXES[path.suffix]
