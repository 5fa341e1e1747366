"""``facebench show-input``: images of a task exactly as a model sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facebench.cli import completion
from facebench.cli.command import command
from facebench.cli.options import DataPlaces, words


@command
def show_input(
    *,
    model: Annotated[
        str | None, typer.Argument(help="A model whose own preprocessing is the default.")
    ] = None,
    task: Annotated[
        str, typer.Option(help="The task whose images are shown.", autocompletion=completion.task)
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="GROUP.KEY=VALUE of preprocess, align or the task, e.g. align.kind=five_points.",
            autocompletion=completion.settings_of_input,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The sheet to write.")] = Path("input.png"),
    places: DataPlaces,
) -> None:
    """Write a sheet of 32 images of a task as a model sees them."""
    from dataclasses import asdict

    from facebench.api.input_sheet import show_input as write
    from facebench.cli.dry_run import value_text
    from facebench.config.options import parse_set
    from facebench.runtime import terminal

    given = {key: one.value for key, one in parse_set(settings or []).items()}
    sheet = write(task, model, out=out, settings=given, **words(places))
    for group, options in (("preprocess", sheet.preprocess), ("align", sheet.align)):
        for key, value in asdict(options).items():
            terminal.out.print(f"{group + '.' + key:21s}  {value_text(value)}", soft_wrap=True)
    batch = sheet.batch.float()
    kind = str(sheet.batch.dtype).removeprefix("torch.")
    means = ", ".join(f"{mean:.3f}" for mean in batch.mean(dim=(0, 2, 3)).tolist())
    terminal.out.print(
        f"batch {list(batch.shape)} {kind}, values {float(batch.min()):.3f} to "
        f"{float(batch.max()):.3f}, mean of each channel {means}",
        soft_wrap=True, markup=False,
    )  # fmt: skip
    terminal.out.print(f"sheet: {sheet.file}", soft_wrap=True)
