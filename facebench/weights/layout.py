"""Chooses which tensors of a file are those of a method: as they are named, or under a prefix."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from torch import Tensor

from facebench.errors import StageError
from facebench.method import Foreign, Method
from facebench.timm_backbone import Timm
from facebench.weights.copies import Copy, complete, find_copies, given_prefix, one_of
from facebench.weights.foreign_file import ForeignFile
from facebench.weights.match import Match, expected_tensors, match
from facebench.weights.renames import Renamed, renamed

_LEAST = 0.5  # share of the backbone's tensors, below which a prefix is not looked into further


def find_layout(
    source: ForeignFile, method: Method, foreign: Foreign, backbone: str, prefix: str | None = None
) -> Match:
    """Match the tensors of a file with those of a method.

    In this order: by the names that the method declares, below wrappers that are known; under the
    longest prefix below which all tensors of the backbone match; with timm's own renames.

    Args:
        source: The file.
        method: Its backbone must be matched whole.
        foreign: How its authors name tensors.
        backbone: Name of the backbone, for errors.
        prefix: Where the backbone is; None: find it.

    Returns:
        A match; if none is whole, the one that has most tensors of the backbone.

    Raises:
        StageError: Two sets of tensors with different values fit.
        SpecError: The prefix is none of the file's.
    """
    ours = method.state_dict()
    needed = [name for name in expected_tensors(method) if name.startswith("backbone.")]
    wanted = _wanted(needed, foreign)
    if not needed:
        return match(source.tensors, method, foreign)
    as_named: Match | None = None
    with suppress(StageError):  # several models in one file
        as_named = match(source.tensors, method, foreign)
    asked = None if prefix is None else given_prefix(prefix, source.tensors)
    names = [*source.tensors, *source.opaque]
    copies = find_copies(names, wanted, asked)
    whole = complete(copies, source.tensors, ours, needed)
    if whole:
        chosen = one_of(whole, source.tensors, needed, backbone)
        if as_named is not None and _has(as_named, chosen, whole, asked):
            return replace(as_named, prefix=_prefix_of(as_named, whole))
        return _under(chosen, source, method, foreign)
    if as_named is not None and not _lacking(as_named, needed) and asked is None:
        return as_named
    _check_opaque(source, wanted, asked)
    found = _with_renames(source, method, backbone, needed, asked)
    return found or _nearest(source, method, foreign, as_named, copies, asked)


def _wanted(needed: list[str], foreign: Foreign) -> dict[str, str]:
    """Return each name that a tensor of the backbone may have -> its name in the method."""
    return {
        there + name.removeprefix(here): name
        for there, here in reversed(foreign.names)
        for name in needed
        if name.startswith(here)
    }


def _check_opaque(source: ForeignFile, wanted: Mapping[str, str], asked: str | None) -> None:
    """Refuse a file whose tensors of the backbone are no plain tensors.

    Raises:
        StageError: They need another object, which is not made.
    """
    for copy in find_copies(source.opaque, wanted, asked):
        name = next(iter(copy.names.values()))
        raise StageError(
            f"{name} is a tensor of the backbone only by {source.opaque[name]}, which is not run. "
            "Save plain tensors: torch.save(model.state_dict(), FILE)."
        )


def _has(found: Match, chosen: Copy, whole: list[Copy], asked: str | None) -> bool:
    """Whether the match by name took one of the copies, whose values are the same."""
    allowed = [chosen] if asked is not None else whole
    return any(
        all(found.matched.get(ours) == theirs for ours, theirs in copy.names.items())
        for copy in allowed
    )


def _prefix_of(found: Match, whole: list[Copy]) -> str:
    return next(
        copy.prefix for copy in whole
        if all(found.matched.get(ours) == theirs for ours, theirs in copy.names.items())
    )  # fmt: skip


def _lacking(found: Match, needed: list[str]) -> list[str]:
    return [name for name in needed if name not in found.matched]


def _under(copy: Copy, source: ForeignFile, method: Method, foreign: Foreign) -> Match:
    """Match what stands under one prefix."""
    inner = _stripped(source.tensors, copy.prefix)
    found = match(inner, method, foreign, wrapped=False)
    unused = {name: "" for name in source.tensors if not name.startswith(copy.prefix)}
    return replace(
        found,
        matched={ours: copy.prefix + theirs for ours, theirs in found.matched.items()},
        unused=unused | {copy.prefix + name: why for name, why in found.unused.items()},
        prefix=copy.prefix, searched=True,
    )  # fmt: skip


def _stripped(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _with_renames(
    source: ForeignFile, method: Method, backbone: str, needed: list[str], asked: str | None
) -> Match | None:
    """Match with the names of other code and the position embeddings of another size."""
    if not isinstance(method.backbone, Timm):
        return None
    ours = method.state_dict()
    timm_name, model = method.backbone.name, method.backbone.model
    here = "backbone.model."
    found: dict[str, Renamed] = {}
    for prefix in [asked] if asked is not None else _containers(source, len(needed)):
        for one in renamed(_stripped(source.tensors, prefix), timm_name, model):
            fits = (
                name.removeprefix(here) in one.tensors
                and one.tensors[name.removeprefix(here)].shape == ours[name].shape
                for name in needed
            )
            if all(fits):
                found[prefix] = one
                break
    if not found:
        return None
    values = {f"{p} {name}": t for p, one in found.items() for name, t in one.tensors.items()}
    copies = [Copy(p, {name: f"{p} {name.removeprefix(here)}" for name in needed}) for p in found]
    chosen = one_of(copies, values, needed, backbone)
    return _renamed_match(source, chosen.prefix, found[chosen.prefix], here, method)


def _renamed_match(
    source: ForeignFile, prefix: str, found: Renamed, here: str, method: Method
) -> Match:
    ours = method.state_dict()
    import timm

    wanted = [
        name for name, tensor in found.tensors.items()
        if here + name in ours and tensor.shape == ours[here + name].shape
    ]  # fmt: skip
    matched = {here + name: prefix + found.names.get(name, name) for name in wanted}
    taken = set(matched.values())
    return Match(
        matched=matched,
        missing=tuple(name for name in expected_tensors(method) if name not in matched),
        unused={name: "" for name in source.tensors if name not in taken},
        prefix=prefix, searched=True,
        renamed={here + name: found.names[name] for name in wanted if name in found.names},
        resampled={here + n: found.resampled[n] for n in wanted if n in found.resampled},
        values={here + name: found.tensors[name] for name in wanted},
        library=f"timm {timm.__version__}",
    )  # fmt: skip


def _containers(source: ForeignFile, count: int) -> list[str]:
    """Return the prefixes with so many tensors that the backbone may be under them, longest first.

    A part of a model has few; what holds a whole model has all.
    """
    held: dict[str, int] = {}
    for name in source.tensors:
        for place in [0, *(i + 1 for i, letter in enumerate(name) if letter == ".")]:
            held[name[:place]] = held.get(name[:place], 0) + 1
    found = [prefix for prefix, number in held.items() if number >= _LEAST * count]
    return sorted(found, key=lambda prefix: (-len(prefix), prefix))


def _nearest(
    source: ForeignFile, method: Method, foreign: Foreign, as_named: Match | None,
    copies: list[Copy], asked: str | None,
) -> Match:  # fmt: skip
    """Return the match with most tensors of the backbone, for the error that says what it lacks."""
    best = max(copies, key=lambda copy: len(copy.names), default=Copy(asked or "", {}))
    under = _under(best, source, method, foreign)
    if as_named is None or asked is not None:
        return under
    return max(
        as_named, under,
        key=lambda found: sum(name.startswith("backbone.") for name in found.matched),
    )  # fmt: skip
