"""Arrays of real numbers out of MATLAB 5 files (MathWorks, "MAT-File Format", level 5).

scipy's ``loadmat`` reads these files as well, but a damaged one can crash the process, because its
reader uses element types without checking them. Here every damaged file raises an error, and only
the requested variables are decompressed.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_HEADER = 128  # bytes: text, version, byte order
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {  # NumPy types by the type of an element
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
_NUMERIC_CLASSES = range(6, 16)  # classes double to uint64; cells, structures and texts have others
_COMPLEX = 0x0800
_LARGEST = 1 << 26  # bytes of a decompressed variable; those of a face have some thousand

Element = tuple[int, memoryview]


def read_arrays(content: bytes, wanted: Collection[str]) -> dict[str, FloatArray]:
    """Read variables of a file.

    Args:
        content: The whole file.
        wanted: Names of variables.

    Returns:
        The variables that the file has, in the shape stored there.

    Raises:
        ValueError: The file is damaged, is not of version 5, or a wanted variable does not hold
            real numbers.
    """
    order = {b"IM": "<", b"MI": ">"}.get(content[_HEADER - 2 : _HEADER])
    if order is None or struct.unpack_from(f"{order}H", content, _HEADER - 4)[0] != 0x0100:
        raise ValueError("it does not begin as version 5 does")
    found: dict[str, FloatArray] = {}
    for kind, element in _elements(memoryview(content)[_HEADER:], order):
        data = element
        if kind == _COMPRESSED:
            kind, data = next(_elements(_unpacked(element), order), (0, element))
        if kind != _MATRIX:
            raise ValueError(f"it has an element of type {kind} where a variable belongs")
        parts = _elements(data, order)
        flags, dimensions, name = (_part(parts, number) for number in (6, 5, 1))
        text = bytes(name).decode("latin-1")
        if text in wanted:
            found[text] = _array(text, flags, dimensions, parts, order)
            if len(found) == len(wanted):
                break
    return found


def _elements(content: memoryview, order: str) -> Iterator[Element]:
    """Yield type and data of each element."""
    start = 0
    while start < len(content):
        if start + 8 > len(content):
            raise ValueError("it ends in the middle of a variable")
        kind, size = struct.unpack_from(f"{order}II", content, start)
        if kind >> 16:  # a small element: its size shares the word with its type
            kind, size, begin, end = kind & 0xFFFF, kind >> 16, start + 4, start + 8
        else:
            begin = start + 8
            end = begin + size if kind == _COMPRESSED else begin + -(-size // 8) * 8
        if begin + size > len(content) or begin + size > end:
            raise ValueError("it ends in the middle of a variable")
        yield kind, content[begin : begin + size]
        start = end


def _unpacked(packed: memoryview) -> memoryview:
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(packed, _LARGEST)
    except zlib.error as error:
        raise ValueError(f"a compressed variable is damaged ({error})") from error
    if not stream.eof:
        raise ValueError("a compressed variable is cut off, or far too large")
    return memoryview(content)


def _part(parts: Iterator[Element], number: int) -> memoryview:
    kind, data = next(parts, (0, memoryview(b"")))
    if kind != number:
        raise ValueError(f"a variable has an element of type {kind} where {number} belongs")
    return data


def _array(
    name: str, flags: memoryview, dimensions: memoryview, parts: Iterator[Element], order: str
) -> FloatArray:
    """Return the numbers of one variable, which MATLAB stores column by column."""
    word = struct.unpack_from(f"{order}I", flags)[0] if len(flags) >= 4 else 0
    if word & 0xFF not in _NUMERIC_CLASSES or word & _COMPLEX:
        raise ValueError(f"{name} is not an array of real numbers")
    kind, data = next(parts, (0, memoryview(b"")))
    if kind not in _NUMBERS or len(dimensions) % 4:
        raise ValueError(f"{name} has numbers of the unknown type {kind}")
    number = np.dtype(f"{order}{_NUMBERS[kind]}")
    shape = struct.unpack(f"{order}{len(dimensions) // 4}i", dimensions)
    if any(side < 0 for side in shape) or math.prod(shape) * number.itemsize != len(data):
        raise ValueError(f"{name} has {len(data)} bytes for the shape {shape}")
    return np.frombuffer(data, number).astype(np.float64).reshape(shape, order="F")
