"""MATLAB 5 files: as scipy reads them, and refused when they are damaged."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.io import loadmat, savemat

from facebench_tasks._mat5 import read_arrays

NUMBERS = hnp.arrays(
    st.one_of(
        hnp.integer_dtypes(endianness="="),
        hnp.unsigned_integer_dtypes(endianness="="),
        hnp.floating_dtypes(endianness="=", sizes=(32, 64)),
    ),
    hnp.array_shapes(min_dims=2, max_dims=3, max_side=7),
)


def written(content: dict[str, object], *, compressed: bool = False) -> bytes:
    stream = io.BytesIO()
    savemat(stream, content, do_compression=compressed)
    return stream.getvalue()


@given(first=NUMBERS, second=NUMBERS, compressed=st.booleans())
def test_same_as_scipy(first: np.ndarray, second: np.ndarray, compressed: bool) -> None:
    others = {"text": "a text", "cell": np.array([["a", 1]], dtype=object), "z": np.array([[1j]])}
    content = written({**others, "x": first, "long_name": second}, compressed=compressed)
    found = read_arrays(content, ("x", "long_name", "absent"))
    expected = loadmat(io.BytesIO(content))
    assert set(found) == {"x", "long_name"}
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name].astype(np.float64))


def test_the_other_byte_order() -> None:
    """A file as a big-endian machine writes it, put together by hand."""

    def words(*numbers: int) -> bytes:
        return np.array(numbers, ">u4").tobytes()

    name = words(1 << 0 | 2 << 16) + b"ab\0\0"  # a small element
    values = words(9, 16) + np.array([1.5, -2.0], ">f8").tobytes()
    matrix = words(6, 8, 6, 0) + words(5, 8, 1, 2) + name + values
    header = b"MATLAB 5.0".ljust(124) + b"\x01\x00MI"
    assert read_arrays(header + words(14, len(matrix)) + matrix, ("ab",))["ab"].tolist() == [
        [1.5, -2.0]
    ]


@pytest.mark.parametrize("value", ["text", np.array([[1j]]), np.array([["a", 1]], dtype=object)])
def test_other_than_real_numbers(value: object) -> None:
    with pytest.raises(ValueError, match="x is not an array of real numbers"):
        read_arrays(written({"x": value}), ("x",))


def test_other_formats() -> None:
    stream = io.BytesIO()
    savemat(stream, {"x": np.eye(2)}, format="4")
    hdf = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM\x89HDF"
    for content in (b"", b"\x89PNG", stream.getvalue(), hdf, b" " * 200):
        with pytest.raises(ValueError, match="version 5"):
            read_arrays(content, ("x",))


def test_unpacking_is_bounded() -> None:
    content = written({"x": np.zeros((3000, 3000))}, compressed=True)  # 72 MB out of 70 kB
    with pytest.raises(ValueError, match="far too large"):
        read_arrays(content, ("x",))


WHOLE = [
    written({"x": np.arange(12.0).reshape(3, 4), "y": np.eye(5)}, compressed=compressed)
    for compressed in (False, True)
]


@given(
    whole=st.sampled_from(WHOLE),
    damage=st.lists(st.tuples(st.integers(0), st.binary(min_size=1, max_size=4)), max_size=6),
    cut=st.floats(0, 1),
)
def test_damage_is_an_error_or_harmless(
    whole: bytes, damage: list[tuple[int, bytes]], cut: float
) -> None:
    content = bytearray(whole[: round(cut * len(whole))])
    for place, change in damage:
        start = place % (len(content) + 1)
        content[start : start + len(change)] = change
    with contextlib.suppress(ValueError):  # and nothing else
        for values in read_arrays(bytes(content), ("x", "y")).values():
            assert values.dtype == np.float64
