"""Processes that stay and learn in 64 bits: two that learn together, and one that learns alone."""

from __future__ import annotations

import logging
import os
import socket
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from started import CONTEXT
from torch import Tensor, nn

from facebench.backbones import Backbone, NoBackbone, act, conv
from facebench.config.spec import PretrainSpec
from facebench.errors import PluginError
from facebench.method import Method
from facebench.pretrain.engine import train
from facebench.pretrain.learner import Learner
from facebench.registry import Registry
from facebench.runtime.workspace import Workspace
from facebench.targets import TargetKind
from facebench.testing.learning_check import RandomFaces
from facebench.testing.networks import TwoBlocks
from facebench.testing.random_labels import random_targets
from facebench.weights.build import make_heads

FLOOR = 1e-6  # of the norm of all tensors: a smaller tensor is compared with this


class Normalised(Backbone):
    """A tiny backbone with batch normalisation: ``[B, 8, S/8, S/8]``."""

    channels = 8

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv(3, 8, kernel=7, stride=4), nn.BatchNorm2d(8), act(), conv(8, 8, stride=2)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the feature map of ``[B, 3, S, S]`` images."""
        return self.layers(images)  # type: ignore[no-any-return]


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What is to be learned: three steps, one or more in an epoch.

    Args:
        method: Name of the method.
        options: Options that differ from their defaults.
        spec: Optimiser and schedule; ``batch_size`` is that of all devices.
        kind: Kind of the labels, if the method learns from labels.
        steps: Batches of an epoch.
        seed: Seed of the weights and of all draws.
        stop: Epoch at whose start learning ends with an error, counted from 0.
        plugins: Files that the method may be in.
    """

    method: str
    options: dict[str, Any]
    spec: PretrainSpec = PretrainSpec(  # noqa: RUF009 - frozen
        epochs=3, batch_size=8, image_size=16, lr=1e-3, checkpoint_minutes=1000
    )
    kind: TargetKind | None = None
    steps: int = 1
    seed: int = 0
    stop: int | None = None
    plugins: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Learned:
    """The gradient of each step, by parameter, the weights and buffers, and the curves."""

    gradients: list[dict[str, Tensor]]
    state: dict[str, Tensor]
    curves: list[dict[str, float]]


def learn(lesson: Lesson, devices: int, folder: Path) -> Learned:
    """Learn with the engine of a run."""
    folder.mkdir(exist_ok=True)
    cls = Registry(lesson.plugins).load("method", lesson.method)
    options = replace(cls.Options(), **{**cls.info.small, **cls.info.offline, **lesson.options})
    torch.manual_seed(lesson.seed)
    method: Method = cls(_backbone(cls), options, lesson.spec.image_size)
    method.load_published()
    frames = max(2, cls.info.frames)
    count = lesson.spec.batch_size * method.batches_per_step * lesson.steps
    if cls.info.needs == "frames":  # two places of each track have all frames after or before them
        count = count * frames // 2
    faces = RandomFaces(count, frames, lesson.spec.image_size)
    targets = None if lesson.kind is None else random_targets(lesson.kind, len(faces))
    if targets is not None:
        make_heads(method, targets.form, seed=lesson.seed)
    method.double()
    workspace = Workspace(
        cache=folder, results=folder, data=None, device=torch.device("cpu"), devices=devices
    )
    gradients: list[dict[str, Tensor]] = []
    norm = Learner._gradient_norm

    def noting(self: Learner) -> Tensor:
        named = method.named_parameters()
        gradients.append({n: p.grad.clone() for n, p in named if p.grad is not None})
        return norm(self)

    Learner._gradient_norm = noting  # type: ignore[method-assign]
    learner: list[Learner] = []
    start = Learner.on_train_epoch_start

    def keeping(self: Learner) -> None:
        learner[:] = [self]
        if self.current_epoch == lesson.stop:
            raise InterruptedError
        start(self)

    Learner.on_train_epoch_start = keeping  # type: ignore[method-assign]
    try:
        train(
            method, faces, lesson.spec,
            seed=lesson.seed, workspace=workspace, precision="32", folder=folder, targets=targets,
        )  # fmt: skip
    except (SystemExit, InterruptedError):  # as a further process of a run ends; as asked for
        pass
    finally:
        Learner._gradient_norm = norm  # type: ignore[method-assign]
        Learner.on_train_epoch_start = start  # type: ignore[method-assign]
    state = {name: tensor.clone() for name, tensor in method.state_dict().items()}
    return Learned(gradients, state, learner[0].curves)


