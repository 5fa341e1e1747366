"""What ``facebench results`` does: check, merge and export folders of results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facebench.api.folders import merge
from facebench.errors import StageError, UnknownNameError
from facebench.results.export import FORMATS, long_table, write_table
from facebench.results.store import read_result
from facebench.results.validation import Checked, find_results, validate_folder
from facebench.runtime.terminal import detail_table, err, log_to_terminal, out

if TYPE_CHECKING:
    from facebench.reproduce import Reproduction

_SHOWN = 20  # differences


def validate_command(folder: Path) -> None:
    """Check every result below a folder, a line for each; leave with status 1 if one is wrong.

    Raises:
        StageError: There is nothing to check.
    """
    checked = []
    for one in validate_folder(folder):
        checked.append(one)
        _show(one, folder)
    wrong = [one for one in checked if one.findings]
    found = sum(len(one.findings) for one in wrong)
    if wrong:
        err.print(f"{len(wrong)} of {len(checked)} files are wrong: {found} findings")
        raise SystemExit(1)
    out.print(f"{len(checked)} results are valid; all scores follow from their predictions")


def merge_command(sources: list[Path], into: Path) -> None:
    """Copy the results of some folders into another.

    Raises:
        StageError: One is wrong, or contradicts another; nothing was copied.
    """
    done = merge(sources, into)
    for path in done.copied:
        out.print(f"copied  {path}", soft_wrap=True, highlight=False)
    for path in done.skipped:
        out.print(f"there   {path}", soft_wrap=True, highlight=False)
    out.print(f"{len(done.copied)} copied, {len(done.skipped)} were there, into {into}")


def export_command(folder: Path, kind: str, target: Path | None) -> None:
    """Write one long table of all results below a folder.

    Raises:
        StageError: There is no result, or one is of another format.
        SpecError: There is no such format.
    """
    if kind not in FORMATS:
        raise UnknownNameError("format", kind, FORMATS, where="--format")
    paths, _ = find_results(folder)
    if not paths:
        raise StageError(f"{folder}: found no result; expected some. Give another folder.")
    text = write_table(long_table(map(read_result, paths)), kind, target)
    if target is None:
        out.file.write(text)
    else:
        out.print(f"{len(paths)} results: {target}", soft_wrap=True)


def verify_command(
    path: Path,
    *,
    checkpoint: Path | None,
    tolerance: float,
    device: str,
    data: Path | None,
    cache: Path | None,
    plugins: tuple[Path, ...],
) -> None:
    """Run a result again and print what came out; leave with status 1 if it is not the same.

    Raises:
        FacebenchError: It cannot be run.
    """
    from facebench.api.verification import verify

    log_to_terminal(verbose=False)
    done = verify(
        path, checkpoint=checkpoint, tolerance=tolerance, device=device, data=data, cache=cache,
        plugins=plugins,
    )  # fmt: skip
    out.print(detail_table(list(_reproduction_rows(done))))
    if not done.reproduced:
        raise SystemExit(1)


def _reproduction_rows(done: Reproduction) -> Iterator[tuple[str, str]]:
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


def _show(checked: Checked, folder: Path) -> None:
    name = checked.file.relative_to(folder)
    if not checked.findings:
        out.print(f"ok     {name}", soft_wrap=True, highlight=False)
        return
    out.print(f"[red]wrong[/red]  {name}", soft_wrap=True, highlight=False)
    for finding in checked.findings:
        line = f"       {finding.key}: found {finding.found}; expected {finding.expected}"
        out.print(line, soft_wrap=True, highlight=False, markup=False)
