"""Words as bash completes them: split at ``=`` and ``:``, in ``--set pcl.orth=cosine``, too.

Typer takes each part for a word of its own, and would suggest nothing for the last one.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, redirect_stdout

import typer

_ASKED = "_FACEBENCH_COMPLETE"


@contextmanager
def whole_words(environment: MutableMapping[str, str] = os.environ) -> Iterator[None]:
    """Let typer complete a whole word, and bash get what follows its last ``=`` or ``:``.

    Does nothing unless bash asks for suggestions.
    """
    if environment.get(_ASKED) != "complete_bash" or not _join(environment):
        yield
        return
    word = re.split(r"[ \n]", environment["COMP_WORDS"])[-1]
    begun = word[: max(word.rfind("="), word.rfind(":")) + 1]
    found = io.StringIO()
    try:
        with redirect_stdout(found):
            yield
    finally:
        for line in found.getvalue().splitlines():
            typer.echo(line.removeprefix(begun))


def _join(environment: MutableMapping[str, str]) -> bool:
    """Join the parts of words up to the cursor; returns whether there were any."""
    try:
        words, last = environment["COMP_WORDS"], int(environment["COMP_CWORD"])
    except (KeyError, ValueError):
        return False
    between = "\n" if "\n" in words else " "  # typer's script for bash has the former
    parts = words.split(between)[: last + 1]
    joined = re.sub(f"{between}([=:]+)(?:{between}|$)", r"\1", between.join(parts))
    count = joined.count(between)
    if count == len(parts) - 1:
        return False
    environment["COMP_WORDS"] = joined
    environment["COMP_CWORD"] = str(count)
    return True
