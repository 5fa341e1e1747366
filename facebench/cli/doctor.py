"""``facebench doctor``: what a run would find on this machine."""

from __future__ import annotations

import facebench as fb
from facebench.cli.command import command
from facebench.cli.options import Cache, Data

_STYLES = {"ok": "green", "note": "yellow", "problem": "bold red"}


@command
def doctor(
    data: Data = None,
    cache: Cache = None,
) -> None:
    """Show versions, device, data, cache and extras; exit status 1 if something is wrong."""
    from rich.text import Text

    from facebench.rendering.characters import visible
    from facebench.runtime.terminal import out

    facts = fb.doctor(data=data, cache=cache)
    width = max(len(fact.name) for fact in facts)
    for fact in facts:
        line = Text.assemble(
            (f"{fact.state:8s}", _STYLES[fact.state]), f"{fact.name.ljust(width)}  ",
            visible(fact.text),
        )  # fmt: skip
        out.print(line, soft_wrap=True)
    if any(fact.state == "problem" for fact in facts):
        raise SystemExit(1)
