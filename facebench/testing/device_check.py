"""Checks that a method runs on a GPU, and that no step of pretraining waits for it.

On a device without values (:mod:`facebench.testing.fake_device`), so that no GPU is needed: the
views, the loss, its gradients and the optimiser step, by the code of every run, and all features.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from facebench.config.spec import PretrainSpec
from facebench.errors import PluginError
from facebench.method import Method
from facebench.pretrain.learner import Learner
from facebench.runtime.device import Precision, autocast
from facebench.targets import LabelledImages
from facebench.testing.device_events import Event
from facebench.testing.fake_device import DEVICE, DependsOnValuesError, FakeDevice, fake_device

COPIES = 1  # of draws in a step


class _Steps(Learner):
    """The learner of every run, without Lightning's trainer."""

    def __init__(self, method: Method, spec: PretrainSpec) -> None:
        super().__init__(method, spec, 0, 100)
        (self.adam,), _ = self.configure_optimizers()

    current_epoch: Any = 0
    global_rank: Any = 0

    def optimizers(self, use_pl_optimizer: bool = True) -> Any:
        """Return Adam."""
        return self.adam

    def manual_backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Compute the gradients."""
        loss.backward()


def step_events(
    device: FakeDevice,
    method: Method,
    faces: Tensor,
    targets: Tensor | None = None,
    precision: Precision = "bf16",
    spec: PretrainSpec | None = None,
    between: Callable[[], None] | None = None,
) -> list[Event]:
    """Return what a step of pretraining does on the device, after a first one.

    Args:
        device: The device without values, within its context.
        method: A method with its heads, on the CPU; its weights move to the device.
        faces: The images of a batch, uint8 ``[B, 3, S, S]``.
        targets: Their labels, for a method that learns from labels.
        precision: ``32`` or ``bf16``.
        spec: Optimiser; by default the settings of the paper.
        between: Called between the first step and the one that is returned.

    Raises:
        PluginError: Operands are on different devices, or a size depends on values.
    """
    images = faces.to(DEVICE)
    batch = images if targets is None else LabelledImages(images, targets.to(DEVICE))
    method.to(DEVICE).train()
    learner = _Steps(method, spec or PretrainSpec())
    learner.on_train_epoch_start()
    with autocast(DEVICE, precision), _Named(method, "a step of pretraining"):
        learner.training_step(batch, 0)  # makes the optimiser's state and learns what is drawn
        first = len(device.events)
        if between is not None:
            between()
        learner.training_step(batch, 1)
    return device.events[first:]


def check_step(method: Method, events: Sequence[Event]) -> str:
    """Check that a step waits for nothing and copies its draws at once; return what it does.

    Raises:
        PluginError: It does not; names the lines of code that wait or copy.
    """
    waits = Counter(f"{e.where} ({e.operation})" for e in events if e.kind == "wait")
    if waits:
        raise _broken(
            method,
            f"a step of pretraining waits for the GPU {waits.total()} times: {_listed(waits)}",
            "none: keep values on the device as tensors, without .item(), float(), .cpu() or "
            "boolean indexing",
        )
    copies = Counter(f"{e.where} ({e.bytes} bytes)" for e in events if e.kind == "copy")
    if copies.total() > COPIES:
        raise _broken(
            method,
            f"a step of pretraining copies to the GPU {copies.total()} times: {_listed(copies)}",
            "one copy, of all draws: draw with facebench.pretrain.augment.draws, and keep "
            "constants in buffers",
        )
    slow = [e.where for e in events if e.kind == "copy" and not e.pinned]
    if slow:
        raise _broken(method, f"{slow[0]} waits for its copy to the GPU", "pinned memory")
    launches = sum(e.kind == "launch" for e in events)
    return f"{launches} launches, {copies.total()} copies, no wait"


def check_features(method: Method, images: Tensor, precision: Precision = "bf16") -> str:
    """Check that all features are computed where the images are; return where that is.

    Features of NumPy's are computed on the host, and are not checked further.

    Args:
        method: A method on the device.
        images: ``[B, 3, S, S]`` in [0, 1], on the device.
        precision: ``32`` or ``bf16``.

    Raises:
        PluginError: A feature is elsewhere, or operands are on different devices.
    """
    method.eval()
    for name in method.info.features:
        try:
            with torch.inference_mode(), autocast(DEVICE, precision), _Named(method, name):
                found = method.features(name, images)
        except RuntimeError as error:
            if ".numpy() is not supported" in str(error):
                return "are computed on the host"
            raise
        if found.device != images.device:
            raise _broken(method, f"feature {name} is on {found.device}", "the images' device")
    return "stay there"


class _Named:
    """Turns errors of the device into errors of the plugin."""

    def __init__(self, method: Method, what: str) -> None:
        self.method, self.what = method, what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        from torch._subclasses.fake_tensor import (
            DataDependentOutputException,
            DynamicOutputShapeException,
        )

        of_values = (
            DependsOnValuesError, DataDependentOutputException, DynamicOutputShapeException
        )  # fmt: skip
        if isinstance(error, of_values):
            wanted = "an operation that needs no values on the host"
            raise _broken(self.method, f"{self.what} waits for the GPU: {error}", wanted) from error
        if isinstance(error, RuntimeError) and "device" in str(error):
            first = str(error).splitlines()[0]
            raise _broken(self.method, f"{self.what}: {first}", "one device") from error


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{where} x {count}" for where, count in counts.most_common(5))


def _broken(method: Method, found: str, expected: str) -> PluginError:
    cls = type(method)
    return PluginError(f"{cls.__module__}.{cls.__qualname__}: {found}; expected {expected}.")


def checked_on_device(
    method: Method, faces: Tensor, targets: Tensor | None, precision: Precision = "bf16"
) -> Iterator[str]:
    """Check a method on a device without values; yield what a step does if it learns.

    Args:
        method: As for :func:`step_events`; its weights are lost.
        faces: As for :func:`step_events`.
        targets: As for :func:`step_events`.
        precision: As for :func:`step_events`.

    Raises:
        PluginError: A check fails.
    """
    with fake_device() as device:
        if method.info.learns:
            events = step_events(device, method, faces, targets, precision)
            yield f"a step is {check_step(method, events)}"
        method.to(DEVICE)
        images = faces.to(DEVICE).float().div_(255)
        yield f"features {check_features(method, images, precision)}"
