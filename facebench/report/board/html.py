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
from importlib.resources import files

from facebench.config.spec import plain
from facebench.report.board.model import Leaderboard

# Concatenated in this order; scripts as one scope.
SCRIPTS = (
    "dom", "rove", "model", "rows", "facts", "link", "sheet", "download", "figure", "parts",
    "floors", "grid", "lines", "gridsheet", "story", "provenance", "curve", "forest", "pairs",
    "leaders", "ranks", "heat", "main",
)  # fmt: skip
STYLES = ("page", "table", "figures", "dialog", "phone", "print")

_BLANK = re.compile(r"\{\{(\w+)\}\}")


def page(leaderboard: Leaderboard) -> str:
    """Return the page; the same leaderboard gives the same bytes."""
    style = "\n".join(_part(f"{name}.css") for name in STYLES)
    scripts = "\n".join(_part(f"{name}.js") for name in SCRIPTS)
    script = f'"use strict";\n{{\n{scripts}}}\n'
    parts = {
        "policy": policy(script, style),
        "style": style,
        "script": script,
        "data": data_block(leaderboard),
    }
    # One pass, so that inserted text is not substituted again.
    return _BLANK.sub(lambda blank: parts[blank[1]], _part("page.html"))


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


def _part(name: str) -> str:
    return files("facebench.report").joinpath("page", name).read_text(encoding="utf-8")
