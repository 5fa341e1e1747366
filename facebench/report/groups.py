"""Tables of stored results beside the printed numbers.

What cannot be compared is kept apart: a column holds one task version, one protocol, and real or
synthetic data, never both. A missing cell is a dash.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from facebench.config.spec import digest
from facebench.report import DASH
from facebench.report.reference import printed
from facebench.results.stats.statistics import Interval, intervals
from facebench.results.store import Result, of_pairs
from facebench.task import Metric

# Task, its version, protocol, its version, synthetic, and what else changes the test: options of
# the task (crop, which split), image size, limit, and how pairs are verified.
Group = tuple[str, int, str, int, bool, str]


def comparable(results: Iterable[Result]) -> dict[Group, list[Result]]:
    """Group results that may stand in one table."""
    groups: dict[Group, list[Result]] = defaultdict(list)
    for result in results:
        task = result.record["task"]
        protocol, version = task["protocol"]
        spec = result.record["spec"]
        # No other protocol looks at it.
        how = verified_by(result.record) if of_pairs(result.record) else ""
        conditions = digest(
            [spec["task_options"], spec["extract"]["image_size"], spec["limit"], how]
        )
        key = (task["name"], task["version"], protocol, version, task["synthetic"], conditions)
        groups[key].append(result)
    return dict(groups)


def tables(results: Sequence[Result]) -> list[Table]:
    """Return one table per group of comparable results."""
    return [_table(group, members) for group, members in comparable(results).items()]


def _table(group: Group, results: list[Result]) -> Table:
    task = results[0].record["task"]
    kind = "SYNTHETIC faces" if task["synthetic"] else "real data"
    metric = task["main_metric"]
    table = Table(
        title=f"{task_title(results[0].record)} (version {task['version']}), {kind}: "
        f"{metric['title']}",
        caption=caption(results),
        caption_justify="left",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("method")
    for heading in ("honest", "95 % interval", "paper", "gap", "printed"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, values in results[0].record["floors"].items():
        if metric["name"] in values:
            value = f"{metric['scale'] * values[metric['name']]:.2f}"
            table.add_row(Text(name, style="dim"), value, *[DASH] * 4)
    for result in results:
        table.add_row(*row(result))
        for cells in _leak_free_rows(result.record):
            table.add_row(*cells)
    return table


def task_title(record: dict[str, Any]) -> str:
    """Return the title of a result's task; pairs that a trained head verifies say so."""
    learned = of_pairs(record) and verified_by(record) == "learned"
    title: str = record["task"]["title"]
    return f"{title}, learned head" if learned else title


def verified_by(record: dict[str, Any]) -> str:
    """Return how pairs are verified: ``cosine`` or ``learned``."""
    how: str = record["spec"]["probe"]["verification"]
    return how


def row(result: Result) -> list[str | Text]:
    """Return the cells of one result; what was run stands in the first, in two short lines."""
    record = result.record
    spec, metric = record["spec"], Metric(**record["task"]["main_metric"])
    mark = "\nsynthetic" if record["task"]["synthetic"] else ""
    who = Text(record["method"]["title"], style="bold")
    who.append(f" {spec['extract']['feature']}, seed {spec['seed']}", style="not bold")
    who.append(f"\n{spec['backbone']}{learned_from(record)}", style="not bold dim")
    numbers = _numbers(record["scores"], metric, mark, interval(result, metric))
    return [who, *numbers, _printed(record, metric.name)]


def interval(result: Result, metric: Metric) -> Interval | None:
    """Return the honest score's 95 % interval; None without one.

    For pairs it is over groups of people, as in the paper's tables; the stored one is over pairs as
    if no two shared a face. It needs the stored predictions; without them there is none.
    """
    if of_pairs(result.record) and not result.predictions_path.exists():
        return None
    return intervals([result], [metric])[metric.name]


