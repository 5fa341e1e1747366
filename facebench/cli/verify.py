"""``facebench verify``: a stored result, run again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import facebench as fb
from facebench.cli.command import command
from facebench.cli.options import Device, Places, ResultFile, words

if TYPE_CHECKING:
    from facebench.reproduce import Reproduction

_SHOWN = 20  # differences


@command
def verify(
    *,
    result: ResultFile,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Folder of its checkpoint, if that is not in the cache."),
    ] = None,
    tolerance: Annotated[float, typer.Option(help="By how much scores may differ.")] = 0.0,
    device: Device = "",
    places: Places,
) -> None:
    """Run a stored result again from its checkpoint, and say whether the same comes out.

    Exit status 0 if dataset, weights and every score are the same, 1 if one is not, 2 if it cannot
    be run.
    """
    from facebench.rendering.table import details
    from facebench.runtime.terminal import log_to_terminal, out

    log_to_terminal(verbose=False)
    done = fb.verify(
        result, checkpoint=checkpoint, tolerance=tolerance, device=device or "auto",
        **words(places),
    )  # fmt: skip
    out.print(details(_rows(done)))
    if not done.reproduced:
        raise SystemExit(1)


def _rows(done: Reproduction) -> Iterator[tuple[str, str]]:
    for origin in done.origins:
        found, stored = (_shown(value) for value in (origin.found, origin.stored))
        yield origin.name, f"{found}, as stored" if origin.same else f"{found}, expected {stored}"
    if done.compared:
        yield "predictions", f"{done.same_rows:,} of {done.rows:,} are the same"
        yield "scores", f"{done.compared:,} numbers compared, {_largest(done)}"
    for difference in done.differing[:_SHOWN]:
        yield difference.key, f"{difference.right}, expected {difference.left}"
    if len(done.differing) > _SHOWN:
        yield "", f"and {len(done.differing) - _SHOWN:,} more"
    yield "verdict", _verdict(done)


def _shown(value: Any) -> str:
    """Return a version as it is, the beginning of a digest, a list without brackets."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value)[:16]


def _largest(done: Reproduction) -> str:
    if done.largest is None:
        return "all equal"
    if done.largest.size == float("inf"):
        return f"{done.largest.key} is another value"
    return f"largest difference {done.largest.size:.3g} ({done.largest.key})"


def _verdict(done: Reproduction) -> str:
    if done.reproduced:
        return "reproduced" + (f" within {done.tolerance:g}" if done.largest else " exactly")
    if not done.compared:
        return "NOT reproduced: the dataset is another one, so nothing was run"
    return "NOT reproduced"
