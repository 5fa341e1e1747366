"""Runs a stored result again from its checkpoint, and says whether the same comes out.

Features are extracted and evaluated again in a temporary folder. Pretraining is not repeated: the
weights are those of the result if they have its digest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from facebench.audit.leak_search import find_leaks
from facebench.data.finding import find_real
from facebench.errors import SpecError, StageError
from facebench.evaluation.judgement import Judgement
from facebench.evaluation.protocol import judge, judging
from facebench.pipeline.stages import Stages, open_stages
from facebench.registry import Registry
from facebench.request.loaded import LoadedRun
from facebench.results.record import Record
from facebench.results.records import judgement_record
from facebench.results.saved_method import find_checkpoint
from facebench.results.saved_spec import saved_run
from facebench.results.scores import KINDS
from facebench.results.store import Result
from facebench.runtime.differences import MISSING, Difference, differences
from facebench.runtime.stage_record import reading_in_full
from facebench.runtime.workspace import Workspace
from facebench.synth.marker import MARKER
from facebench.weights.checkpoint import Checkpoint


@dataclass(frozen=True)
class Origin:
    """One thing that a result rests on.

    Args:
        name: ``dataset``, ``weights``, or a version.
        stored: As the result says.
        found: As it is here.
    """

    name: str
    stored: Any
    found: Any

    @property
    def same(self) -> bool:
        """Return whether it is the same here."""
        return bool(self.stored == self.found)


@dataclass(frozen=True)
class Reproduction:
    """What came out.

    Args:
        origins: What the result rests on; where the dataset is another one, nothing else was run.
        compared: How many numbers were compared.
        differing: Those that differ by more than the tolerance; the largest difference first.
        largest: The largest difference of all, however small; None if all numbers are equal.
        same_rows: Predictions that are exactly the same.
        rows: Predictions of the stored result.
        tolerance: By how much numbers may differ.
    """

    origins: tuple[Origin, ...]
    compared: int = 0
    differing: tuple[Difference, ...] = ()
    largest: Difference | None = None
    same_rows: int = 0
    rows: int = 0
    tolerance: float = 0.0

    @property
    def reproduced(self) -> bool:
        """Return whether the result holds here."""
        return all(o.same for o in self.origins) and self.compared > 0 and not self.differing


def reproduce(
    result: Result,
    workspace: Workspace,
    registry: Registry,
    *,
    checkpoint: Path | None = None,
    tolerance: float = 0.0,
) -> Reproduction:
    """Run a result again from its checkpoint.

    Args:
        result: A stored one.
        workspace: Its cache holds the checkpoint, and is where stand-ins of datasets are kept;
            nothing else is written there.
        registry: Where method, backbone and task are found.
        checkpoint: Folder of the checkpoint, where it is not in the cache.
        tolerance: By how much numbers may differ.

    Raises:
        SpecError: The tolerance is negative, or an option is unknown here.
        StageError: The checkpoint is nowhere.
        DataError: The dataset is nowhere.
    """
    if not tolerance >= 0:
        raise SpecError(f"--tolerance is {tolerance}; expected 0 or more.")
    record = result.record
    run = saved_run(record.spec, registry)
    spec = run.spec
    where = str(checkpoint) if checkpoint else _checkpoint_folder(result, workspace.cache)
    workspace = replace(workspace, data=data_of(record, run, workspace))
    with TemporaryDirectory(prefix="facebench-verify-") as folder:
        scratch = replace(workspace, cache=Path(folder), results=Path(folder))
        opened = open_stages(run.with_spec(checkpoint=where), workspace)
        stages = replace(opened, workspace=scratch)
        with reading_in_full():
            found = stages.checkpoint()
        origins = tuple(_origins(record, stages, found))
        if record.task.fingerprint != stages.dataset.fingerprint:
            return Reproduction(origins, tolerance=tolerance)
        judgement = judge(
            stages.dataset, stages.features(found), spec.probe,
            seed=spec.seed, progress=workspace.progress,
        )  # fmt: skip
        leaks = None
        if spec.dedup_test:
            leaks = find_leaks(stages.dataset, workspace.cache, workspace.progress)
        again = judgement_record(judgement, leaks)
    return _compared(result, judgement, again, origins, tolerance)


def data_of(record: Record, run: LoadedRun, workspace: Workspace) -> Path | None:
    """Return the data folder; none for a synthetic result, unless stand-ins lie in it."""
    if not record.task.synthetic or workspace.data is None:
        return workspace.data
    root = find_real(run.task(run.spec.task_options), workspace.data)
    return workspace.data if root is not None and (root / MARKER).is_file() else None


def _checkpoint_folder(result: Result, cache: Path) -> str:
    """Return the folder of the result's checkpoint; none where nothing was learned.

    Raises:
        StageError: It is gone, and would have to be learned again.
    """
    try:
        return str(find_checkpoint(result.path, cache).folder)
    except StageError:
        if _learned(result):
            raise
        return ""  # the seed makes it again


def _learned(result: Result) -> bool:
    pretrain = result.record.pretrain
    return pretrain.data is not None or pretrain.imported is not None


def _origins(record: Record, stages: Stages, checkpoint: Checkpoint) -> Iterator[Origin]:
    info, task = stages.run.method.info, stages.dataset.task.info
    yield Origin("dataset", record.task.fingerprint, stages.dataset.fingerprint)
    yield Origin("weights", record.stages.weights_digest, checkpoint.weights_digest)
    yield Origin("version of the method", record.method.version, info.version)
    yield Origin("version of the task", record.task.version, task.version)
    protocol = judging(task, stages.spec.probe)
    yield Origin("protocol", list(record.task.protocol), [protocol.name, protocol.version])


def _compared(
    result: Result,
    judgement: Judgement,
    again: dict[str, Any],
    origins: tuple[Origin, ...],
    tolerance: float,
) -> Reproduction:
    """Compare every number that the stored result has."""
    keys = ("scores", "floors", "n_test", "n_scored")
    before, new = ({key: record[key] for key in keys} for record in (result.record.plain(), again))
    if not result.record.drawn_alike:
        _drop_intervals(before["scores"])
    every = [found for found in differences(before, new) if found.left != MISSING]
    every.sort(key=lambda found: -found.size)
    predictions = result.predictions
    return Reproduction(
        origins,
        compared=_numbers(before),
        differing=tuple(found for found in every if found.size > tolerance),
        largest=every[0] if every else None,
        same_rows=_same_rows(
            predictions, judgement.predictions, hidden=result.record.task.names is not None
        ),
        rows=len(predictions),
        tolerance=tolerance,
    )


def _drop_intervals(scores: dict[str, Any]) -> None:
    """Remove intervals of an earlier format, which are of other draws."""
    for level in (scores, *(scores.get("without_leaks") or {}).values()):
        for kind in KINDS:
            del level[kind]["intervals"]


def _same_rows(stored: pd.DataFrame, new: pd.DataFrame, *, hidden: bool) -> int:
    """Count equal rows; a column that an earlier version did not store is not compared.

    Where names of files and people are hidden, their columns are not compared either.
    """
    if hidden:
        stored = stored.drop(columns=["path", "subject"], errors="ignore")
    if len(stored) != len(new) or not set(stored) <= set(new):
        return 0
    same = [stored[name].to_numpy() == new[name].to_numpy() for name in stored]
    return int(pd.DataFrame(same).all().sum())


def _numbers(tree: Any) -> int:
    """Count the leaves of a tree."""
    if isinstance(tree, (dict, list)):
        return sum(_numbers(item) for item in (tree.values() if isinstance(tree, dict) else tree))
    return 1
