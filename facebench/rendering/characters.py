"""Foreign text made safe to show: titles and names of a result of unknown origin."""

from __future__ import annotations

import unicodedata
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def visible(text: str) -> str:
    """Return text with spaces for what steers a terminal or a page; newlines stay.

    These are control characters (escape sequences begin with one), marks of direction and other
    formatting characters, and code points that mean nothing.
    """
    if text.isprintable():
        return text
    return "".join(c if c == "\n" or unicodedata.category(c)[0] != "C" else " " for c in text)


def one_line(text: str) -> str:
    """Return the same with spaces for line breaks, too."""
    return " ".join(visible(text).splitlines())


def csv_value(value: Any) -> Any:
    """Return a value for CSV; a text that a spreadsheet would compute gets an apostrophe first."""
    if isinstance(value, str):
        text = visible(value)
        return f"'{text}" if text.startswith(_FORMULA) else text
    return value
