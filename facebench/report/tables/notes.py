"""Notes of a table: meaning of the numbers, and descriptions of our runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from facebench.report.budget import learned_size
from facebench.report.configurations import differences
from facebench.report.entries import MethodEntry
from facebench.report.groups import Group
from facebench.report.reference import PrintedLayout, numbers_of
from facebench.report.tables.matched import Choice
from facebench.report.tables.model import TableColumn, TableLine
from facebench.results.stats.contest import ALPHA, Contest

_COMPETING = "our rows that learned from {} or learned nothing"


def run_texts(
    lines: Sequence[TableLine], *, sizes: bool = False
) -> tuple[list[str], tuple[str, ...]]:
    """Return the descriptions of the runs: differences for each row, and common settings once.

    Options are named where runs of one row differ in them.

    Args:
        lines: Lines of the table.
        sizes: Say image size and precision of every training, where each row has one run alone.

    Returns:
        The text of each line, empty where it has no run of ours; and what all runs share.
    """
    of_row: dict[tuple[str, str], list[MethodEntry]] = defaultdict(list)
    for line in lines:
        if line.entry:
            of_row[line.section, line.name].append(line.entry)
    details = {row: differences(of, frozenset({"preset"})) for row, of in of_row.items()}
    said = [_parts(line.entry, sizes) if line.entry else {} for line in lines]
    ours = [parts for parts in said if parts]
    shared = {
        part: text
        for part, text in (ours[0] if ours else {}).items()
        if all(parts[part] == text for parts in ours)
    }
    texts = []
    for line, parts in zip(lines, said, strict=True):
        own = [text for part, text in parts.items() if part not in shared]
        if line.entry:
            own.append(details[line.section, line.name][line.entry.key])
        texts.append(", ".join(filter(None, own)) or ("ours" if line.entry else ""))
    return texts, tuple(filter(None, shared.values()))


def _parts(entry: MethodEntry, sizes: bool) -> dict[str, str]:
    seeds = ", ".join(map(str, entry.seeds))
    return {
        "feature": f"feature {entry.feature}",
        "backbone": entry.backbone,
        "pretraining": entry.pretraining,
        "size": learned_size(entry) if sizes else "",
        "preset": f"preset {entry.preset}",
        "seeds": f"seed{'s' if len(entry.seeds) > 1 else ''} {seeds}",
    }


def table_notes(
    layout: PrintedLayout,
    synthetic: bool,
    shown: Sequence[MethodEntry],
    found: Sequence[MethodEntry],
    columns: Sequence[TableColumn],
    shared: Sequence[str],
    met: Mapping[Group, Mapping[str, Contest]],
    choice: Choice | None,
    budget: str,
    warned: Sequence[str],
) -> tuple[str, ...]:
    """Return the notes below a table, each a sentence or two.

    Args:
        layout: Layout of the table.
        synthetic: Whether the data are synthetic.
        shown: Entries with a row.
        found: All entries.
        columns: Columns of the table.
        shared: Common settings of all our rows.
        met: Contests of its columns.
        choice: Choice of one run for each method; None if all are shown.
        budget: Budget in words of the rows among which the best is named; empty if all are.
        warned: Warnings of the results.
    """
    notes = []
    if synthetic:
        notes.append(
            "Synthetic faces that stand in for the datasets: these numbers say nothing about the "
            "real ones, and the paper's are not shown beside them."
        )
    else:
        notes += _sources(layout)
    if not shown:
        return (*notes, "No result of ours is among those that were given.")
    notes.append(_what_ours_are(synthetic, shown, met))
    if choice is not None:
        notes.append(choice.note())
    notes.append(
        f"Bold: best of {_COMPETING.format(budget) if budget else 'our rows'} in its column, and "
        "significantly so: its validated score differs from that of each other such row at "
        f"{ALPHA:g}, paired on the test items, Holm-corrected within the column."
    )
    if shared:
        notes.append(f"All of our rows: {', '.join(shared)}.")
    apart = dict.fromkeys(f"{c.heading[0]} ({c.note})" for c in columns if c.note)
    if apart:
        notes.append(
            f"Results that cannot be compared stand in columns of their own: {'; '.join(apart)}."
        )
    if len(found) > len(shown):
        more = len(found) - len(shown)
        notes.append(
            f"Evaluated on tasks of this table, but without a row in it: {more} further "
            f"configuration{'s' if more > 1 else ''}; see facebench leaderboard."
        )
    return (*notes, *warned)


def _sources(layout: PrintedLayout) -> Iterable[str]:
    """Yield where the printed numbers are from."""
    if layout.short:
        stars = any(number.reproduced for number in numbers_of(layout))
        yield f"published: {layout.short}{'; * reproduced by its authors' if stars else ''}."
        return
    yield layout.note
    for number in numbers_of(layout):
        yield f"published for {number.method} ({number.variant}): {number.short}; {number.source}."


def _what_ours_are(
    synthetic: bool, shown: Sequence[MethodEntry], met: Mapping[Group, Mapping[str, Contest]]
) -> str:
    drawn = dict.fromkeys(c.unit for of_group in met.values() for c in of_group.values())
    text = (
        "validated: chosen on held-out training data, test data touched once, with its 95 % "
        f"interval over {' or '.join(drawn)} drawn again; test-selected: by the paper's protocol "
        "(best epoch on the test data)"
    )
    if not synthetic:
        text += (
            "; Δ: test-selected less published, shown where data and budget are the published "
            "number's"
        )
    if any(len(of_group) > 1 for entry in shown for of_group in entry.results.values()):
        text += "; ±: standard deviation over pretraining seeds, of whose scores the mean is shown"
    return f"{text}."
