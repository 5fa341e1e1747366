"""The training engine: Lightning's trainer with resume points that are written atomically."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger
from torch.utils.data import DataLoader

from facebench.config.spec import PretrainSpec
from facebench.data.packed import Faces
from facebench.errors import LearningError
from facebench.method import Method
from facebench.pretrain.augment.compiled import Compiler, compiled_views
from facebench.pretrain.batch_norm import synchronised
from facebench.pretrain.devices import alone_afterwards
from facebench.pretrain.learner import Learner
from facebench.pretrain.narrow_convolutions import take_strides_first
from facebench.pretrain.order import Batches, EpochOrder, companions_of
from facebench.pretrain.resume import RESUME_FILE, ResumeFile, ResumePoints
from facebench.progress import Advance
from facebench.runtime.allocator import keep_freed_memory
from facebench.runtime.device import Precision
from facebench.runtime.launch import launcher
from facebench.runtime.stops import ended_by_signals, stop_signals
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
    resume: Path | None = None,
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
        resume: The resume point to go on from if ``folder`` has none, of other devices.
        targets: The label of each image, for a method that learns from labels.

    Returns:
        ``history`` (a row per epoch: mean of each loss term, weights, learning rate, speed),
        ``images_seen``, ``devices``: how many learned, more than one number if learning was
        stopped and went on with another; and ``compiled``, if that was asked for.

    Raises:
        SpecError: There are not enough images for one batch, or the devices cannot share it.
        LearningError: A loss or a gradient is not finite any more.
        Stopped: A signal arrived; the end of the last epoch is in ``folder``.
    """
    world = workspace.devices * workspace.nodes
    per_step = spec.batch_size * method.batches_per_step
    compiler = _compiler(spec, workspace)
    own = folder / RESUME_FILE
    point = own if own.exists() else resume
    keep_freed_memory()
    with _quiet(), alone_afterwards():
        trainer = _trainer(spec, workspace, precision, folder)
        rank = trainer.global_rank
        order = EpochOrder(
            faces.identity, per_step, seed, spec.sampling, rank=rank, world=world,
            companions=companions_of(method.info, faces),
        )  # fmt: skip
        learner = Learner(method, spec, seed, len(order), devices=world)
        loader = DataLoader(
            Batches(faces, targets), batch_size=None, sampler=order,
            pin_memory=workspace.device.type == "cuda",  # the host does not wait for the copy
        )  # fmt: skip
        method.to(memory_format=torch.channels_last)
        if workspace.device.type == "cpu":
            take_strides_first(method)
        with workspace.progress.bar("pretrain", spec.epochs * len(order), "batch") as advance:
            trainer.callbacks.append(ProgressCallback(advance, len(order)))  # type: ignore[attr-defined]
            with (
                stop_signals(),
                ended_by_signals() if world > 1 else nullcontext(),  # ResumePoints claims them
                _normalising(method, spec, world), _said_once(rank),
                compiled_views(compiler),
            ):  # fmt: skip
                trainer.fit(learner, loader, ckpt_path=None if point is None else str(point))
    if rank:  # only the first process writes the checkpoint and continues
        raise SystemExit(0)
    return {
        "history": learner.curves,
        "devices": learner.devices,
        "images_seen": spec.epochs * len(order) * per_step * method.info.frames_of_video,
        **({} if compiler is None else {"compiled": compiler.record()}),
    }


def _trainer(
    spec: PretrainSpec, workspace: Workspace, precision: Precision, folder: Path
) -> pl.Trainer:
    """Return Lightning's trainer with our resume points, without its own bars and samplers."""
    several = workspace.devices * workspace.nodes > 1
    file = ResumeFile()
    plugins: list[Any] = [file]
    by = launcher() if several else ""
    if by == "srun":
        plugins.append(SLURMEnvironment(auto_requeue=False))
    elif by == "":
        plugins.append(LightningEnvironment())  # else it might take a batch script for an srun
    return pl.Trainer(
        accelerator="gpu" if workspace.device.type == "cuda" else workspace.device.type,
        devices=workspace.devices if workspace.device.index is None else [workspace.device.index],
        num_nodes=workspace.nodes,
        precision="bf16-mixed" if precision == "bf16" else "32-true",
        max_epochs=spec.epochs,
        logger=_loggers(folder),
        callbacks=[ResumePoints(folder / RESUME_FILE, spec.checkpoint_minutes, file)],
        plugins=plugins,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        strategy="ddp_find_unused_parameters_true" if several else "auto",
    )


def _compiler(spec: PretrainSpec, workspace: Workspace) -> Compiler | None:
    """Return what compiles augmentation, if that is wanted."""
    if spec.compile == "off":
        return None
    refused = ""
    if workspace.devices * workspace.nodes > 1:
        refused = "several devices learn together, each with its share of the draws"
    elif spec.compile == "graphs" and workspace.device.type != "cuda":
        refused = f"CUDA graphs need a GPU, and the device is {workspace.device.type}"
    return Compiler(spec.compile, refused)


def _normalising(
    method: Method, spec: PretrainSpec, world: int
) -> AbstractContextManager[int | None]:
    """Return a block in which batch statistics are those of all devices, if that is wanted."""
    return synchronised(method) if world > 1 and spec.sync_batchnorm else nullcontext()


@contextmanager
def _said_once(rank: int) -> Iterator[None]:
    """Leave it to the first process to say that learning failed, since it does in all of them."""
    try:
        yield
    except LearningError:
        if rank:
            raise SystemExit(2) from None
        raise


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
