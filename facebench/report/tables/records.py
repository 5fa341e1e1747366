"""A table as CSV and JSON: every number as it is, for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from facebench.errors import SpecError
from facebench.rendering.characters import csv_value
from facebench.report.entries import MethodEntry
from facebench.report.tables.model import PaperTable, TableCell
from facebench.runtime.workspace import to_json

FORMAT = 2  # of the JSON; 1 had other names of the numbers


def table_json(tables: Sequence[PaperTable]) -> str:
    """Return tables as JSON, ``{"format": 2, "tables": [...]}``; null for what there is not."""
    return to_json({"format": FORMAT, "tables": [_table_record(table) for table in tables]})


def table_csv(tables: Sequence[PaperTable]) -> str:
    """Return a table as CSV: one line for each cell that has a number.

    Raises:
        SpecError: There is one of real and one of synthetic data, which must not mix.
    """
    if len(tables) > 1:
        raise SpecError(
            "a CSV file holds one table: found results on real and on synthetic data, which must "
            "not mix. Give --real or --synthetic."
        )
    file = io.StringIO()
    records = [record for table in tables for record in _cell_records(table)]
    writer = csv.DictWriter(file, _FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: csv_value(v) for k, v in record.items()} for record in records)
    return file.getvalue()


# The words that a reader of tables knows -> an attribute of a cell.
_NUMBERS = {
    "published": "printed", "reproduced": "reproduced", "test_selected": "paper",
    "test_selected_std": "paper_std", "validated": "honest", "validated_std": "honest_std",
    "low": "low", "high": "high", "difference": "difference", "best": "best",
}  # fmt: skip
_RUN = ("method", "feature", "backbone", "pretraining", "preset", "entry")
_FIELDS = (
    "table", "synthetic", "section", "row", *_RUN, "run", "seeds", "task", "metric", "note",
    *_NUMBERS, "best_p", "results",
)  # fmt: skip


def _table_record(table: PaperTable) -> dict[str, Any]:
    return {
        "number": table.layout.number,
        "title": table.layout.title,
        "source": table.layout.short,
        "synthetic": table.synthetic,
        "columns": [
            {
                "task": column.task,
                "metric": column.metric,
                "heading": list(column.heading),
                "note": column.note,
                "best_p": column.best_p,
            }
            for column in table.columns
        ],
        "rows": [
            {
                "section": row.section,
                "row": row.name,
                "run": row.run,
                "marks": row.marks.strip(" []"),
                "entry": None if row.entry is None else _run_record(row.entry),
                "cells": [_numbers(cell) for cell in row.cells],
            }
            for row in table.rows
        ],
        "notes": list(table.notes),
    }


def _cell_records(table: PaperTable) -> list[dict[str, Any]]:
    return [
        {
            "table": table.layout.number,
            "synthetic": table.synthetic,
            "section": row.section,
            "row": row.name,
            **(dict.fromkeys(_RUN) if row.entry is None else _run_record(row.entry)),
            "run": row.run,
            "task": column.task,
            "metric": column.metric,
            "note": column.note,
            **_numbers(cell),
            "best_p": column.best_p,
            "seeds": _joined(cell.seeds),
            "results": _joined(cell.results),
        }
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        if cell != TableCell()
    ]


def _run_record(entry: MethodEntry) -> dict[str, str]:
    return {
        "method": entry.method,
        "feature": entry.feature,
        "backbone": entry.backbone,
        "pretraining": entry.pretraining,
        "preset": entry.preset,
        "entry": entry.key,
    }


def _numbers(cell: TableCell) -> dict[str, Any]:
    numbers: dict[str, Any] = {
        name: getattr(cell, attribute) for name, attribute in _NUMBERS.items()
    }
    return {**numbers, "seeds": list(cell.seeds), "results": list(cell.results)}


def _joined(items: Sequence[object]) -> str:
    return " ".join(map(str, items))
