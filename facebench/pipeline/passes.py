"""Runs whose features come of one pass over the images: they differ in feature and judge alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from facebench.config.spec import ExtractSpec, ProbeSpec, RunSpec


def beside(specs: Iterable[RunSpec]) -> dict[RunSpec, tuple[ExtractSpec, ...]]:
    """Return, for each run, the features of other runs that its extraction can write as well.

    Args:
        specs: Runs in any order.
    """
    members: dict[RunSpec, list[RunSpec]] = defaultdict(list)
    for spec in specs:
        members[pass_of(spec)].append(spec)
    return {
        spec: tuple(dict.fromkeys(o.extract for o in others if o.extract != spec.extract))
        for others in members.values()
        for spec in others
    }


def pass_of(spec: RunSpec) -> RunSpec:
    """Return what runs of one pass share: weights, images, their size, and batches."""
    extract = replace(spec.extract, feature="", pool="flatten", dtype="float16")
    return replace(spec, extract=extract, probe=ProbeSpec(), dedup_test=False, preset="")
