"""One table per family of tasks, laid out as the paper's Tables 1 to 4.

A column is a printed number: a task, or one of the metrics that the paper prints for it (each
action unit, each angle). Every method has four lines: honest, its 95 % interval, the paper's
protocol, and what was printed. Trivial baselines come first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from facebench.protocol import ScoreKind
from facebench.rendering import table as form
from facebench.rendering.table import Cell, Section, Table, cell
from facebench.report import DASH
from facebench.report.configurations import differences
from facebench.report.entries import entries
from facebench.report.groups import Group, comparable, learned_from, other_probe, task_title
from facebench.report.marks import warnings_of
from facebench.report.reference import printed
from facebench.report.render import caption
from facebench.results.record import Record
from facebench.results.scores import SHOWN, shown_kind
from facebench.results.stats.statistics import interval_of
from facebench.results.store import Result
from facebench.task import Metric


@dataclass(frozen=True)
class Column:
    """One printed number.

    Args:
        group: Group of comparable results of its numbers.
        task: Name of the task.
        title: Heading: the task, and the metric where the task has several.
        metric: The shown metric.
        of_papers: Whether papers print numbers of its probe.
    """

    group: Group
    task: str
    title: str
    metric: Metric
    of_papers: bool

    def shown(self, value: float | None) -> str:
        """Return a stored value as it is printed; a dash for none."""
        return DASH if value is None else f"{self.metric.scale * value:.2f}"


def wants_family(results: Sequence[Result]) -> bool:
    """Whether some family has more than one printed number, so that a family's table says more."""
    numbers: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for result in results:
        task = result.record.task
        numbers[task.family] |= {(task.name, column.name) for column in task.columns}
    return any(len(columns) > 1 for columns in numbers.values())


def family_tables(results: Sequence[Result]) -> list[Table]:
    """Return the tables of all families, real and synthetic data apart.

    Results of one task that are not comparable (other options, other image size) have separate
    tables.
    """
    layers: dict[tuple[str, bool, int], dict[Group, list[Result]]] = defaultdict(dict)
    seen: dict[tuple[str, bool, str], int] = defaultdict(int)
    for group, members in comparable(results).items():
        task = members[0].record.task
        place = (task.family, task.synthetic, task.name)
        layers[task.family, task.synthetic, seen[place]][group] = members
        seen[place] += 1
    return [_table(family, synthetic, groups) for (family, synthetic, _), groups in layers.items()]


def _table(family: str, synthetic: bool, groups: dict[Group, list[Result]]) -> Table:
    columns = [column for group, members in groups.items() for column in _columns(group, members)]
    results = [result for members in groups.values() for result in members]
    kind = "SYNTHETIC faces" if synthetic else "real data"
    floors = tuple(
        (cell(name, "dim"), *map(cell, values)) for name, values in _floors(groups, columns).items()
    )
    methods = _by_method(groups)
    warned, marks = warnings_of({who: members.values() for who, members in methods.items()})
    blocks = [
        tuple(_block(who[0] + marks[who], who[1], members, columns))
        for who, members in methods.items()
    ]
    numbers = form.columns(*(column.title for column in columns), numeric=True)
    return Table(
        title=f"{family.capitalize()}, {kind}",
        columns=(form.Column(heading="method"), *numbers),
        sections=tuple(Section("", rows) for rows in (floors, *blocks) if rows),
        notes=(
            f"lines: {SHOWN['honest']}, its 95 % interval, {_last(results)}, published",
            *caption(results).splitlines(),
            *warned,
        ),
    )


def _columns(group: Group, members: Sequence[Result]) -> Iterable[Column]:
    task = members[0].record.task
    for metric in task.columns:
        arrow = "↑" if metric.higher_is_better else "↓"
        title = f"{task_title(members[0].record)}\n{metric.title}{arrow}"
        yield Column(group, task.name, title, metric, not other_probe(members[0].record))


