"""Options of the probes besides the linear one, which keys and results have where one is chosen.

A result of the linear probe says nothing of them, so its key does not depend on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from annotated_types import Interval, Len

from facebench.errors import SpecError
from facebench.protocol import LINEAR

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "knn": ("k", "temperature", "ks", "temperatures"),
    "fewshot": ("shots", "draws"),
}
"""Probe -> its own options; a probe that is not here has none."""

NAMES = frozenset({"kind", *(name for names in OPTIONS.values() for name in names)})


def unsaid(kind: str) -> frozenset[str]:
    """Return the options of this module that keys and results do not have with a probe."""
    return NAMES if kind == LINEAR else NAMES - {"kind", *OPTIONS.get(kind, ())}


Neighbours = Annotated[int, Interval(ge=1, le=10**4)]
Temperature = Annotated[float, Interval(ge=0, le=100)]
"""Of votes ``exp(cosine / T)``; 0: all neighbours have the same vote."""

Labels = Annotated[float, Interval(gt=0, le=10**4)]
"""How many labels a few-shot probe sees: below 1 a share of all, else a number of each class."""

Shots = Annotated[tuple[Labels, ...], Len(1, 16)]
Draws = Annotated[int, Interval(ge=10, le=1000)]


def check_probe(kind: str, changed: frozenset[str], shots: tuple[float, ...]) -> None:
    """Check that only options of the chosen probe are set, and that numbers of labels make sense.

    Args:
        kind: Name of the probe.
        changed: Names of the options of this module that have another value than their default.
        shots: Numbers of labels.

    Raises:
        SpecError: One is of another probe; or a number of labels is not whole, or there twice.
    """
    own = (*OPTIONS.get(kind, ()), "kind")
    for name in sorted(changed - set(own)):
        (owner,) = (probe for probe, names in OPTIONS.items() if name in names)
        raise SpecError(
            f"probe.{name} is an option of --probe {owner}; found --probe {kind}, which does not "
            "read it. Leave it out, or choose that probe."
        )
    for number in shots:
        if number >= 1 and number != int(number):
            raise SpecError(
                f"probe.shots has {number:g}; expected whole numbers of images of each class, or "
                "shares of all training images below 1."
            )
    if list(shots) != sorted(set(shots), key=lambda number: (number >= 1, number)):
        raise SpecError(
            f"probe.shots is {', '.join(f'{number:g}' for number in shots)}; expected each once, "
            "in ascending order, shares first."
        )
