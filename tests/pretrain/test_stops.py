"""What stops pretraining (a signal, a loss that is not finite, a full disk), and what is kept."""

import errno
import math
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from test_engine import SPEC, build, learn

from facebench.errors import LearningError, StageError
from facebench.method import Terms
from facebench.pretrain import divergence, resume
from facebench.pretrain.divergence import FiniteTerms, check_gradient
from facebench.pretrain.learner import Learner
from facebench.pretrain.resume import RESUME_FILE, ResumeFile, ResumePoints
from facebench.runtime.stops import Interrupted, Stopped, stop_signals

# No resume point is due for a week, so that one on the disk is that of the stop.
SELDOM = replace(SPEC, checkpoint_minutes=10080)


@pytest.mark.usefixtures("interrupts")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_the_end_of_the_last_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signum: int
) -> None:
    """The signal arrives in the second batch of the third epoch."""
    monkeypatch.setattr(resume, "_LARGEST_PART", math.inf)  # epochs of milliseconds are kept, too
    step, before = Learner.training_step, signal.getsignal(signal.SIGTERM)

    def stopping(self: Learner, batch: torch.Tensor, batch_index: int) -> None:
        if self.current_epoch == 2 and batch_index == 1:
            os.kill(os.getpid(), signum)
        step(self, batch, batch_index)

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "training_step", stopping)
        with pytest.raises(Stopped) as stop:
            learn(build(), SELDOM, tmp_path / "stopped")
    assert stop.value.code == 128 + signum
    assert "was in epoch 3 of 4, and goes on from epoch 3" in stop.value.line
    assert signal.getsignal(signal.SIGTERM) is before
    whole, resumed = build(), build()
    learn(whole, SELDOM, tmp_path / "whole")
    assert not (tmp_path / "whole" / RESUME_FILE).exists()
    epochs: list[int] = []
    monkeypatch.setattr(Learner, "on_train_epoch_start", _noting(epochs))
    learn(resumed, SELDOM, tmp_path / "stopped")
    assert epochs == [2, 3]
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


@pytest.mark.usefixtures("interrupts")
def test_a_notebook_goes_on_after_an_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends what runs, with a line; SIGTERM still ends the process."""
    monkeypatch.setattr(sys, "ps1", "In: ", raising=False)
    with pytest.raises(KeyboardInterrupt) as stop, stop_signals():
        os.kill(os.getpid(), signal.SIGINT)
    assert isinstance(stop.value, Interrupted)
    said = "stopped by SIGINT: the same command goes on with what is missing"
    assert stop.value._render_traceback_() == [said]
    with pytest.raises(Interrupted), stop_signals():
        _interrupted_twice()
    with pytest.raises(Stopped), stop_signals():
        os.kill(os.getpid(), signal.SIGTERM)


def _interrupted_twice() -> None:
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        with pytest.raises(KeyboardInterrupt):  # and not the end of the process
            os.kill(os.getpid(), signal.SIGINT)


def _noting(epochs: list[int]) -> Any:
    start = Learner.on_train_epoch_start

    def noting(self: Learner) -> None:
        epochs.append(self.current_epoch)
        start(self)

    return noting


def test_the_first_rank_decides_when_a_resume_point_is_due(tmp_path: Path) -> None:
    """Saving is a barrier: a rank that follows its own clock would wait for ever."""

    class Strategy:
        def broadcast(self, decision: tuple[bool, bool]) -> tuple[bool, bool]:
            assert decision == (True, True)  # by this rank's clock
            return False, False  # by that of the first

    class Trainer:
        current_epoch, max_epochs, strategy = 0, 2, Strategy()

        def save_checkpoint(self, path: Path) -> None:
            raise AssertionError("saves alone")

    points: Any = ResumePoints(tmp_path / RESUME_FILE, 0, ResumeFile())
    points.on_train_epoch_end(Trainer(), None)


def test_a_loss_that_is_not_finite_stops_in_its_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = build()
    calls: list[int] = []
    loss = method.loss

    def diverging(views: Any, generator: torch.Generator) -> Terms:
        calls.append(1)
        (term,) = loss(views, generator).values()
        return {"L_contrast": term * (math.inf if len(calls) == 5 else 1)}

    monkeypatch.setattr(method, "loss", diverging)
    message = (
        r"epoch 2 of 4, batch 2 of 3: the loss term L_contrast is inf\. .*pretrain\.lr .*0\.001"
    )
    with pytest.raises(LearningError, match=message):
        learn(method, SPEC, tmp_path)
    assert len(calls) == 5
    state = ResumeFile().load_checkpoint(tmp_path / RESUME_FILE)
    assert state["epoch"] == 0  # counted from 0: the end of the first
    assert all(torch.isfinite(w).all() for w in state["state_dict"].values())


@pytest.mark.parametrize("norm", [math.inf, math.nan])
def test_a_gradient_that_destroys_the_weights_is_named(norm: float) -> None:
    check_gradient(1e30, SPEC, 1)
    with pytest.raises(
        LearningError, match=rf"epoch 2 of 4: the norm .* is {norm}\. .*it is 0\.001"
    ):
        check_gradient(norm, SPEC, 1)


def test_on_a_device_losses_are_looked_at_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terms that are not on the CPU are copied once in an interval, and the first is named."""
    monkeypatch.setattr(divergence, "_INTERVAL", 3)
    monkeypatch.setattr(torch.Tensor, "device", torch.device("cuda"))
    terms = FiniteTerms(SPEC, 6)
    looks: list[int] = []
    monkeypatch.setattr(torch.Tensor, "tolist", _counted(torch.Tensor.tolist, looks))
    weight = torch.ones(1, requires_grad=True).sum()
    for batch in range(4):
        terms.add({"L_a": weight, "L_b": weight}, 0, batch)
    assert len(looks) == 1
    terms.add({"L_a": weight, "L_b": weight * math.nan}, 0, 4)
    with pytest.raises(LearningError, match="batch 5 of 6: the loss term L_b is nan"):
        terms.add({"L_a": weight * math.nan, "L_b": weight}, 0, 5)
    assert len(looks) == 2


def _counted(function: Any, calls: list[int]) -> Any:
    def counted(self: torch.Tensor) -> Any:
        calls.append(1)
        return function(self)

    return counted


def test_a_full_disk_keeps_the_last_resume_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, path = ResumeFile(), tmp_path / "point"
    file.save_checkpoint({"epoch": 1}, path)
    file.write(path)
    file.save_checkpoint({"epoch": 2}, path)

    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StageError, match=r"point: .*No space left .* MB are free\. Make space"):
        file.write(path)
    assert ResumeFile().load_checkpoint(path) == {"epoch": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["point"]
