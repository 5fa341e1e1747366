"""The index page of a folder of figures: every figure with its caption, and what was not drawn."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
body {{ margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }}
.figures {{ display: grid; gap: 2rem; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); }}
figure {{ margin: 0; }}
img {{ background: white; height: auto; max-width: 100%; }}
figcaption {{ font-size: .875rem; overflow-wrap: anywhere; white-space: pre-line; }}
td, th {{ padding: .25rem 1rem .25rem 0; text-align: left; vertical-align: top; }}
td:last-child {{ overflow-wrap: anywhere; }}
@media (max-width: 40rem) {{
  th {{ display: none; }}
  td {{ display: block; padding: 0; }}
  td:first-child {{ font-weight: 600; padding-top: .75rem; }}
}}
</style>
<h1>{title}</h1>
{body}
</html>
"""  # noqa: E501


@dataclass(frozen=True)
class Drawn:
    """One figure of a folder, or why there is none.

    Args:
        figure: Name of the figure.
        of: Which result it is of; empty for figures of all together.
        path: Its file, relative to the folder; None if it was not drawn.
        text: Its caption, or why it was not drawn.
        number: Its number among all that are tried, from 1.
        total: How many are tried.
    """

    figure: str
    of: str
    path: Path | None
    text: str
    number: int = 0
    total: int = 0


def index_page(title: str, drawn: Sequence[Drawn]) -> str:
    """Return the page as HTML; it loads nothing but the figures beside it.

    Args:
        title: Heading.
        drawn: Everything that was tried.
    """
    sections = dict.fromkeys(one.of for one in drawn)
    body = "\n".join(
        part for of in sections for part in _section(of, [one for one in drawn if one.of == of])
    )
    return PAGE.format(title=html.escape(title), body=f"{body}\n{''.join(_left_out(drawn))}")


def _section(of: str, drawn: Iterable[Drawn]) -> Iterator[str]:
    there = [one for one in drawn if one.path is not None]
    if not there:
        return
    yield f"<h2>{html.escape(of or 'All results')}</h2>\n<div class=figures>"
    for one in there:
        assert_path = one.path.as_posix() if one.path is not None else ""
        source, caption = html.escape(assert_path, quote=True), html.escape(one.text.strip())
        alternative = html.escape(one.text.strip().splitlines()[0], quote=True)
        yield (
            f'<figure><a href="{source}"><img src="{source}" loading="lazy" alt="{alternative}">'
            f"</a><figcaption><b>{html.escape(one.figure)}</b>: {caption}</figcaption></figure>"
        )
    yield "</div>"


def _left_out(drawn: Iterable[Drawn]) -> Iterator[str]:
    """Yield a table of what was not drawn; what has one reason stands in one row."""
    reasons: dict[str, list[Drawn]] = {}
    for one in drawn:
        if one.path is None:
            reasons.setdefault(_reason(one.text), []).append(one)
    if not reasons:
        return
    yield "<h2>Not drawn</h2>\n<table>\n<tr><th>figures<th>results<th>why\n"
    for reason, left in reasons.items():
        of = list(dict.fromkeys(one.of for one in left))
        who = "all together" if of == [""] else of[0] if len(of) == 1 else f"{len(of)} results"
        figures = ", ".join(dict.fromkeys(one.figure for one in left))
        said = reason if len(of) > 1 else left[0].text
        cells = "".join(f"<td>{html.escape(text)}" for text in (figures, who, said))
        yield f"<tr>{cells}\n"
    yield "</table>\n"


def _reason(text: str) -> str:
    """Return why something was not drawn, without the files of the result that it is of."""
    return re.sub(r"/[0-9a-f]{16}\b", "/…", re.sub(r"^\S+\.json: ", "", text))
