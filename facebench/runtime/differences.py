"""Differences of two records, leaf by leaf, with a tolerance for numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any

MISSING = "nothing"


@dataclass(frozen=True)
class Difference:
    """One place where two records differ.

    Args:
        key: Key with dots: ``scores.honest.accuracy``, ``scores.honest.thresholds[3]``.
        left: Value of the first record; ``MISSING`` if there is none.
        right: Value of the second record.
        size: Distance of two numbers; infinite where they are none.
    """

    key: str
    left: Any
    right: Any
    size: float = math.inf

    def __str__(self) -> str:
        return f"{self.key}: {self.left} and {self.right}"


def differences(
    left: Any, right: Any, *, tolerance: float = 0.0, key: str = "", ignore: Set[str] = frozenset()
) -> Iterator[Difference]:
    """Yield every place where two values of JSON differ, in sorted order of the keys.

    Args:
        left: The first value.
        right: The second one.
        tolerance: Largest difference of two equal numbers.
        key: Key of both values.
        ignore: Names of keys to ignore at any level.
    """
    if isinstance(left, dict) and isinstance(right, dict):
        for name in sorted({*left, *right} - ignore):
            ends = left.get(name, MISSING), right.get(name, MISSING)
            at = f"{key}.{name}" if key else name
            yield from differences(*ends, tolerance=tolerance, key=at, ignore=ignore)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for number, ends in enumerate(zip(left, right, strict=True)):
            at = f"{key}[{number}]"
            yield from differences(*ends, tolerance=tolerance, key=at, ignore=ignore)
    elif _is_number(left) and _is_number(right):
        if not abs(left - right) <= tolerance:
            yield Difference(key, left, right, abs(left - right))
    elif type(left) is not type(right) or left != right:
        yield Difference(key, shortened(left), shortened(right))


def shortened(value: Any) -> Any:
    """Return a value that fits a line: long lists and objects by their size."""
    if isinstance(value, (list, dict)) and len(str(value)) > 60:
        kind = "list" if isinstance(value, list) else "object"
        return f"a {kind} of {len(value)}"
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
