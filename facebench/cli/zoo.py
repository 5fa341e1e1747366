"""``facebench zoo``: published models, and what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

import facebench as fb
from facebench.cli import completion
from facebench.cli.command import command

if TYPE_CHECKING:
    from facebench.rendering.table import Table
    from facebench.zoo.record import ZooRecord

zoo_app = typer.Typer(
    help="Published models: what they learned from, their files, and how they are evaluated.",
    no_args_is_help=True,
)


@zoo_app.command("list")
@command
def list_() -> None:
    """List the published models that have a record."""
    from facebench.runtime.terminal import out

    out.print(_table(fb.list_zoo()))


@zoo_app.command()
@command
def info(
    name: Annotated[
        str,
        typer.Argument(help="As 'facebench zoo list' names it.", autocompletion=completion.zoo),
    ],
) -> None:
    """Show what is known of a model, and where each fact is from."""
    from facebench.rendering.table import details
    from facebench.runtime.terminal import out

    out.print(details(_facts(fb.zoo_info(name))))


def _table(records: tuple[ZooRecord, ...]) -> Table:
    from facebench.rendering.table import Column, Section, Table, cell, columns

    rows = tuple(
        (
            cell(record.name, "bold"),
            cell(record.title),
            cell(record.learned_from.data),
            cell(record.learned_from.labels),
            cell(_opened_by(record), "dim"),
        )
        for record in records
    )
    return Table(
        title="Published models",
        columns=(Column(heading="zoo:"), *columns("title", "learned from", "labels", "weights")),
        sections=(Section("", rows),),
        notes=("facebench zoo info NAME shows the source of each fact",),
    )


def _opened_by(record: ZooRecord) -> str:
    from facebench.api.zoo import zoo_file

    if record.opens.by == "nothing":
        return "not opened"
    if record.file is None:
        return "fetched by its library"
    return "there" if zoo_file(record.file).is_file() else "file to be placed"


def _facts(record: ZooRecord) -> list[tuple[str, str]]:
    from facebench.api.zoo import zoo_file

    learned, opens, file = record.learned_from, record.opens, record.file
    facts = [
        ("name", f"zoo:{record.name}, {record.title}"),
        ("paper", record.paper),
        ("learned from", f"{learned.data}; labels: {learned.labels} [{learned.source}]"),
        ("licence", f"{record.licence.value} [{record.licence.source}]"),
    ]
    if file is not None:
        facts += [
            ("address", f"{file.url} (unverified) [{file.source}]"),
            ("sha256", file.sha256),
            ("place", str(zoo_file(file))),
        ]
    how = {key: value for key, value in opens.model_dump(exclude_none=True).items() if key != "by"}
    facts.append(("opened by", ", ".join([opens.by, *(f"{k} {v}" for k, v in how.items())])))
    facts.append(("feature", f"{record.feature.value} [{record.feature.source}]"))
    entered = ", ".join(f"{k}={_shown(v)}" for k, v in record.preprocess.values.items())
    facts.append(("preprocess", f"{entered or 'defaults'} [{record.preprocess.source}]"))
    if record.align:
        aligned = ", ".join(f"{key}={value}" for key, value in record.align.items())
        facts.append(("align", aligned))
    facts += [(f"on {one.task}", f"{one.note} [{one.source}]") for one in record.overlaps]
    return facts


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
