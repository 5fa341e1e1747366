"""Runs whose features come of one pass over the images: they differ in feature and probe alone."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from facebench.config.spec import ExtractSpec, ProbeSpec, RunSpec
from facebench.errors import ModelError, PluginError, StageError

if TYPE_CHECKING:  # it needs torch
    from facebench.evaluation.extract import Wanted

_log = logging.getLogger(__name__)


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


def in_one_pass(write: Callable[[Sequence[Wanted]], None], beside: Sequence[Wanted]) -> None:
    """Write a feature and others by one pass, or the feature alone where that fails.

    A feature that a model lacks, or that is not finite, must not cost a run of another feature its
    result; it is reported by its own run.

    Args:
        write: Writes the feature, and the others that it is given.
        beside: The others.

    Raises:
        FacebenchError: The feature cannot be extracted by itself, or an image cannot be read.
    """
    try:
        write(beside)
    except (ModelError, PluginError, StageError) as error:
        if not beside:
            raise
        _log.warning("%s Each feature is extracted by a pass of its own.", error)
        write(())
