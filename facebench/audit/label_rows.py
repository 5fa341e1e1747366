"""Which labels may be learned from, so that a score on the evaluated task stays honest.

======================================= =======================================================
learned from                            images whose labels are learned from
======================================= =======================================================
a task with splits                      its training split, without the rows on which the probe's
                                        settings are chosen if that task is evaluated, too
a task with pairs (LFW)                 who is shown, of the people that are in none of its pairs
another task with folds (DISFA)         all, unless it is evaluated, too: each image is tested once
video frames, folders of people         who is shown
======================================= =======================================================

Where it is learned who is shown, people of the task's test are left out and counted, if both
sides name them (:mod:`facebench.audit.overlap`).
"""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facebench.audit.overlap import normal, tested_subjects
from facebench.data.dataset import Dataset
from facebench.data.sources import ON_TEST_PEOPLE, Source
from facebench.errors import DataError, SpecError
from facebench.evaluation.holdout import hold_out, split_rows
from facebench.method import MethodInfo
from facebench.protocol import no_training_labels, table_protocol
from facebench.targets import TargetForm, TargetKind, Targets
from facebench.task import TaskInfo

_log = logging.getLogger(__name__)

Bools = NDArray[np.bool_]


def labelled(
    source: Source,
    learned: Dataset | None,
    judged: Dataset,
    method: MethodInfo,
    *,
    holdout: float,
    seed: int,
) -> Source:
    """Return the images of a source whose labels may be learned from, with these labels.

    Args:
        source: The images, of :func:`facebench.data.sources.task_source` if they are a task's.
        learned: The task that they are of; None for other sources.
        judged: The task that is evaluated.
        method: The method that learns.
        holdout: ``probe.holdout``, the share of training items held out by the probe.
        seed: Seed of the run, with which the probe draws them.

    Raises:
        SpecError: Each image of the task is tested, so that none of its labels may be learned.
        DataError: The source has no such labels, or fewer than two classes or persons.
    """
    if learned is not None:
        refuse_test_labels(learned.task.info.name, judged, method.name)
    kind = _kind(source, learned, method)
    table = source.frames if learned is None else _rows(source, learned)
    targets = _targets(kind, table, None if learned is None else learned.task.info)
    keep, notes = _not_held_out(table, learned, judged, holdout, seed)
    if kind == "identities":
        apart, left_out = _not_tested(source, learned, judged)
        keep, notes = keep & apart, [*notes, *left_out]
    targets = targets.take(np.flatnonzero(keep))
    first = _check_enough(targets.form, source.name, method.name, notes)
    for note in (first, *notes):
        _log.info("%s: %s", method.name, note)
    kept = source.take(np.flatnonzero(keep))
    return replace(kept, targets=targets, warnings=(*source.warnings, first, *notes))


def _check_enough(form: TargetForm, source: str, method: str, notes: list[str]) -> str:
    """Return the note that says what is learned from; refuse what nothing can be learned from."""
    identities = form.kind == "identities"
    needed = 2 if form.kind in ("classes", "identities") else 0
    if form.images < 2 or sum(map(bool, form.counts)) < needed:
        raise DataError(
            f"'{method}': {source} has {form.images:,} images whose labels may be learned from; "
            f"expected images of two {'people' if identities else 'classes'} or more. "
            + "".join(f"Note: {note}. " for note in notes)
            + "Give other --pretrain-data."
        )
    if identities:
        return (
            f"learned from who of {form.outputs:,} people is in {form.images:,} images of {source}"
        )
    return f"learned from the {form.kind} of {form.images:,} training images of {source}"


def refuse_test_labels(learned: str, judged: Dataset, method: str) -> None:
    """Refuse labels of the images that a score is computed on.

    Args:
        learned: Name of the task whose labels are learned from.
        judged: The task that is evaluated.
        method: Name of the method.

    Raises:
        SpecError: It is the task that is evaluated, and each of its images is tested.
    """
    if learned == judged.task.info.name and (reason := no_training_labels(judged.task.info)):
        raise SpecError(f"'{method}' cannot be evaluated on labels that it learned from: {reason}")


