"""``facebench data``: which datasets there are, and whether they are those of the papers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import facebench as fb
from facebench.cli import completion
from facebench.cli.command import command
from facebench.cli.options import Data, DataPlaces, Plugins, words

if TYPE_CHECKING:
    from facebench.audit.findings import Report
    from facebench.audit.inventory import DatasetStatus
    from facebench.rendering.table import Emphasis, Table
    from facebench.task import TaskInfo

data_app = typer.Typer(
    help="Datasets: which are there, complete and free of leaks, and how to get them.",
    no_args_is_help=True,
)

Name = Annotated[
    str,
    typer.Argument(
        help="A task, as 'facebench list tasks' names it.", autocompletion=completion.task
    ),
]

_EMPHASIS: dict[str, Emphasis] = {"ok": "good", "warning": "warning", "problem": "bad"}


@data_app.command("list")
@command
def list_(data: Data = None, plugins: Plugins = None) -> None:
    """List the datasets: found where, real or synthetic, complete or not."""
    from facebench.api.places import data_folder
    from facebench.runtime.terminal import out

    searched = data_folder(data)
    where = f"datasets in {searched}" if searched else "no data folder given (FACEBENCH_DATA)"
    out.print(_inventory_table(where, fb.list_data(data=data, plugins=plugins or ())))


@data_app.command()
@command
def info(task: Name, plugins: Plugins = None) -> None:
    """Show what a dataset is, under which licence, and how to get and unpack it."""
    from facebench.audit.inventory import VOXCELEB
    from facebench.rendering.table import details
    from facebench.runtime.terminal import out

    if task == "voxceleb":
        out.print(details(VOXCELEB))
        return
    declared = _declared(fb.task_info(task, plugins=plugins or ()))
    out.print(details([(key, value) for key, value in declared if value]))


@data_app.command()
@command
def check(
    *,
    task: Name,
    places: DataPlaces,
    json: Annotated[Path | None, typer.Option(help="Write the report to this file.")] = None,
) -> None:
    """Check a dataset: counts, every image, labels, pairs, leaks, fingerprint.

    Exit status 0 if it is the expected one (warnings allowed: duplicates of the published dataset
    are one), 1 if something is wrong, 2 if there is nothing to check.
    """
    from facebench.runtime.atomic import atomic_write
    from facebench.runtime.terminal import log_to_terminal, out
    from facebench.runtime.workspace import to_json

    log_to_terminal(verbose=False)
    report = fb.check_data(task, **words(places))
    out.print(_report_table(fb.task_info(task, plugins=places.plugins or ()), report))
    if json is not None:
        atomic_write(json, to_json(report.record()))
    if not report.passed:
        raise SystemExit(1)


@data_app.command()
@command
def get(
    task: Name,
    out: Annotated[
        Path,
        typer.Option(envvar="FACEBENCH_DATA", help="Folder of datasets to download into."),
    ] = Path("data"),
    plugins: Plugins = None,
) -> None:
    """Download a dataset that is public; say how to get any other."""
    from facebench.runtime import terminal

    terminal.log_to_terminal(verbose=True)
    home = fb.download_data(task, out, plugins=plugins or ())
    title = fb.task_info(task, plugins=plugins or ()).title
    terminal.out.print(f"{title}: {home}\nNow run: facebench data check {task} --data {out}")


@data_app.command()
@command
def synth(
    task: Name,
    out: Annotated[Path, typer.Option(help="Folder to write; must not exist.")],
    scale: Annotated[float, typer.Option(help="Factor on the number of images.")] = 1.0,
    plugins: Plugins = None,
) -> None:
    """Write a dataset's synthetic stand-in: rendered faces in its own layout, marked as such."""
    from facebench.runtime import terminal

    terminal.log_to_terminal(verbose=False)
    fb.write_stand_in(task, out, scale=scale, plugins=plugins or ())
    title = fb.task_info(task, plugins=plugins or ()).title
    terminal.out.print(f"{title}, SYNTHETIC: {out}", soft_wrap=True)


def _inventory_table(where: str, entries: Iterable[DatasetStatus]) -> Table:
    from facebench.rendering.table import Column, Section, Table, cell, columns
    from facebench.report import DASH

    rows = []
    for entry in entries:
        kind = "synthetic" if entry.synthetic else "real" if entry.root else DASH
        place = entry.root.name if entry.root else DASH
        what = entry.text.partition("; expected")[0].splitlines()
        texts = (entry.name, place, kind, entry.state, what[0] if what else "")
        rows.append(tuple(map(cell, texts)))
    names = columns("name", "found as", "kind", "state", wrap="never")
    return Table(
        title=where,
        columns=(*names, Column(heading="")),
        sections=(Section("", tuple(rows)),),
    )


def _declared(info: TaskInfo) -> Iterator[tuple[str, str]]:
    from facebench.audit.inventory import OBTAIN
    from facebench.protocol import table_protocol

    yield "task", f"{info.name}, version {info.version}"
    yield "dataset", info.dataset
    yield "evaluates", f"{info.family}: {info.main_metric.title}"
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
    from facebench.rendering.table import Column, Section, Table, cell, columns

    verdict = "passes" if report.passed else "does NOT pass"
    kind = "SYNTHETIC faces" if report.synthetic else "real data"
    rows = [
        (cell(found.check), cell(found.status, _EMPHASIS[found.status]), cell(found.text))
        for found in report.findings
    ]
    return Table(
        title=f"{info.title} (version {report.version}), {kind}: {verdict}",
        columns=(*columns("check", ""), Column(heading="found")),
        sections=(Section("", tuple(rows)),),
    )
