"""``facebench cache``: the stages on disk, listed, checked and removed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import facebench as fb
from facebench.cli.command import command
from facebench.cli.options import DEFAULT_RESULTS, Cache

if TYPE_CHECKING:
    from facebench.rendering.table import Table
    from facebench.results.cache import CacheEntry

cache_app = typer.Typer(
    help="The cache of stages: list it, check every byte of it, free disk space.",
    no_args_is_help=True,
)

_KEPT_VALUES = ("scores", "digests")  # many and small: one row for all of a kind

Kinds = Annotated[
    list[str] | None,
    typer.Option(
        help="Only this kind, as 'list' names it; may be repeated [default: 'list' shows all, "
        "'prune' removes what is left over]."
    ),
]
Needed = Annotated[
    list[Path] | None,
    typer.Option(
        "--results",
        help="Results whose stages are needed [default: results/runs].",
    ),
]


@cache_app.command("list")
@command
def list_(
    kind: Kinds = None,
    cache: Cache = None,
    results: Needed = None,
) -> None:
    """List stages and leftovers: kind, size, age, and whether a stored result needs it."""
    from facebench.errors import UnknownNameError
    from facebench.results.cache import KINDS
    from facebench.runtime.terminal import out

    for name in kind or ():
        if name not in KINDS:
            raise UnknownNameError("kind", name, KINDS, where="--kind")
    entries = fb.list_cache(cache, results=_results(results))
    shown = [entry for entry in entries if not kind or entry.kind in kind]
    out.print(_table("cache", shown, together=() if kind else _KEPT_VALUES))


@cache_app.command()
@command
def check(cache: Cache = None) -> None:
    """Read every file of every stage; exit status 1 if one is not as it was written."""
    from facebench.runtime.terminal import err, out

    found = fb.check_cache(cache)
    for _, reason in found:
        out.print(reason, soft_wrap=True, highlight=False, markup=False)
    if found:
        err.print(f"{len(found)} stages are damaged")
        raise SystemExit(1)
    out.print("every stage is as it was written, or has no seal")


@cache_app.command()
@command
def prune(
    *,
    kind: Kinds = None,
    older_than: Annotated[float, typer.Option(min=0, help="Days since it was written.")] = 0,
    larger_than: Annotated[float, typer.Option(min=0, help="Megabytes.")] = 0,
    needed: Annotated[
        bool, typer.Option("--needed", help="Also what a stored result was computed from.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Show what would go; remove nothing.")] = False,
    cache: Cache = None,
    results: Needed = None,
) -> None:
    """Remove what killed processes left, or stages by kind, age and size."""
    from facebench.runtime.terminal import out

    pruning = partial(
        fb.prune_cache, cache, kinds=kind or (), older_than=older_than,
        larger_than=round(larger_than * 1e6), results=_results(results),
    )  # fmt: skip
    gone = pruning(needed=needed, dry_run=dry_run)
    if gone:
        out.print(_table("would be removed" if dry_run else "removed", gone))
        return
    kept = 0 if needed else len(pruning(needed=True, dry_run=True))
    out.print(
        f"nothing to remove of kind: {', '.join(kind) if kind else 'left over'}. "
        + (f"Stored results need {kept:,}, which --needed removes, too." if kept
           else "Other kinds are named with --kind."),
        highlight=False,
    )  # fmt: skip


def _results(given: Sequence[Path] | None) -> list[Path]:
    return list(given or ([DEFAULT_RESULTS] if DEFAULT_RESULTS.is_dir() else []))


def _table(title: str, entries: Sequence[CacheEntry], together: Collection[str] = ()) -> Table:
    """Return a row for each entry, and one for all entries of each kind of ``together``."""
    from facebench.rendering.table import Column, Section, Table, cell, columns

    rows, folded = [], []
    for kind, found in groupby(entries, key=lambda entry: entry.kind):
        each = [[entry] for entry in found]
        if kind in together and len(each) > 1:
            each = [[entry for one in each for entry in one]]
            folded.append(kind)
        for members in each:
            name = members[0].path.name if len(members) == 1 else f"{len(members):,} entries"
            rows.append(
                (
                    cell(kind),
                    cell(f"{sum(entry.bytes for entry in members) / 1e6:,.1f}"),
                    cell(f"{max(entry.days for entry in members):,.1f}"),
                    cell("yes" if members[0].needed else ""),
                    cell(name),
                )
            )
    total = sum(entry.bytes for entry in entries)
    return Table(
        title=f"{title}: {len(entries):,} entries, {total / 1e6:,.1f} MB",
        columns=(
            Column(heading="kind"),
            *columns("MB", "days", numeric=True, wrap="never"),
            *columns("needed", wrap="never"),
            Column(heading="name"),
        ),
        sections=(Section("", tuple(rows)),),
        notes=tuple(f"each by itself: facebench cache list --kind {kind}" for kind in folded),
    )
