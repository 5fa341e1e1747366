"""The leaderboard as one HTML file that loads nothing from a network.

Style, script and data are inserted into the template. Names of methods come from third-party result
files, so the data are escaped in a JSON block, the script creates text nodes only, and a content
security policy allows only this script and this style.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import escape
from importlib.resources import files

from facebench.config.spec import plain
from facebench.report.board.model import Leaderboard

# Concatenated in this order; scripts as one scope.
SCRIPTS = (
    "dom", "rove", "model", "budgets", "rows", "facts", "link", "sheet", "download", "figure",
    "parts", "floors", "grid", "lines", "gridsheet", "story", "provenance", "curve", "forest",
    "pairs", "leaders", "ranks", "heat", "main",
)  # fmt: skip
STYLES = ("page", "table", "figures", "dialog", "phone", "print")

# The tables have their alignment in attributes; there is no script.
_TABLE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
_BLANK = re.compile(r"\{\{(\w+)\}\}")
_INDENTATION = re.compile(r"^ +", re.MULTILINE)


def page(leaderboard: Leaderboard) -> str:
    """Return the page; the same leaderboard gives the same bytes."""
    style = "\n".join(_unindented(f"{name}.css") for name in STYLES)
    scripts = "\n".join(_unindented(f"{name}.js") for name in SCRIPTS)
    script = f'"use strict";\n{{\n{scripts}}}\n'
    parts = {
        "policy": policy(script, style),
        "style": style,
        "script": script,
        "data": data_block(leaderboard),
    }
    # One pass, so that inserted text is not substituted again.
    return _BLANK.sub(lambda blank: parts[blank[1]], _part("page.html"))


def table_page(title: str, tables: str) -> str:
    """Return tables of a paper as a whole page in the leaderboard's style, which leads there.

    Args:
        title: Title of the page, as text.
        tables: The tables, as HTML whose texts are escaped.
    """
    style = "\n".join(_part(f"{name}.css") for name in ("page", "paper", "print"))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_TABLE_POLICY}">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="facebench">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<main>
<h1 class="unseen">{escape(title)}</h1>
<p><a href="leaderboard.html">facebench leaderboard</a></p>
{tables}</main>
</body>
</html>
"""


def data_block(leaderboard: Leaderboard) -> str:
    """Return the leaderboard as JSON that may stand in a ``script`` element."""
    text = json.dumps(
        plain(leaderboard),
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
        ensure_ascii=True,
    )
    # "</script>" and "<!--" would end or change the block; all three only occur in strings.
    return text.translate({ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"})


def policy(script: str, style: str) -> str:
    """Return the content security policy of a page with this script and this style."""
    return (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _unindented(name: str) -> str:
    """Return a script or style, whose indentation is about 4 % of an empty page."""
    return _INDENTATION.sub("", _part(name))


def _part(name: str) -> str:
    return files("facebench.report").joinpath("page", name).read_text(encoding="utf-8")
