"""A table of the paper with our numbers, as typed data: columns, rows and cells, not yet text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from facebench.report.entries import MethodEntry
from facebench.report.groups import Group
from facebench.report.reference import Printed, PrintedLayout

Numbers = Mapping[tuple[str, str], Printed]  # by task and metric


@dataclass(frozen=True, kw_only=True)
class TableColumn:
    """One column: a printed one, and one group of comparable results of its task.

    Args:
        task: facebench's name of the task.
        metric: facebench's name of the metric.
        heading: Upper and lower heading, as printed.
        note: Difference from other groups of the task; empty if it is the only one.
        group: Group of results; None if there is none.
        of_paper: Whether it is of the probe and the test items that the printed numbers are of.
        best_p: Holm-corrected p value of our best row of one budget against the row with
            the least significant difference; None with fewer than two rows.
    """

    task: str
    metric: str
    heading: tuple[str, str]
    note: str
    group: Group | None
    of_paper: bool = True
    best_p: float | None = None


@dataclass(frozen=True, kw_only=True)
class TableCell:
    """Cell of a table, on the printed scale, not rounded.

    Args:
        printed: Number that the paper prints.
        reproduced: Whether the paper marks it with a star.
        paper: Our score by the paper's protocol, mean over seeds.
        paper_std: Standard deviation of ``paper`` over seeds; None for a single one.
        honest: Our honest score, mean over seeds.
        honest_std: Standard deviation of ``honest`` over seeds.
        low: Lower end of the honest score's 95 % interval over test items.
        high: Upper end.
        best: Whether it is significantly the best of our rows of one budget in this column.
        as_published: Whether our run's data and budget are those of the printed number.
        seeds: Seeds of the means.
        results: Names of the results' files, by seed.
    """

    printed: float | None = None
    reproduced: bool = False
    paper: float | None = None
    paper_std: float | None = None
    honest: float | None = None
    honest_std: float | None = None
    low: float | None = None
    high: float | None = None
    best: bool = False
    as_published: bool = False
    seeds: tuple[int, ...] = ()
    results: tuple[str, ...] = ()

    @property
    def difference(self) -> float | None:
        """Ours by the paper's protocol, less what is printed; None where budgets differ."""
        if self.paper is None or self.printed is None or not self.as_published:
            return None
        return self.paper - self.printed


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One row.

    Args:
        section: Heading of its section.
        name: Method, setting or baseline, as printed.
        run: Difference of our run from others in the table; empty if there is none.
        marks: Letters of the notes that are about our run, `` [a,b]``, or an empty text.
        entry: Our run; None for a row that is printed only, and for a trivial baseline.
        cells: Cells by column; empty ones have no number.
    """

    section: str
    name: str
    run: str
    marks: str = ""
    entry: MethodEntry | None
    cells: tuple[TableCell, ...]


@dataclass(frozen=True, kw_only=True)
class PaperTable:
    """One of the paper's tables, on real or on synthetic data."""

    layout: PrintedLayout
    synthetic: bool
    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TableLine:
    """A row before its cells are computed: section, printed numbers, and our run."""

    section: str
    name: str
    printed: Numbers
    entry: MethodEntry | None = None
