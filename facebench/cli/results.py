"""``facebench results``: a folder of results as a thing that a group keeps and shares."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import facebench as fb
from facebench.cli import completion
from facebench.cli.command import command
from facebench.cli.options import Plugins, ResultFolder
from facebench.cli.run_lines import show_commands
from facebench.errors import StageError, UnknownNameError

if TYPE_CHECKING:
    from facebench.results.validation import Checked

results_app = typer.Typer(
    help="Folders of results: check and sign them, bring them together, hand them on.",
    no_args_is_help=True,
)


@results_app.command()
@command
def validate(
    folder: ResultFolder,
    anew: Annotated[
        bool, typer.Option("--anew", help="Also of files that were found to be valid before.")
    ] = False,
) -> None:
    """Check every result: form, name, hashes; every score is computed again, once for each file.

    Exit status 0 if all is well, 1 if anything is wrong, 2 if there is nothing to check.
    """
    from facebench.results.validation import validate_folder
    from facebench.runtime.cores import cores
    from facebench.runtime.terminal import err, out

    checked = []
    # A line as soon as each is checked.
    for one in validate_folder(folder, anew=anew, processes=cores()):
        checked.append(one)
        _show(one, folder)
    wrong = [one for one in checked if one.findings]
    found = sum(len(one.findings) for one in wrong)
    if wrong:
        err.print(f"{len(wrong)} of {len(checked)} files are wrong: {found} findings")
        raise SystemExit(1)
    out.print(f"{len(checked)} results are valid; all scores follow from their predictions")


@results_app.command()
@command
def rescore(folder: ResultFolder) -> None:
    """Draw the intervals of results of earlier formats again, as this version draws them.

    Scores and predictions stay; a signature is removed.
    """
    from facebench.results.rescored import rescore_folder
    from facebench.runtime.cores import cores
    from facebench.runtime.terminal import out

    count = 0
    for path in rescore_folder(folder, cores()):
        out.print(f"written {path}", soft_wrap=True, highlight=False, markup=False)
        count += 1
    said = "1 result has new intervals" if count == 1 else f"{count} results have new intervals"
    out.print(said if count else "found, nothing to do")


@results_app.command()
@command
def merge(
    sources: Annotated[list[Path], typer.Argument(help="Folders of results.")],
    into: Annotated[Path, typer.Option(help="Folder that they are copied to.")],
) -> None:
    """Copy results into one folder; all of them, or none if one is wrong or contradicts."""
    from facebench.runtime.terminal import out

    done = fb.merge(sources, into)
    for path in done.copied:
        out.print(f"copied  {path}", soft_wrap=True, highlight=False)
    for path in done.skipped:
        out.print(f"there   {path}", soft_wrap=True, highlight=False)
    out.print(f"{len(done.copied)} copied, {len(done.skipped)} were there, into {into}")


@results_app.command()
@command
def submit(
    folder: ResultFolder,
    into: Annotated[Path, typer.Option(help="Folder of the results repository.")] = Path(
        "submission"
    ),
    plugins: Plugins = None,
) -> None:
    """Prepare a folder to be committed to a results repository: validated, licence-checked.

    File names that a licence forbids to publish become digests. A workflow for GitHub Actions is
    written, which validates the folder and publishes its page.
    """
    from facebench.runtime.terminal import out

    done = fb.submit(folder, into, plugins=plugins or ())
    for place in done.copied:
        note = (
            "  (file names are digests: its licence forbids them)" if place in done.hidden else ""
        )
        out.print(f"copied  {place}{note}", soft_wrap=True, highlight=False, markup=False)
    for place in done.skipped:
        out.print(f"there   {place}", soft_wrap=True, highlight=False, markup=False)
    if done.workflow is not None:
        out.print(f"written {done.workflow}", soft_wrap=True, highlight=False, markup=False)
    for place in done.unsigned:
        text = f"{place}: has to be signed again, since its file names were replaced"
        out.print(text, soft_wrap=True, highlight=False, markup=False)
    git = f"git -C {shlex.quote(str(into))}"
    branch = f"{git} switch -c results" if (into / ".git").exists() else f"{git} init"
    show_commands(
        [f"{branch} && {git} add . && {git} commit", f"facebench leaderboard --results {into}"]
    )


@results_app.command()
@command
def key(
    file: Annotated[Path, typer.Argument(help="The secret key to make; FILE.pub is public.")],
    password: Annotated[bool, typer.Option(help="Encrypt it by a password.")] = True,
) -> None:
    """Make a pair of keys to sign results with, as minisign has them."""
    from facebench.runtime.terminal import out

    words = _password(confirm=True) if password else ""
    public, number = fb.new_signing_key(file, words)
    out.print(f"key {number}: keep {file} secret, publish {public}", soft_wrap=True)


@results_app.command()
@command
def sign(
    folder: ResultFolder,
    key: Annotated[Path, typer.Option(help="The secret key.")],
) -> None:
    """Sign every result, which says who measured it; NAME.minisig beside NAME.json."""
    from facebench.results.signatures import is_encrypted
    from facebench.runtime.terminal import out

    signed, there = fb.sign_results(folder, key, _password() if is_encrypted(key) else "")
    out.print(f"{len(signed)} signed, {len(there)} had the signature of this key")


@results_app.command()
@command
def verify(
    folder: ResultFolder,
    keys: Annotated[
        list[Path], typer.Option("--key", help="A public key that is trusted; may be repeated.")
    ],
) -> None:
    """Check who signed each result. Exit status 1 if one is not signed by a key that is given.

    To run a result again is another command: facebench verify.
    """
    from facebench.runtime.terminal import err, out

    checked = fb.verify_signatures(folder, keys)
    for one in checked:
        line = f"{one.file.relative_to(folder)}: {one.finding or f'signed by {one.key}'}"
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    wrong = sum(bool(one.finding) for one in checked)
    if wrong:
        err.print(f"{wrong} of {len(checked)} results are not signed by these keys")
        raise SystemExit(1)


@results_app.command()
@command
def export(
    folder: ResultFolder,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="csv, parquet, json, or hf: YAML for a model card.",
            autocompletion=completion.among("csv", "parquet", "json", "hf"),
        ),
    ] = "csv",
    out: Annotated[
        Path | None,
        typer.Option(help="File to write; all but parquet go to the terminal without it."),
    ] = None,
) -> None:
    """Write one long table, a row for each result, protocol and metric; or a model card's YAML."""
    from facebench.results.export import FORMATS, MODEL_CARD, long_table, write_table, write_text
    from facebench.results.finding import find_results
    from facebench.results.model_card import model_index
    from facebench.results.store import read_result
    from facebench.runtime import terminal

    if format_ not in (*FORMATS, MODEL_CARD):
        raise UnknownNameError("format", format_, (*FORMATS, MODEL_CARD), where="--format")
    paths, _ = find_results(folder)
    if not paths:
        raise StageError(f"{folder}: found no result; expected some. Give another folder.")
    results = map(read_result, paths)
    if format_ == MODEL_CARD:
        text = write_text(model_index(results), out)
    else:
        text = write_table(long_table(results), format_, out)
    if out is None:
        terminal.out.file.write(text)
    else:
        terminal.out.print(f"{len(paths)} results: {out}", soft_wrap=True)


def _password(*, confirm: bool = False) -> str:
    """Return the password of a key: ``FACEBENCH_KEY_PASSWORD``, or what is typed."""
    given = os.environ.get("FACEBENCH_KEY_PASSWORD")
    if given is not None:
        return given
    typed: str = typer.prompt(
        "Password of the key", hide_input=True, confirmation_prompt=confirm, err=True
    )
    return typed


def _show(checked: Checked, folder: Path) -> None:
    from facebench.runtime.terminal import out

    name = checked.file.relative_to(folder)
    if not checked.findings:
        unsealed = "" if checked.sealed else "  (not sealed: an earlier version wrote it)"
        line = f"ok     {name}{unsealed}"
        out.print(line, soft_wrap=True, highlight=False, markup=False)
        return
    out.print("wrong", style="red", end="")
    out.print(f"  {name}", soft_wrap=True, highlight=False, markup=False)
    for finding in checked.findings:
        line = f"       {finding.key}: found {finding.found}; expected {finding.expected}"
        out.print(line, soft_wrap=True, highlight=False, markup=False)
