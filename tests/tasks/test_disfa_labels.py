"""DISFA's label files: every form that is read, and every fault that is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facebench.errors import DataError
from facebench_tasks._disfa_labels import OTHER_UNITS, UNITS, Intensities, read_intensities
from facebench_tasks.disfa import DISFA


def write(folder: Path, text: str, units: tuple[int, ...] = (*UNITS, *OTHER_UNITS)) -> None:
    for unit in units:
        (folder / f"SN001_au{unit}.txt").write_bytes(text.encode())


def read(folder: Path) -> Intensities:
    return read_intensities(DISFA.info, folder, folder, "SN001")


@settings(deadline=None)  # disks are slow at times
@given(
    values=st.lists(st.integers(0, 5), min_size=1, max_size=20),
    end=st.sampled_from(["\n", "\r\n", " \n", "\n\n"]),
    comma=st.sampled_from([",", ", ", " ,"]),
    start=st.integers(0, 1),
    bom=st.booleans(),
)
def test_any_form_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    values: list[int],
    end: str,
    comma: str,
    start: int,
    bom: bool,
) -> None:
    folder = tmp_path_factory.mktemp("SN001")
    text = end.join(f"{t + start}{comma}{value}" for t, value in enumerate(values))
    write(folder, "\ufeff" * bom + text, UNITS)
    found = read(folder)
    assert found.values.tolist() == [[value] * 8 for value in values]
    assert found.jumping == []


@settings(deadline=None, max_examples=50)
@given(text=st.text(alphabet="0123456789,.-\n\r ab\u0663", max_size=40))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("SN001")
    write(folder, text, UNITS)
    lines = [line.split(",") for line in text.split("\n") if line.strip()]
    refused = ""
    try:
        found = read(folder)
    except DataError as error:
        refused = str(error)
    if refused:
        assert "expected" in refused
    else:
        assert found.values[:, 0].tolist() == [int(fields[1]) for fields in lines]


@pytest.mark.parametrize("line", ["3,6", "3,-1", "3", "3,1,1", "a,1", "3,1.0", "3;1"])
@pytest.mark.parametrize("unit", [12, 20])
def test_a_bad_line_is_named(tmp_path: Path, line: str, unit: int) -> None:
    write(tmp_path, "1,0\n2,5\n3,0\n")
    write(tmp_path, f"1,0\n2,5\n{line}\n", (unit,))
    where = rf"SN001_au{unit}\.txt:3: found '{line}'; expected .* from 0 to 5"
    with pytest.raises(DataError, match=where):
        read(tmp_path)


def test_an_empty_file(tmp_path: Path) -> None:
    write(tmp_path, "1,0\n")
    write(tmp_path, " \n", (9,))
    with pytest.raises(DataError, match=r"SN001_au9\.txt: found no labels"):
        read(tmp_path)


@pytest.mark.parametrize("unit", [26, 5])
def test_files_of_unequal_length(tmp_path: Path, unit: int) -> None:
    write(tmp_path, "1,0\n2,5\n")
    write(tmp_path, "1,0\n", (unit,))
    with pytest.raises(DataError, match=rf"1 frames in SN001_au{unit}\.txt and 2 in"):
        read(tmp_path)


def test_units_that_are_not_used_may_be_missing(tmp_path: Path) -> None:
    write(tmp_path, "1,0\n2,5\n", UNITS)
    assert read(tmp_path).values.tolist() == [[0] * 8, [5] * 8]
    (tmp_path / "SN001_au26.txt").unlink()
    with pytest.raises(DataError, match=r"lacks SN001_au26\.txt"):
        read(tmp_path)


def test_names_in_another_case(tmp_path: Path) -> None:
    write(tmp_path, "1,3\n")
    for file in list(tmp_path.iterdir()):
        file.rename(tmp_path / file.name.replace("au", "AU"))
    assert read(tmp_path).values.tolist() == [[3] * 8]
