"""A table as plain text: columns padded to their widest cell, bold in square brackets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from textwrap import TextWrapper, wrap

from facebench.rendering.characters import one_line
from facebench.rendering.parts import parts
from facebench.rendering.table import Cell, Table, plain

_GAP = "  "
_NARROWEST = 12  # characters of a column of words; a longer word is broken


class _NameWrapper(TextWrapper):
    """Breaks lines at blanks, hyphens between letters, and after an underscore in a name."""

    wordsep_re = re.compile(r"(\s+|\w*?[^\W\d_]{2,}-(?=[^\W\d_]{2})|[^\s_]+_+(?=[^\s_]))")


def text_table(table: Table, width: int | None = None) -> str:
    """Return a table; no newline at the end.

    Args:
        table: The table.
        width: Characters that a line may have. Columns that have no space are broken into lines,
            numbers at blanks alone; of very many columns of numbers some stand below the others,
            beside the first columns once more. None: cells and headings have one line each.
    """
    pieces = [table]
    if width is not None:
        pieces = parts(table, _least(table, _texts(table)), width, len(_GAP))
    lines = _folded(table.title, width)
    for number, piece in enumerate(pieces):
        lines += ["", *_grid(piece, width)] if number else _grid(piece, width)
    notes = [note.replace("Bold:", "[ ]:") for note in table.notes]
    return "\n".join([*lines, *(line for note in notes for line in _folded(note, width))])


def _grid(table: Table, width: int | None) -> list[str]:
    """Return the lines of headings and rows."""
    texts = _texts(table)
    widths = [max(map(len, column)) for column in texts]
    if width is None:
        _widen(table, widths)
    else:
        _narrow(table, texts, widths, width)

    def lines_of(cells: Sequence[str]) -> Iterator[str]:
        broken = [
            [text] if width is None else _NameWrapper(max(own, 1)).wrap(text) or [""]
            for text, own in zip(cells, widths, strict=True)
        ]
        for part in zip_longest(*broken, fillvalue=""):
            padded = [
                text.rjust(own) if column.numeric else text.ljust(own)
                for column, text, own in zip(table.columns, part, widths, strict=True)
            ]
            yield _GAP.join(padded).rstrip()

    rule = "-" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    lower, *body = zip(*texts, strict=True)
    lines = [rule, *_upper(table, widths), *lines_of(lower), rule]
    at = 0
    for section in table.sections:
        lines += [rule] if at else []
        lines += _folded(section.title, width) if section.title else []
        for cells in body[at : at + len(section.rows)]:
            lines += lines_of(cells)
        at += len(section.rows)
    return [*lines, rule]


def _texts(table: Table) -> list[tuple[str, ...]]:
    """Return the heading and the cells of each column."""
    lower = [one_line(column.heading) for column in table.columns]
    body = [[_marked(cell) for cell in row] for row in table.rows()]
    return [*zip(lower, *body, strict=True)]


def _folded(text: str, width: int | None) -> list[str]:
    line = one_line(text)
    return [line] if width is None else wrap(line, width) or [""]


def _widen(table: Table, widths: list[int]) -> None:
    """Widen the last column below each upper heading that is wider than what is below it."""
    for text, own in _upper_headings(table):
        missing = len(text) - _over(widths, own)
        widths[own[-1]] += max(0, missing)


def _narrow(table: Table, texts: Sequence[Sequence[str]], widths: list[int], width: int) -> None:
    """Narrow the widest columns, one character at a time, until a line has the width.

    Texts are broken into lines first, then intervals, and names only if nothing else is left.
    """
    least = _least(table, texts)
    pieces = [_longest(_NameWrapper.wordsep_re.split, column) for column in texts]

    def with_whole_names(numbers: Sequence[int]) -> list[int]:
        return [
            number if column.numeric else piece
            for column, number, piece in zip(table.columns, numbers, pieces, strict=True)
        ]

    for at_least in (with_whole_names(widths), with_whole_names(least), least):
        while _over(widths, range(len(widths))) > width:
            spare = [c for c in range(len(widths)) if widths[c] > at_least[c]]
            if not spare:
                break
            widths[max(spare, key=lambda c: widths[c])] -= 1


def _least(table: Table, texts: Sequence[Sequence[str]]) -> list[int]:
    """Return the characters that each column needs at least."""
    longest = [_longest(str.split, column) for column in texts]
    return [
        own if column.numeric else min(own, _NARROWEST)
        for column, own in zip(table.columns, longest, strict=True)
    ]


def _longest(split: Callable[[str], list[str]], texts: Sequence[str]) -> int:
    """Return the length of the longest part of any text."""
    return max((len(part) for text in texts for part in split(text)), default=1)


def _over(widths: Sequence[int], own: range) -> int:
    return sum(widths[c] for c in own) + len(_GAP) * (len(own) - 1)


def _upper_headings(table: Table) -> Iterator[tuple[str, range]]:
    start = 0
    for text, columns in table.upper:
        yield one_line(text), range(start, start + columns)
        start += columns


def _upper(table: Table, widths: Sequence[int]) -> list[str]:
    heads = [(text, _over(widths, own)) for text, own in _upper_headings(table)]
    broken = [wrap(text, max(over, 1)) for text, over in heads]
    lines = [
        _GAP.join(text.center(over) for text, (_, over) in zip(parts, heads, strict=True)).rstrip()
        for parts in zip_longest(*broken, fillvalue="")
    ]
    return lines or [""]


def _marked(cell: Cell) -> str:
    bold = any(span.emphasis == "bold" for span in cell.spans)
    text = one_line(plain(cell))
    return f"[{text}]" if bold else text