def _kind(source: Source, learned: Dataset | None, method: MethodInfo) -> TargetKind:
    """Return the kind of label to learn from."""
    people = bool(source.subjects) or "identity" in source.frames
    kind: TargetKind | None = "identities" if people else None
    if learned is not None and method.needs == "labels":
        kind = table_protocol(learned.task.info.protocol).target_kind
    if kind is None or (kind == "identities" and not people):
        wanted = "the persons shown" if method.needs == "identities" else "labels"
        raise DataError(
            f"'{method.name}' learns from {wanted}: {source.name} has none; expected "
            "video:FOLDER or voxceleb (a folder for each person), or a task with "
            f"{'a subject column' if method.needs == 'identities' else 'a training split'}. Give "
            "such --pretrain-data."
        )
    return kind


def _rows(source: Source, learned: Dataset) -> pd.DataFrame:
    """Return the rows of a task's table that a source has, in its order."""
    table = learned.table.set_index("path", drop=False)
    return table.loc[source.frames["path"]].reset_index(drop=True)


def _not_held_out(
    table: pd.DataFrame, learned: Dataset | None, judged: Dataset, share: float, seed: int
) -> tuple[Bools, list[str]]:
    """Return which rows are not those on which the probe's settings are chosen, and a note.

    The draw is that of the probe as long as every image can be read. Images of a ``val`` split are
    not among the training images, and those of tasks with folds have no training split.
    """
    keep = np.ones(len(table), bool)
    protocol = table_protocol(judged.task.info.protocol)
    if learned is None or learned.task.info.name != judged.task.info.name or protocol.folded:
        return keep, []
    rows = split_rows(judged, np.ones(len(judged), bool))
    classes = protocol.target_kind == "classes"
    kinds = judged.table["label"].to_numpy(np.int64) if classes else None
    held = hold_out(judged.table, rows, share, seed, kinds=kinds).held
    keep = ~table["path"].isin(judged.table["path"].iloc[held]).to_numpy()
    count = int((~keep).sum())
    said = f"{count:,} training images are left out, on which the probe's settings are chosen"
    return keep, [said] if count else []


def _not_tested(
    source: Source, learned: Dataset | None, judged: Dataset
) -> tuple[Bools, list[str]]:
    """Return which images show no person of a test, and notes that count who was left out."""
    keep = np.ones(len(source), bool)
    notes = []
    who = np.array([normal(name) for name in source.subjects] or [""] * len(source))
    sides = {judged.task.info.name: judged}
    if learned is not None and table_protocol(learned.task.info.protocol).paired:
        sides[learned.task.info.name] = learned
    for dataset in sides.values():
        title = dataset.task.info.title
        if "subject" not in dataset.table:
            continue
        if not any(who):
            notes.append(f"{ON_TEST_PEOPLE} {title} are among them is not known")
            continue
        tested = sorted({normal(name) for name in tested_subjects(dataset)})
        shown = np.isin(who, tested)
        people, images = len(set(who[shown])), int(shown.sum())
        notes.append(f"{people:,} people of the test of {title} ({images:,} images) are left out")
        keep &= ~shown
    return keep, notes


def _targets(kind: TargetKind, table: pd.DataFrame, info: TaskInfo | None) -> Targets:
    if info is None or kind == "identities":
        column = "identity" if info is None else "subject"
        codes = pd.factorize(table[column].astype(str), sort=True)[0].astype(np.int64)
        return Targets("identities", (), codes)
    if kind == "classes":
        return Targets(kind, info.classes, table["label"].to_numpy(np.int64))
    return Targets(kind, info.targets, table[list(info.targets)].to_numpy(np.float32))
