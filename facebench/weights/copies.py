"""Finds the copies of a backbone in a file: its tensors under one prefix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from facebench.errors import SpecError, StageError

TOP = "."  # what --prefix is where the tensors have none
_SHOWN = 8


@dataclass(frozen=True)
class Copy:
    """The tensors of the backbone that stand under one prefix.

    Args:
        prefix: What their names begin with, up to a dot; empty at the top.
        names: Name in the method -> name in the file.
    """

    prefix: str
    names: dict[str, str]


def find_copies(
    theirs: Iterable[str], wanted: Mapping[str, str], prefix: str | None = None
) -> list[Copy]:
    """Return what stands under each prefix, the longest prefix first.

    Args:
        theirs: Names of the tensors in the file.
        wanted: Name of a tensor without its prefix -> name in the method.
        prefix: Look under this one alone.
    """
    found: dict[str, dict[str, str]] = {}
    for name in theirs:
        for start in _starts(name):
            ours = wanted.get(name[start:])
            if ours is not None and prefix in (None, name[:start]):
                found.setdefault(name[:start], {}).setdefault(ours, name)
    return [Copy(start, found[start]) for start in sorted(found, key=lambda p: (-len(p), p))]


def complete(
    copies: Iterable[Copy], tensors: Mapping[str, Tensor], ours: Mapping[str, Tensor],
    needed: Iterable[str],
) -> list[Copy]:  # fmt: skip
    """Return the copies that have every tensor, of its shape, each once.

    The same tensors may stand under two prefixes, where the method declares several names.
    """
    wanted = list(needed)
    found: dict[tuple[str, ...], Copy] = {}
    for copy in copies:
        names = tuple(copy.names.get(name, "") for name in wanted)
        if all(
            name in tensors and tensors[name].shape == ours[own].shape
            for own, name in zip(wanted, names, strict=True)
        ):
            found.setdefault(names, copy)
    return list(found.values())


def one_of(
    copies: list[Copy], tensors: Mapping[str, Tensor], needed: Iterable[str], backbone: str
) -> Copy:
    """Return one of several complete copies, if they hold the same numbers.

    Raises:
        StageError: They do not; the message names the prefix of each.
    """
    first, *others = copies
    wanted = list(needed)
    different = [
        copy for copy in others
        if any(not _same(tensors[first.names[n]], tensors[copy.names[n]]) for n in wanted)
    ]  # fmt: skip
    if different:
        named = [f"'{copy.prefix or TOP}'" for copy in (first, *different)]
        raise StageError(
            f"{len(named)} sets of tensors fit the backbone {backbone}, with different values: "
            f"under {', '.join(named[:_SHOWN])} (student and teacher, online and target network, "
            f"or a moving average). Say which: --prefix {first.prefix or TOP}"
        )
    return first


def given_prefix(prefix: str, theirs: Iterable[str]) -> str:
    """Return the whole prefix that a user means, ending in a dot, or empty.

    Containers before it (``state_dict.``) may be left out, as the code that wrote the file does
    not name them.

    Raises:
        SpecError: No tensor has it, or several containers have tensors under it.
    """
    if prefix in ("", TOP):
        return ""
    asked = prefix.rstrip(".") + "."
    known = {name[:start] for name in theirs for start in _starts(name)}
    if asked in known:
        return asked
    inner = sorted(name for name in known if name.endswith(f".{asked}"))
    if len(inner) == 1:
        return inner[0]
    if inner:
        raise SpecError(
            f"--prefix {prefix}: is in {', '.join(inner[:_SHOWN])}; expected one of these. Give "
            "the whole of it."
        )
    near = difflib.get_close_matches(asked, sorted(known - {""}), n=1, cutoff=0.4)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    tops = sorted({name.split(".")[0] + "." for name in known if name})
    raise SpecError(
        f"--prefix {prefix}: no tensor's name begins so.{hint} They begin with "
        f"{', '.join(tops[:_SHOWN])}."
    )


def _starts(name: str) -> Iterable[int]:
    """Return where a name may begin after its prefix: at its start and behind each dot."""
    yield 0
    for place, letter in enumerate(name):
        if letter == ".":
            yield place + 1


def _same(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and bool((one == other).all())