def leak_free(record: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the scores of a result without test items that leak, if it has any, with a name.

    Near duplicates get no line of their own where there are none.
    """
    shown = -1
    for kind, scores in record["scores"].get("without_leaks", {}).items():
        if scores["removed"] != shown:
            shown = scores["removed"]
            yield f"without {shown:,} {record['task']['leaks']['unit']}s ({kind})", scores


def _leak_free_rows(record: dict[str, Any]) -> Iterator[list[str | Text]]:
    metric = Metric(**record["task"]["main_metric"])
    for name, scores in leak_free(record):
        # Those of pairs are over pairs, and would look narrower than the one in the row above.
        ends = None if of_pairs(record) else scores["honest"]["intervals"][metric.name]
        cells = _numbers(scores, metric, "", None if ends is None or None in ends else ends)
        yield [Text(f"  {name}", style="dim"), *cells, DASH]


def _numbers(
    scores: dict[str, Any], metric: Metric, mark: str, ends: Interval | None
) -> list[str | Text]:
    """Return honest, its interval, paper, and the gap."""
    honest, paper, name, scale = scores["honest"], scores["paper"], metric.name, metric.scale
    return [
        Text(f"{scale * honest[name]:.2f}{mark}", style="bold"),
        DASH if ends is None else f"{scale * ends[0]:.2f} to {scale * ends[1]:.2f}",
        f"{scale * paper[name]:.2f}{mark}",
        f"{scale * (paper[name] - honest[name]):+.2f}",
    ]


def learned_from(record: dict[str, Any]) -> str:
    """Return what a representation was learned from, as the end of a line."""
    data = record["pretrain"]["data"]
    imported = record["pretrain"].get("imported")
    if imported is not None:
        return f", imported weights, {imported['file']} sha256:{imported['sha256'][:12]}"
    if data is None:
        published = record["method"].get("needs") == "weights"
        return ", published weights" if published else ", nothing learned"
    kind = " (synthetic)" if data["synthetic"] else ""
    return f", {record['pretrain']['images_seen']:,} images of {data['name']}{kind}"


def _printed(record: dict[str, Any], metric: str) -> str:
    number = printed(record["method"]["title"], record["task"]["name"], metric)
    if number is None:
        return DASH
    star = "*" if number.reproduced else ""
    return f"{number.value:.2f}{star}"


def caption(results: Sequence[Result]) -> str:
    """Say what a reader must know before comparing: preset, what was printed, warnings."""
    notes = []
    presets = sorted({result.record["spec"]["preset"] for result in results})
    notes.append(
        f"preset {', '.join(presets)}; printed: PCL, CVPR 2023 (* reproduced by its authors)"
    )
    if any(result.record["task"]["synthetic"] for result in results):
        notes.append("synthetic stand-in: not comparable with the printed numbers")
    for result in results:
        data = result.record["pretrain"]["data"] or {"warnings": []}
        notes += [*result.record["task"]["warnings"], *data["warnings"]]
    return "\n".join(dict.fromkeys(notes))


def detail_rows(record: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what ``facebench show`` lists of one result, as name and value."""
    stages, environment = record["stages"], record["environment"]
    rows = [
        ("scored", f"{record['n_scored']:,} of {record['n_test']:,} test items"),
        (
            "dataset",
            f"fingerprint {record['task']['fingerprint'][:16]}, {record['task']['counts']}",
        ),
        *_leaks_row(record["task"].get("leaks")),
        ("stages", ", ".join(f"{name} {key[:16]}" for name, key in stages.items())),
        ("seconds", ", ".join(f"{name} {value:,.1f}" for name, value in record["seconds"].items())),
        ("device", f"{environment['device']}, commit {environment['git_commit'] or DASH}"),
        ("written", record["created"]),
    ]
    for kind in ("honest", "paper"):
        for name, interval in record["scores"][kind]["intervals"].items():
            rows.append((f"{kind} {name}", _value(record["scores"][kind][name], interval)))
    return rows


def _leaks_row(leaks: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    if leaks is not None:
        counts = f"{leaks['exact']:,} exact and {leaks['near']:,} near duplicates"
        yield (
            "leaks",
            f"{counts} between {leaks['between']}, of {leaks['tested']:,} {leaks['unit']}s",
        )


def _value(value: Any, interval: Any) -> str:
    if isinstance(value, list):
        cells = zip(value, *interval, strict=True)
        return ", ".join(_value(one, [low, high]) for one, low, high in cells)
    if value is None:
        return DASH
    if None in interval:
        return f"{value:.4f}"
    return f"{value:.4f} [{interval[0]:.4f}, {interval[1]:.4f}]"
