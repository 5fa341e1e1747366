"""Rows of a table: those of the paper, in its order, each with our runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from facebench.config.ablations import ablation, ablation_names
from facebench.config.spec import digest, plain
from facebench.config.sweep_file import Setting, Sweep
from facebench.report.entries import MethodEntry
from facebench.report.reference import (
    Printed,
    PrintedLayout,
    is_as_printed,
    numbers_of,
    printed_table,
)
from facebench.report.tables.model import TableLine
from facebench.results.settings import Settings

Numbers = dict[tuple[str, str], Printed]  # by task and metric


def method_lines(
    layout: PrintedLayout, found: Sequence[MethodEntry], *, synthetic: bool
) -> list[TableLine]:
    """Return the rows of a table that compares methods, in the order in which they are printed.

    A printed row with runs of ours is there once for each of them; without the printed numbers
    where these are of other options. A method that the paper prints twice (as published, and as
    reproduced) has our runs at the first. Methods that learn nothing have a section of their own.

    Args:
        layout: Layout of the table.
        found: Our entries that are to be shown.
        synthetic: Whether the data are synthetic; then there are our rows only.
    """
    rows: dict[tuple[str, str, bool], Numbers] = defaultdict(dict)
    for number in numbers_of(layout):
        key = (number.section, number.method, number.reproduced)
        rows[key][number.task, number.metric] = number
    rows |= {("self-supervised", method, False): {} for method in layout.unprinted}
    mine: dict[str, list[MethodEntry]] = defaultdict(list)
    for entry in found:
        mine[entry.title].append(entry)
    lines = []
    for (section, method, _), numbers in rows.items():
        own = mine.pop(method, [])
        alike = [e for e in own if is_as_printed(method, e.configuration["options"])]
        others = [entry for entry in own if entry not in alike]
        of_row: list[tuple[Numbers, Sequence[MethodEntry | None]]] = (
            [({}, own)] if synthetic else [(numbers, _or_none(alike)), ({}, others)]
        )
        lines += [
            TableLine(
                section=layout.sections["baseline" if method in layout.baselines else section],
                name=method,
                printed=printed,
                entry=entry,
            )
            for printed, entries in of_row
            for entry in entries
        ]
    lines += [
        TableLine(section=_section(entry, layout), name=title, printed={}, entry=entry)
        for title, of_title in mine.items()
        for entry in of_title
    ]
    order = [*layout.sections.values(), layout.others]
    return sorted(lines, key=lambda line: order.index(line.section))


def _section(entry: MethodEntry, layout: PrintedLayout) -> str:
    """Return the section of a run whose method the paper does not print."""
    if entry.labelled:
        return layout.sections["supervised"]
    baseline = entry.all_results[0].record.method.needs == "nothing"
    return layout.sections["baseline"] if baseline else layout.others


def judged_on_most(found: Sequence[MethodEntry]) -> list[MethodEntry]:
    """Return of each method the entries that were judged on the most of the table's tasks.

    So an ablation on one of them does not crowd the table.
    """
    most: dict[str, int] = defaultdict(int)
    for entry in found:
        most[entry.title] = max(most[entry.title], _tasks(entry))
    return [entry for entry in found if _tasks(entry) == most[entry.title]]


def ablation_lines(
    number: int | str, found: Sequence[MethodEntry], *, synthetic: bool
) -> list[TableLine] | None:
    """Return the rows of an ablation, as the sweep file of the table names them.

    Args:
        number: Number of the table.
        found: Our entries; those that fit no row are left out.
        synthetic: Whether the data are synthetic; then no printed numbers are shown.

    Returns:
        A block of rows for each budget (backbone, data, epochs ...) that there are runs of; None if
        the table is no ablation.
    """
    sweep = _sweep(number)
    if sweep is None:
        return None
    blocks: dict[str, list[MethodEntry]] = defaultdict(list)
    for entry in found:
        if any(_asks_for(sweep, setting, entry) for setting in sweep.settings):
            blocks[_budget(entry)].append(entry)
    rows: dict[tuple[str, str], Numbers] = defaultdict(dict)
    for value in printed_table(int(number)):
        rows[value.method, value.variant][value.task, value.metric] = value
    return [
        TableLine(
            section=f"Budget {place}" if len(blocks) > 1 else "",
            name=setting.name,
            printed={} if synthetic else of_row,
            entry=entry,
        )
        for place, members in enumerate(blocks.values() or [[]], start=1)
        for (setting, of_setting), of_row in zip(
            _chosen(sweep, members), rows.values(), strict=True
        )
        for entry in _or_none(of_setting)
    ]


def _tasks(entry: MethodEntry) -> int:
    """Return how many tasks an entry was judged on."""
    return len({group[0] for group in entry.results})


def _sweep(number: int | str) -> Sweep | None:
    """Return the ablation that says it is of this table."""
    found = (ablation(name) for name in ablation_names())
    return next((sweep for sweep in found if sweep.table == number), None)


def _asks_for(sweep: Sweep, setting: Setting, entry: MethodEntry) -> bool:
    """Whether a run is of a row's method, and has everything that row and file set for it."""
    spec = entry.all_results[0].spec
    if spec.method != setting.method:
        return False
    wanted = {**sweep.overrides, **setting.values, **setting.grid}
    return all(_has(spec, key, override.value) for key, override in wanted.items())


def _has(spec: Settings, key: str, value: Any) -> bool:
    """Whether a spec has a value; yes where the key is of another method or of a task."""
    group, _, name = key.rpartition(".")
    if group == spec.method:
        options = spec.method_options
        return name in options and bool(options[name] == plain(value))
    options = spec.plain()
    options = options.get(group, {}) if group else options
    return name not in options or bool(options[name] == plain(value))


def _or_none(entries: Sequence[MethodEntry]) -> list[MethodEntry | None]:
    return [*entries] or [None]


def _budget(entry: MethodEntry) -> str:
    """Name what all rows of a block share: everything but method, options and feature."""
    shared = {k: v for k, v in entry.configuration.items() if k not in ("method", "options")}
    extract = {k: v for k, v in shared["extract"].items() if k != "feature"}
    return digest([entry.preset, {**shared, "extract": extract}])


def _chosen(
    sweep: Sweep, members: Sequence[MethodEntry]
) -> list[tuple[Setting, list[MethodEntry]]]:
    """Return the runs of every row of a block.

    A row leaves most options open. For each method the runs are used whose other options occur in
    most rows: for Table 7, all four features of one PCL instead of one feature of every PCL.
    """
    varied = {key for setting in sweep.settings for key in setting.values}
    of_row: list[list[MethodEntry]] = []
    rows_of: dict[tuple[str, str], set[int]] = defaultdict(set)
    for place, setting in enumerate(sweep.settings):
        of_row.append([entry for entry in members if _asks_for(sweep, setting, entry)])
        for entry in of_row[place]:
            rows_of[_others(entry, varied)].add(place)
    most: dict[str, int] = defaultdict(int)
    for (method, _), rows in rows_of.items():
        most[method] = max(most[method], len(rows))
    return [
        (
            setting,
            [e for e in entries if len(rows_of[_others(e, varied)]) == most[e.method]],
        )
        for setting, entries in zip(sweep.settings, of_row, strict=True)
    ]


def _others(entry: MethodEntry, varied: set[str]) -> tuple[str, str]:
    """Name the options of a run that no row of the table sets."""
    options = entry.configuration["options"]
    kept = {k: v for k, v in options.items() if f"{entry.method}.{k}" not in varied}
    feature = "" if "extract.feature" in varied else entry.feature
    return entry.method, digest([kept, feature])