def refusal(lesson: Lesson, devices: int, folder: Path) -> str:
    """Return the line that a lesson is refused with; empty: it is learned."""
    try:
        learn(lesson, devices, folder)
    except PluginError as error:
        return str(error)
    return ""


def largest_difference(first: dict[str, Tensor], second: dict[str, Tensor]) -> float:
    """Return the largest relative difference of two sets of tensors, tensor by tensor."""
    assert first.keys() == second.keys()
    whole = sum(float(x.double().square().sum()) for x in first.values()) ** 0.5
    differences: list[float] = [
        float((x.double() - second[name].double()).norm())
        / max(float(x.double().norm()), FLOOR * whole)
        for name, x in first.items()
    ]
    return max(differences)


class Processes:
    """Two processes that learn together, and a third that learns alone.

    Args:
        folder: Folder for what they write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._lessons = folder, 0
        self._pipes: list[Connection] = []
        self._processes: list[Any] = []
        self._start()

    def _start(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        for rank in (0, 1, None):
            here, there = CONTEXT.Pipe()
            process = CONTEXT.Process(target=_serve, args=(there, rank, port), daemon=True)
            process.start()
            self._pipes.append(here)
            self._processes.append(process)

    def learn(self, lesson: Lesson) -> tuple[Learned, Learned, Learned]:
        """Return what the two learned together, and what the third learned alone."""
        self._lessons += 1
        together, alone = (self._folder / f"{self._lessons}.{n}" for n in (2, 1))
        pipes = self._pipes
        _ask(pipes[:2], learn, lesson, 2, together)
        _ask(pipes[2:], learn, lesson, 1, alone)
        first, second, third = self._answers(pipes)
        return first, second, third

    def learn_in(self, folder: Path, lesson: Lesson, devices: int) -> list[Learned]:
        """Return what one process, or each of two, learned in a folder that may have a state."""
        pipes = self._pipes[:2] if devices == 2 else self._pipes[2:]
        _ask(pipes, learn, lesson, devices, folder)
        return self._answers(pipes)

    def refusals(self, folder: Path, lesson: Lesson) -> list[str]:
        """Return how a lesson is refused by two processes, and by one."""
        _ask(self._pipes[:2], refusal, lesson, 2, folder / "2")
        _ask(self._pipes[2:], refusal, lesson, 1, folder / "1")
        return self._answers(self._pipes)

    def call(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Return what a function gives in the two processes, with a process group of both."""
        _ask(self._pipes[:2], _grouped, function, arguments)
        return self._answers(self._pipes[:2])

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
            process.join()
        self._pipes, self._processes = [], []

    def _answers(self, pipes: Sequence[Connection]) -> list[Any]:
        """Return what the processes send; after an error in one they are started anew."""
        try:
            return [_answer(pipe) for pipe in pipes]
        except AssertionError:
            self.close()
            self._start()
            raise


def _ask(pipes: Sequence[Connection], function: Callable[..., Any], *arguments: Any) -> None:
    for pipe in pipes:
        pipe.send((function, arguments))


def _answer(pipe: Connection) -> Any:
    assert pipe.poll(600), "no answer in ten minutes"
    good, answer = pipe.recv()
    assert good, answer
    return answer


def _grouped(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    torch.distributed.init_process_group("gloo")
    try:
        return function(*arguments)
    finally:
        torch.distributed.destroy_process_group()


def _serve(pipe: Connection, rank: int | None, port: int) -> None:
    """Call what arrives and send what it gives; 64 bits everywhere."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]
    logging.disable(logging.WARNING)
    if rank is not None:
        os.environ.update(
            LOCAL_RANK=str(rank), RANK=str(rank), NODE_RANK="0", WORLD_SIZE="2",
            MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port),
        )  # fmt: skip
    while True:
        function, arguments = pipe.recv()
        try:
            pipe.send((True, function(*arguments)))
        except BaseException:
            pipe.send((False, traceback.format_exc()))


def _backbone(cls: type[Method]) -> Backbone:
    if not cls.info.backbone:
        return NoBackbone()
    return TwoBlocks() if cls.info.transformer else Normalised()
