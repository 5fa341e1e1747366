"""What zsh is told: no space after words that go on, and the first TAB of a session completes."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager, redirect_stdout

import typer
from typer import _completion_shared

_PLAIN = re.compile(r"[\w.,=:/+-]+")  # words that the shell takes as they are
_REGISTERED = "compdef %(complete_func)s %(prog_name)s"
# A file of fpath is read by the first TAB, which is to complete, too.
_COMPLETED = f"""{_REGISTERED}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  %(complete_func)s "$@"
fi"""


@contextmanager
def open_words(environment: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Let zsh add no space to ``pcl.``, ``pcl.recipe=`` and ``timm:``.

    Does nothing unless zsh asks for suggestions.
    """
    if environment.get("_FACEBENCH_COMPLETE") != "complete_zsh":
        yield
        return
    found = io.StringIO()
    try:
        with redirect_stdout(found):
            yield
    finally:
        typer.echo(told(found.getvalue()), nl=False)


def told(suggestions: str) -> str:
    """Return typer's suggestions as commands that add a space after whole words alone.

    Args:
        suggestions: What typer prints; it stays if no word goes on, or words have descriptions.
    """
    inner = re.fullmatch(r"_arguments '\*: :\(\((.*)\)\)'\s*", suggestions, re.DOTALL)
    lines = inner[1].split("\n") if inner else []
    words = [line.strip('"').replace(r"\\:", ":") for line in lines]
    going_on = [word for word in words if word.endswith((".", "=", ":"))]
    if not going_on or not all(map(_PLAIN.fullmatch, words)):
        return suggestions
    whole = [word for word in words if word not in going_on]
    commands = [f"compadd -S '' -- {' '.join(going_on)}"]
    return "; ".join([*commands, *([f"compadd -- {' '.join(whole)}"] if whole else [])])


def correct_script(
    arguments: Sequence[str] = sys.argv,
    scripts: MutableMapping[str, str] | None = None,
) -> None:
    """Let typer's script for zsh complete when it is first read, if it is asked for now."""
    known = getattr(_completion_shared, "_completion_scripts", {}) if scripts is None else scripts
    if any(a in ("--install-completion", "--show-completion") for a in arguments) and known:
        script = known.get("zsh", "")
        if _COMPLETED not in script:
            known["zsh"] = script.replace(_REGISTERED, _COMPLETED)