def _by_method(
    groups: dict[Group, list[Result]],
) -> dict[tuple[str, str], dict[Group, Result]]:
    """Results by what was run (method, feature, seed, backbone, pretraining), then by group.

    Rows of the same name that differ in a setting (pooling, say) name it.
    """
    found = entries(result for members in groups.values() for result in members)
    apart = differences(found)
    told = {id(result): apart[entry.key] for entry in found for result in entry.all_results}
    rows: dict[tuple[str, str], dict[Group, Result]] = defaultdict(dict)
    for group, members in groups.items():
        for result in members:
            if id(result) not in told:  # written before another one of the same settings
                continue
            record, spec = result.record, result.spec
            name = f"{record.method.title} {spec.extract.feature}, seed {spec.seed}"
            more = f", {told[id(result)]}" if told[id(result)] else ""
            rows[name, f"{spec.backbone}{learned_from(record)}{more}"][group] = result
    return dict(rows)


def _block(
    name: str, learned: str, members: dict[Group, Result], columns: Sequence[Column]
) -> Iterable[tuple[Cell, ...]]:
    """Yield the lines of one method."""
    results = [members.get(column.group) for column in columns]
    records = [None if result is None else result.record for result in results]
    cells = list(zip(columns, records, strict=True))
    ends = [_interval(column, result) for column, result in zip(columns, results, strict=True)]
    yield cell(name, "bold"), *(cell(_score(c, r, "honest")) for c, r in cells)
    yield cell(f"  {learned}", "dim"), *ends
    shown = _last([result for result in results if result is not None])
    yield cell(f"  {shown}", "dim"), *(cell(_score(c, r, "paper")) for c, r in cells)
    if any(record is not None and record.scores.without_leaks for record in records):
        yield (
            cell(f"  {SHOWN['honest']}, without exact duplicates", "dim"),
            *(cell(_leak_free(*c)) for c in cells),
        )
    record = next(record for record in records if record is not None)
    if record.task.synthetic:  # printed numbers are of real data
        return
    title, options = record.method.title, record.spec.method_options
    numbers = [
        printed(title, column.task, column.metric.name, options) if column.of_papers else None
        for column in columns
    ]
    if any(number is not None for number in numbers):
        marks = [
            DASH if n is None else f"{n.value:.2f}{'*' if n.reproduced else ''}" for n in numbers
        ]
        yield cell("  published", "dim"), *map(cell, marks)


def _last(results: Sequence[Result]) -> str:
    """Return what the line below the interval has: of all tasks the same, or both."""
    words = (shown_kind("paper", result.record.task.protocol[0]) for result in results)
    return " or ".join(dict.fromkeys(words))


def _score(column: Column, record: Record | None, kind: ScoreKind) -> str:
    name = column.metric.name
    return DASH if record is None else column.shown(record.scores.of(kind).value(name))


def _leak_free(column: Column, record: Record | None) -> str:
    levels = None if record is None else record.scores.without_leaks
    return DASH if levels is None else column.shown(levels.exact.honest.value(column.metric.name))


def _interval(column: Column, result: Result | None) -> Cell:
    ends = None if result is None else interval_of(result, column.metric)
    if ends is None:
        return cell(DASH, "dim")
    scale = column.metric.scale
    return cell(f"{scale * ends[0]:.1f}-{scale * ends[1]:.1f}", "dim")


def _floors(groups: dict[Group, list[Result]], columns: Sequence[Column]) -> dict[str, list[str]]:
    """One line for each trivial baseline: majority class, constant predictor, chance."""
    lines: dict[str, dict[Group, dict[str, float]]] = defaultdict(dict)
    for group, members in groups.items():
        for name, values in members[0].record.floors.items():
            lines[name][group] = values
    return {
        name: [
            column.shown(by_group.get(column.group, {}).get(column.metric.name))
            for column in columns
        ]
        for name, by_group in lines.items()
    }
