"""Options of the probes besides the linear one, which keys and results have where one is chosen.

A result of the linear probe says nothing of them, so its key does not depend on them. Nor does a
result of another probe depend on what only a trained head reads.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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


OF_HEADS = frozenset(
    {
        "epochs", "batch_size", "paper_lr", "lrs", "weight_decays", "centre", "verification",
        "embedding_dim", "pair_epochs", "pair_lrs",
    }
)  # fmt: skip
"""Options of trained heads and of pairs. ``holdout`` is none: it also says which labels a method
may learn from."""

UNTRAINED = frozenset({"knn", "fewshot", "centroid"})
"""Probes that read none of them; one of another package may read all."""


def unsaid(kind: str) -> frozenset[str]:
    """Return the options of a probe's group that keys and results do not have with a probe."""
    if kind == LINEAR:
        return NAMES
    return unread(kind) | NAMES - {"kind", *OPTIONS.get(kind, ())}


def unread(kind: str) -> frozenset[str]:
    """Return the options of trained heads that a probe does not read."""
    return OF_HEADS if kind in UNTRAINED else frozenset()


def check_read(given: Mapping[str, str], kinds: Collection[str]) -> None:
    """Check that some probe reads each option that is set by hand.

    Args:
        given: Where each was set, by ``group.key``.
        kinds: Names of the probes of all runs.

    Raises:
        SpecError: No probe reads one.
    """
    if not kinds:
        return
    nowhere = frozenset.intersection(*map(unread, kinds))
    for key, where in given.items():
        group, _, name = key.partition(".")
        if group == "probe" and name in nowhere:
            raise SpecError(
                f"{where}: probe {', '.join(sorted(kinds))} trains no head, and does not read it. "
                "Leave it out, or choose probe linear."
            )


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
