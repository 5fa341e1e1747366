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


def open_task_data(task: type[Task], options: Any, workspace: Workspace) -> Dataset:
    """Open a task's real data, or its stand-in."""
    return open_dataset(
        task(options), workspace.data, workspace.cache,
        synthetic=workspace.synthetic, progress=workspace.progress,
    )  # fmt: skip
