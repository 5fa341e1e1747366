"""The disentanglement report on the terminal and on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facebench.errors import SpecError, StageError
from facebench.rendering.table import Cell, Column, Section, Span, Table, cell, columns, spans
from facebench.report import DASH
from facebench.runtime.atomic import atomic_file, atomic_write
from facebench.runtime.workspace import read_record, to_json
from facebench.synth.factor_faces import ANGLES, FACTORS

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
KIND = "disentanglement"  # distinguishes the file from a result

# Scores as they are printed: heading, factor from the stored value, decimals.
_PRINTED = {"accuracy": ("acc. %", 100, 1), "AUC": ("AUC", 1, 2), "R2": ("R²", 1, 2)}


def disentanglement_table(record: dict[str, Any]) -> Table:
    """Return a table of the scores of every feature with intervals, and of the baselines.

    Args:
        record: Record of a :class:`facebench.disentangle.disentanglement.Disentanglement`.
    """
    faces, first = record["faces"], record["rows"][0]["scores"]
    metrics = [_PRINTED[first["factors"][name]["metric"]][0] for name in FACTORS]
    names = [name.replace(" ", "\n") for name in FACTORS]  # narrow enough for 80 characters
    headings = [f"{name}\n{metric}" for name, metric in zip(names, metrics, strict=True)]
    rows = [(cell("baseline", "dim"), *_floors(first), cell(DASH))]
    for row in record["rows"]:
        scores = row["scores"]
        title = record["methods"][row["method"]]["title"]
        rows.append(
            (
                spans((row["feature"], "bold"), (f"\n{title}", "")),
                *(_cell(name, scores) for name in FACTORS),
                _measured(scores["identity_minus_pose"], 1, 2, sign="+"),
            )
        )
    return Table(
        title=f"What a linear model reads from each feature, {faces['images']:,} SYNTHETIC faces "
        f"of {faces['persons']:,} persons",
        columns=(
            Column(heading="feature", min_width=9),
            *columns(*headings, "identity\n− pose", numeric=True, wrap="never"),
        ),
        sections=(Section("", tuple(rows)),),
        notes=(
            "in brackets: 95 % interval over persons; °: mean absolute error",
            "identity − pose: of what lies between baseline (0) and perfect (1), identity "
            "less the mean of the angles;",
            "+1 is identity alone, −1 pose alone, 0 neither or both",
        ),
        dense=True,
    )


def _floors(scores: dict[str, Any]) -> Iterator[Cell]:
    for name in FACTORS:
        factor = scores["factors"][name]
        _, scale, places = _PRINTED[factor["metric"]]
        text = f"{scale * factor['floor']:.{places}f}"
        if name in ANGLES:
            text += f"\n{scores['degrees_floor'][name]:.1f}°"
        yield cell(text, "dim")


def _cell(name: str, scores: dict[str, Any]) -> Cell:
    factor = scores["factors"][name]
    _, scale, places = _PRINTED[factor["metric"]]
    measured = _measured(factor["score"], scale, places)
    if name not in ANGLES:
        return measured
    degrees = Span(f"\n{scores['degrees'][name]['value']:.1f}°")
    return Cell((*measured.spans, degrees))


def _measured(measured: dict[str, Any], scale: float, places: int, sign: str = "") -> Cell:
    value, (low, high) = measured["value"], measured["interval"]
    if None in (value, low, high):
        return cell(DASH)
    shown = [f"{scale * number:{sign}.{places}f}" for number in (value, low, high)]
    return spans((shown[0], "bold"), (f"\n[{shown[1]},\n{shown[2]}]", "dim"))


def write_disentanglement(
    path: Path, record: dict[str, Any], predictions: pd.DataFrame
) -> dict[str, Any]:
    """Write the record as JSON, after all predictions as parquet beside it.

    Returns:
        The record as it was written.

    Raises:
        SpecError: See :func:`check_out`, or the files cannot be written.
    """
    check_out(path)
    record = {**record, "format": FORMAT, "kind": KIND}
    try:
        with atomic_file(path.with_suffix(".parquet")) as temporary:
            predictions.to_parquet(temporary, index=False)
        atomic_write(path, to_json(record))
    except OSError as error:
        raise SpecError(f"{path}: cannot be written: {error}. Give another --out.") from error
    return record


def check_out(path: Path) -> None:
    """Check the name of the JSON file before anything is computed.

    Raises:
        SpecError: It does not end in ``.json``.
    """
    if path.suffix != ".json":
        raise SpecError(f"--out {path}: expected a name that ends in .json. Rename it.")


def read_disentanglement(path: Path) -> dict[str, Any]:
    """Read a report back.

    Raises:
        StageError: It is missing, of another format, or another kind of file.
    """
    record = read_record(path, (FORMAT,))
    if record.get("kind") != KIND:
        raise StageError(f"{path}: no disentanglement report. Write one: facebench disentangle.")
    return record
