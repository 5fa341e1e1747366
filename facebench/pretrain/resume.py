"""Resume points of pretraining: the state at the end of an epoch, in memory and on the disk."""

from __future__ import annotations

import io
import pickle
import shutil
import signal
import time
import zipfile
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

from facebench.errors import StageError
from facebench.runtime.atomic import atomic_file
from facebench.runtime.stops import Stopped, claim_signals, leave_signals

RESUME_FILE = "resume.ckpt"

_LARGEST_PART = 0.02  # of the time of learning that keeping states in memory may take


class ResumeFile(TorchCheckpointIO):
    """Lightning's training state: kept in memory as the bytes of a file, which no kill leaves half
    written.

    Lightning would write into the system's folder for temporary files first, from where the file is
    moved in one step only if that is on the same disk.
    """  # noqa: D205

    def __init__(self) -> None:
        super().__init__()
        self.state = b""  # what was saved last

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Keep the state; :meth:`write` writes it."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        self.state = buffer.getvalue()

    def write(self, path: Path) -> None:
        """Write the state that was saved last under a temporary name beside ``path``, then rename.

        Raises:
            StageError: It cannot be written, since the disk is full for example; a file that was
                there stays.
        """
        try:
            with atomic_file(path) as temporary:
                temporary.write_bytes(self.state)
        except OSError as error:
            free = shutil.disk_usage(path.parent).free / 1e6
            raise StageError(
                f"{path}: the resume point cannot be written ({error.strerror}): it has "
                f"{len(self.state) / 1e6:,.1f} MB, {free:,.1f} MB are free. Make space and run the "
                "same command again; it goes on from the last resume point."
            ) from error

    def load_checkpoint(
        self, path: Any, map_location: Any = "cpu", weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Read tensors and plain values; whatever Lightning asks for, no code is unpickled.

        Raises:
            StageError: The file has something else in it, or is damaged.
        """
        try:
            _check_sums(Path(path))
            state: dict[str, Any] = torch.load(path, map_location=map_location, weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise StageError(
                f"{path}: cannot be read ({reason}); expected a resume point of tensors and plain "
                "values. Delete the file to pretrain from the start."
            ) from error
        return state


def _check_sums(path: Path) -> None:
    """Check the sums of all parts of a file that torch wrote, which torch does not read.

    Raises:
        BadZipFile: A part is not what was written, or the file is cut off.
    """
    with zipfile.ZipFile(path) as parts:
        damaged = parts.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"{damaged} changed since it was written")


class ResumePoints(Checkpoint):
    """Writes the state at the end of an epoch, if the last one on the disk is old enough.

    In between it keeps the state of the last epoch's end in memory, and writes that when a signal
    stops the process: at most the epoch that is under way is learned again. Where epochs are so
    short that keeping takes a fiftieth of their time, some ends of epochs are left out.

    A subclass of ``Checkpoint``, because Lightning runs those after the module's own epoch end.

    Args:
        path: Where it is written.
        minutes: Least age of the last one on the disk.
        file: The plugin of the trainer that keeps and writes the state.
    """

    def __init__(self, path: Path, minutes: float, file: ResumeFile) -> None:
        self.path, self.seconds, self.file = path, 60 * minutes, file
        self.written = self.kept = time.monotonic()
        self.cost = 0.0  # seconds that keeping the last state took
        self.epochs = 0  # learned in the state that a next run goes on from

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the signals back from Lightning, which ignores SIGTERM until a batch ends.

        Of several processes, the first one writes the state; the others must not end before.
        """
        self.epochs = trainer.current_epoch
        if trainer.global_rank == 0:
            claim_signals()
        else:
            leave_signals()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the state and write it, unless training has ended or the last one is recent."""
        if trainer.current_epoch + 1 == trainer.max_epochs:
            return
        # Each rank has a clock of its own, and saving is a barrier: the first rank decides for all.
        keep, write = trainer.strategy.broadcast(self._due())
        if not keep:
            return
        started = time.monotonic()
        trainer.save_checkpoint(self.path)
        self.kept = time.monotonic()
        self.cost, self.epochs = self.kept - started, trainer.current_epoch + 1
        if write:
            self._write(trainer)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Write the state in memory when a signal stops the process, and say where it goes on."""
        if not isinstance(exception, Stopped):
            return
        if self.kept > self.written:
            self._write(trainer)
        launcher: Any = trainer.strategy.launcher
        if hasattr(launcher, "kill"):  # the other ranks would wait for this one
            launcher.kill(signal.SIGKILL)
        now, last = trainer.current_epoch + 1, trainer.max_epochs
        exception.progress = (
            f"pretraining was in epoch {now} of {last}, and goes on from epoch "
            f"{self.epochs + 1} when it is run again"
        )

    def _due(self) -> tuple[bool, bool]:
        """Return whether the state is to be kept in memory, and whether to be written as well."""
        now = time.monotonic()
        write = now - self.written >= self.seconds
        return write or (now - self.kept) * _LARGEST_PART >= self.cost, write

    def _write(self, trainer: pl.Trainer) -> None:
        if trainer.is_global_zero and self.file.state:
            self.file.write(self.path)
        self.written = self.kept
