"""Runs one spec from end to end: every stage that is not on disk, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from facebench.config.spec import ExtractSpec
from facebench.evaluation.protocol import check_items
from facebench.pipeline.stages import Stages, open_stages
from facebench.request.loaded import LoadedRun
from facebench.results.store import Result
from facebench.runtime.stage_record import reading_in_full
from facebench.runtime.workspace import Workspace


def run(
    loaded: LoadedRun,
    workspace: Workspace,
    beside: tuple[ExtractSpec, ...] = (),
    opened: Callable[[Stages], None] | None = None,
) -> Result:
    """Run one spec from end to end, and reuse the stages that are on disk.

    Args:
        loaded: The spec and the classes that it names.
        workspace: Folders, device and progress reporter.
        beside: Features that other runs will ask for, see :mod:`facebench.pipeline.passes`.
        opened: Called when the data are open, before any stage is looked for.

    Returns:
        The result, computed or read.

    Raises:
        FacebenchError: Data, options or a plugin are wrong; the message says what to change. Too
            few items to evaluate are an error before weights are learned or features extracted.
    """
    with reading_in_full(workspace.verify_cache):
        stages = replace(open_stages(loaded, workspace), beside=beside)
        if opened is not None:
            opened(stages)
        _check_items(stages, stages.checkpoint_folder())
        checkpoint = stages.checkpoint()
        _check_items(stages, stages.features_folder(checkpoint))
        features = stages.features(checkpoint)
        return stages.result(checkpoint, features)


def _check_items(stages: Stages, folder: Path) -> None:
    """Check that there is enough to evaluate, unless the stage that takes time is on disk."""
    if not folder.exists():
        if stages.alignment is not None:
            stages.alignment.check()
        check_items(stages.dataset, stages.spec.probe, seed=stages.spec.seed)
