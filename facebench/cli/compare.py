"""``facebench compare``: two results on the same test items."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import facebench as fb
from facebench.cli.command import command
from facebench.cli.options import ResultFile


@command
def compare(
    first: ResultFile,
    second: Annotated[Path, typer.Argument(help="Another one, of the same task.")],
) -> None:
    """Compare two results on the same test items: difference, interval, p value."""
    from rich.text import Text

    from facebench.rendering.characters import visible
    from facebench.report.tables.comparison import differences, heading, remarks, sides
    from facebench.runtime.terminal import out

    compared = fb.compare(first, second)
    title = (visible(heading(compared)), "bold")
    out.print(Text.assemble(title, f": {compared.items:,} test items"))
    for line in sides(compared):
        out.print(visible(line), soft_wrap=True, highlight=False, markup=False)
    out.print(differences(compared))
    for line in remarks(compared):
        out.print(line, highlight=False, soft_wrap=True)
