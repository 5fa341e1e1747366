"""Every parser of label files: what an editor does to a file changes no row; damage is named."""

from __future__ import annotations

import os
import re
from itertools import cycle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from label_formats import FORMATS, Format
from pair_formats import FORMATS as PAIR_FORMATS

from facebench.errors import DataError
from facebench_tasks._cplfw_pairs import read_pair_lines

EXAMPLES = settings(max_examples=50, deadline=None)
END = st.sampled_from(["\n", "\r\n", " \n", "\t\r\n", "  \r\n", "\n\n", "\r\n \r\n", "\n\t\n"])
each_format = pytest.mark.parametrize("kind", FORMATS + PAIR_FORMATS, ids=lambda kind: kind.file)


def changed(kind: Format, rows: list[Any], found: list[Any]) -> list[Any]:
    """Return the rows that are not found: each in its place, or anywhere if order is nothing."""
    assert len(found) == len(rows)
    if not kind.ordered:
        return [row for row in rows if row not in found]
    return [old for old, new in zip(rows, found, strict=True) if old != new]


def text_of(kind: Format, rows: list[Any]) -> list[str]:
    return [kind.mark.join(fields) for fields in kind.write(rows)]


@each_format
@EXAMPLES
@given(data=st.data())
def test_what_editors_do_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, kind: Format, data: st.DataObject
) -> None:
    """Line ends of any system, a byte-order mark, blank lines, spaces, no last line end."""
    rows = data.draw(kind.rows)
    ends = data.draw(st.lists(END, min_size=1, max_size=5))
    text = "".join(map("".join, zip(text_of(kind, rows), cycle(ends), strict=False)))
    if kind.blank_first:
        text = data.draw(st.sampled_from(["", "\n", " \r\n"])) + text
    text = text.rstrip("\r\n\t ") if data.draw(st.booleans()) else text
    mark = b"\xef\xbb\xbf" if data.draw(st.booleans()) else b""
    file = tmp_path_factory.mktemp("labels") / kind.file
    file.write_bytes(mark + text.encode())
    assert kind.parse(file) == rows


@each_format
@EXAMPLES
@given(data=st.data())
def test_a_corrupted_line_is_named(
    tmp_path_factory: pytest.TempPathFactory, kind: Format, data: st.DataObject
) -> None:
    fields = kind.write(data.draw(kind.rows))
    line = data.draw(st.integers(kind.heading, len(fields) - 1))
    corrupted = data.draw(st.sampled_from(kind.corruptions))(fields[line])
    assume(kind.mark.join(corrupted).strip())
    fields[line] = corrupted
    file = tmp_path_factory.mktemp("labels") / kind.file
    file.write_text("\n".join(map(kind.mark.join, fields)) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=rf"{re.escape(kind.file)}:{line + 1}: found"):
        kind.parse(file)


@each_format
@EXAMPLES
@given(data=st.data())
def test_one_wrong_letter_stays_in_its_line(
    tmp_path_factory: pytest.TempPathFactory, kind: Format, data: st.DataObject
) -> None:
    """The error names a line, or no other row has changed."""
    rows = data.draw(kind.rows)
    lines = text_of(kind, rows)
    line = data.draw(st.integers(kind.heading, len(lines) - 1))
    place = data.draw(st.integers(0, len(lines[line]) - 1))
    letter = data.draw(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"))
    lines[line] = lines[line][:place] + letter + lines[line][place + 1 :]
    file = tmp_path_factory.mktemp("labels") / kind.file
    file.write_text("\n".join(lines), encoding="utf-8", newline="")
    try:
        found = kind.parse(file)
    except DataError as error:
        message = str(error)
    else:
        assert len(changed(kind, rows, found)) <= 1
        message = f"{kind.file}:{line + 1}: found"
    assert re.search(rf"{re.escape(kind.file)}:[0-9]+: found", message)


def test_a_changed_row_of_a_set_moves_no_other() -> None:
    (frames,) = (kind for kind in FORMATS if not kind.ordered)
    rows, found = [("SN001", 11), ("SN001", 22)], [("SN001", 2), ("SN001", 11)]
    assert changed(frames, rows, found) == [("SN001", 22)]


@each_format
@EXAMPLES
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_anything_else_is_refused_by_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, kind: Format, content: bytes
) -> None:
    file = tmp_path_factory.mktemp("labels") / kind.file
    file.write_bytes(content)
    try:
        rows = kind.parse(file)
    except DataError as error:
        message = str(error)
    else:
        message = f"expected {rows!r}, which the text happens to say"
        assert len(rows)
    assert "expected" in message


def test_the_real_pairs_of_cplfw() -> None:
    folder = os.environ.get("FACEBENCH_LABELS")
    if folder is None:
        pytest.skip("FACEBENCH_LABELS names no folder with pairs_CPLFW.txt")
    pairs = read_pair_lines(Path(folder) / "pairs_CPLFW.txt")
    counts = pairs.groupby("fold")["same"].agg(["size", "sum"])
    assert counts.to_numpy().tolist() == [[600, 300]] * 10
    assert pd.concat([pairs["first"], pairs["second"]]).nunique() == 5984
