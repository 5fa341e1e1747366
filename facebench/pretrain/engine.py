"""The training engine: Lightning's trainer with resume points that are written atomically."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger
from torch.utils.data import DataLoader

from facebench.config.spec import PretrainSpec
from facebench.data.packed import Faces
from facebench.method import Method
from facebench.pretrain.allocator import keep_freed_memory
from facebench.pretrain.learner import Learner
from facebench.pretrain.narrow_convolutions import take_strides_first
from facebench.pretrain.order import Batches, EpochOrder, companions_of
from facebench.pretrain.resume import RESUME_FILE, ResumeFile, ResumePoints
from facebench.progress import Advance
from facebench.runtime.device import Precision
from facebench.runtime.stage import is_helper
from facebench.runtime.stops import stop_signals
from facebench.runtime.workspace import Workspace
from facebench.targets import Targets


def train(
    method: Method,
    faces: Faces,
    spec: PretrainSpec,
    *,
    seed: int,
    workspace: Workspace,
    precision: Precision,
    folder: Path,
    targets: Targets | None = None,
) -> dict[str, Any]:
    """Train ``method`` in place, continuing from the resume point in ``folder`` if there is one.

    Args:
        method: The method, initialised from the seed.
        faces: Training images.
        spec: Epochs, batch size, optimiser.
        seed: Seed of the order of the images and of the augmentation.
        workspace: Devices and progress reporter.
        precision: ``32`` or ``bf16`` (autocast).
        folder: Folder of the resume point and the logs.
        targets: The label of each image, for a method that learns from labels.

    Returns:
        ``history`` (a row per epoch: mean of each loss term, weights, learning rate, speed) and
        ``images_seen``.

    Raises:
        SpecError: There are not enough images for one batch.
        LearningError: A loss or a gradient is not finite any more.
        Stopped: A signal arrived; the end of the last epoch is in ``folder``.
    """
    world = workspace.devices * workspace.nodes
    per_step = spec.batch_size * method.batches_per_step
    resume = folder / RESUME_FILE
    keep_freed_memory()
    with _quiet():
        trainer = _trainer(spec, workspace, precision, folder)
        rank = trainer.global_rank
        order = EpochOrder(
            faces.identity, per_step, seed, spec.sampling, rank=rank, world=world,
            companions=companions_of(method.info, faces),
        )  # fmt: skip
        learner = Learner(method, spec, seed, len(order))
        loader = DataLoader(Batches(faces, targets), batch_size=None, sampler=order)
        method.to(memory_format=torch.channels_last)
        if workspace.device.type == "cpu":
            take_strides_first(method)
        with workspace.progress.bar("pretrain", spec.epochs * len(order), "batch") as advance:
            trainer.callbacks.append(ProgressCallback(advance, len(order)))  # type: ignore[attr-defined]
            with stop_signals():
                trainer.fit(learner, loader, ckpt_path=str(resume) if resume.exists() else None)
    if is_helper():  # only rank 0 writes the checkpoint and continues
        raise SystemExit(0)
    return {
        "history": learner.curves,
        "images_seen": spec.epochs * len(order) * per_step * method.info.frames_of_video,
    }


def _trainer(
    spec: PretrainSpec, workspace: Workspace, precision: Precision, folder: Path
) -> pl.Trainer:
    """Return Lightning's trainer with our resume points, without its own bars and samplers."""
    several = workspace.devices * workspace.nodes > 1
    file = ResumeFile()
    return pl.Trainer(
        accelerator="gpu" if workspace.device.type == "cuda" else workspace.device.type,
        devices=workspace.devices,
        num_nodes=workspace.nodes,
        precision="bf16-mixed" if precision == "bf16" else "32-true",
        max_epochs=spec.epochs,
        logger=_loggers(folder),
        callbacks=[ResumePoints(folder / RESUME_FILE, spec.checkpoint_minutes, file)],
        plugins=[file],
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        strategy="ddp_find_unused_parameters_true" if several else "auto",
    )


class ProgressCallback(Callback):
    """Advances a progress bar, one unit per batch."""

    def __init__(self, advance: Advance, batches: int) -> None:
        self.advance, self.batches = advance, batches

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any,
        batch_idx: int,
    ) -> None:  # fmt: skip
        """Report the number of batches done."""
        self.advance(trainer.current_epoch * self.batches + batch_idx + 1)


def _loggers(folder: Path) -> list[Logger]:
    """Return the loggers: CSV, and TensorBoard if it is installed."""
    loggers: list[Logger] = [CSVLogger(folder, name=None, version="csv")]
    try:
        loggers.append(TensorBoardLogger(str(folder), name=None, version="tensorboard"))
    except ModuleNotFoundError:
        logging.getLogger(__name__).debug("tensorboard is not installed; curves go to CSV only")
    return loggers


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress Lightning's banners and hints, which do not concern users of facebench."""
    talkers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    levels = [talker.level for talker in talkers]
    for talker in talkers:
        talker.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
            yield
    finally:
        for talker, level in zip(talkers, levels, strict=True):
            talker.setLevel(level)
