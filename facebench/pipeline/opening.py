"""Opens the data of a run: the images of the task, and those to learn from."""

from __future__ import annotations

from typing import Any

from facebench.audit.label_rows import labelled
from facebench.data.dataset import Dataset, open_dataset
from facebench.data.frames import frames_for
from facebench.data.sources import Source, open_source, task_source
from facebench.request.loaded import LoadedRun
from facebench.runtime.workspace import Workspace
from facebench.task import Task


def open_pretraining_data(run: LoadedRun, workspace: Workspace, judged: Dataset) -> Source:
    """Open the images that a run learns from, with labels if its method needs them.

    Args:
        run: The spec and the classes that it names.
        workspace: Folders of data and stages, and progress reporter.
        judged: Opened dataset of the evaluated task, whose test labels are never learned from.

    Raises:
        FacebenchError: The data cannot be opened, or do not have what the method needs.
    """
    settings, task, info = run.spec.pretrain, run.learned_task, run.method.info
    learned = None
    if task is not None:
        options = run.spec.task_options if task is run.task else task.Options()
        learned = open_task_data(task, options, workspace)
        source = task_source(learned, labelled=info.labelled)
    else:
        source = open_source(
            settings.data, workspace.data, workspace.cache,
            synthetic=workspace.synthetic, progress=workspace.progress,
        )  # fmt: skip
    if info.labelled:
        source = labelled(
            source, learned, judged, info, holdout=run.spec.probe.holdout, seed=run.spec.seed
        )
    return frames_for(source, info, settings.limit)


def open_judged_data(run: LoadedRun, workspace: Workspace) -> Dataset:
    """Open the images that a run is evaluated on, those of its limit if it has one.

    A stand-in is rendered as a whole if the run learns from images of its task, too.

    Args:
        run: The spec and the classes that it names.
        workspace: Folders of data and stages, and progress reporter.

    Raises:
        FacebenchError: The data cannot be opened.
    """
    options, limit = run.spec.task_options, run.spec.limit
    if run.learns and run.learned_task is run.task:
        dataset = open_task_data(run.task, options, workspace)
        return dataset.limit(limit) if limit else dataset
    return open_task_data(run.task, options, workspace, limit=limit)


def open_task_data(
    task: type[Task], options: Any, workspace: Workspace, *, limit: int = 0
) -> Dataset:
    """Open a task's real data, or its stand-in; if asked, as many of them as a limit keeps."""
    return open_dataset(
        task(options), workspace.data, workspace.cache,
        synthetic=workspace.synthetic, limit=limit, progress=workspace.progress,
    )  # fmt: skip
