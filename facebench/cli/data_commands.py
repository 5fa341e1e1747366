"""What the commands of ``facebench data`` do: call, print, and choose the exit status."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from facebench.api.datasets import check_data, download_data, list_data, write_stand_in
from facebench.api.plugins import task_info
from facebench.audit.findings import Report
from facebench.audit.inventory import OBTAIN, VOXCELEB
from facebench.protocol import table_protocol
from facebench.report import DASH
from facebench.runtime.atomic import atomic_write
from facebench.runtime.terminal import detail_table, log_to_terminal, out
from facebench.runtime.workspace import to_json
from facebench.task import TaskInfo

_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}

Files = tuple[Path, ...]


def show_inventory(data_root: Path | None, plugins: Files) -> None:
    """Print one line per dataset."""
    where = f"datasets in {data_root}" if data_root else "no data folder given (FACEBENCH_DATA)"
    table = Table(title=where, title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("name", "found as", "kind", "state"):
        table.add_column(heading, no_wrap=True)
    table.add_column("", overflow="fold")
    for entry in list_data(data=data_root, plugins=plugins):
        kind = "synthetic" if entry.synthetic else "real" if entry.root else DASH
        place = entry.root.name if entry.root else DASH
        what = entry.text.partition("; expected")[0].splitlines()
        table.add_row(entry.name, place, kind, entry.state, Text(what[0] if what else ""))
    out.print(table)


def show_info(name: str, plugins: Files) -> None:
    """Print what a task declares about its data."""
    declared = VOXCELEB if name == "voxceleb" else _declared(task_info(name, plugins=plugins))
    out.print(detail_table([(key, value) for key, value in declared if value]))


def check_command(
    name: str, data_root: Path | None, cache: Path | None, report_file: Path | None, plugins: Files
) -> None:
    """Check a dataset, print and perhaps write the report.

    Raises:
        DataError: There are no data to check.
        SystemExit: With status 1 if something is wrong.
    """
    log_to_terminal(verbose=False)
    report = check_data(name, data=data_root, cache=cache, plugins=plugins)
    out.print(_report_table(task_info(name, plugins=plugins), report))
    if report_file is not None:
        atomic_write(report_file, to_json(report.record()))
    if not report.passed:
        raise SystemExit(1)


def get_command(name: str, folder: Path, plugins: Files) -> None:
    """Download a dataset into a folder of datasets.

    Raises:
        DataError: It cannot be downloaded; the message says how to get it.
    """
    log_to_terminal(verbose=True)
    home = download_data(name, folder, plugins=plugins)
    title = task_info(name, plugins=plugins).title
    out.print(f"{title}: {home}\nNow run: facebench data check {name} --data {folder}")


def synth_command(name: str, target: Path, scale: float, plugins: Files) -> None:
    """Write a synthetic stand-in.

    Raises:
        DataError: ``target`` exists, or the task has no stand-in.
        SpecError: ``scale`` is not positive.
    """
    log_to_terminal(verbose=False)
    write_stand_in(name, target, scale=scale, plugins=plugins)
    title = task_info(name, plugins=plugins).title
    out.print(f"{title}, SYNTHETIC: {target}", soft_wrap=True)


def _declared(info: TaskInfo) -> Iterator[tuple[str, str]]:
    yield "task", f"{info.name}, version {info.version}"
    yield "dataset", info.dataset
    yield "judges", f"{info.family}: {info.main_metric.title}"
    yield "licence", info.licence
    yield OBTAIN, info.obtain
    yield "folder", f"one of {', '.join(info.folders)} below FACEBENCH_DATA"
    yield "expected tree", info.layout.strip("\n")
    yield "counts", ", ".join(f"{count:,} {name}" for name, count in info.counts.items())
    for split, counts in info.class_counts.items():
        cells = zip(info.classes, counts, strict=True)
        yield f"{split} classes", ", ".join(f"{name} {count:,}" for name, count in cells)
    if info.classes and not info.class_counts:
        yield "classes", ", ".join(info.classes)
    yield "targets", ", ".join(info.targets)
    yield "images", f"{info.image_side} x {info.image_side} px" if info.image_side else ""
    yield "probed at", f"{info.image_size} x {info.image_size} px (PCL section 4.1)"
    folds = ", with folds" if table_protocol(info.protocol).folded else ""
    yield "protocol", f"{info.protocol}{folds}"
    yield "source", info.source


def _report_table(info: TaskInfo, report: Report) -> Table:
    verdict = "passes" if report.passed else "does NOT pass"
    kind = "SYNTHETIC faces" if report.synthetic else "real data"
    table = Table(
        title=f"{info.title} (version {report.version}), {kind}: {verdict}",
        title_justify="left", box=box.SIMPLE_HEAD,
    )  # fmt: skip
    table.add_column("check")
    table.add_column("")
    table.add_column("found", overflow="fold")
    for finding in report.findings:
        status = Text(finding.status, style=_STYLES[finding.status])
        table.add_row(finding.check, status, Text(finding.text))
    return table
