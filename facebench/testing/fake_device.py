"""A GPU that computes nothing: what code does on a device, recorded on a machine without one.

Tensors on the device are those of torch's ``FakeTensorMode`` on ``cuda``: they have a shape, a type
and a place, and no values. Tensors on the host are real. So the code of a step runs as on a machine
with a GPU, each operation on the device is noted, and operands on different devices are an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from facebench.testing.device_events import Event, asked_for_at, kind_of

DEVICE = torch.device("cuda", 0)

aten = torch.ops.aten


class FakeDevice(TorchDispatchMode):
    """Records each operation on the device; use :func:`fake_device`.

    Attributes:
        events: What was done on the device, in order.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.events: list[Event] = []
        self.listeners: list[Any] = []  # called with operation, inputs and result of each launch
        self._pinned: set[int] = set()  # addresses of pinned memory

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run an operation: on the host for real, on the device without values."""
        from torch._subclasses.fake_tensor import FakeTensor, unset_fake_temporarily

        kwargs = _on_device(kwargs)
        if func.overloadpacket is aten.to:  # reaches here in inference mode alone: as elsewhere
            with self:
                return func.decompose(*args, **kwargs)
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        ours = [tensor for tensor in tensors if isinstance(tensor, FakeTensor)]
        if not ours and kwargs.get("device") != DEVICE:
            with unset_fake_temporarily():
                return self._on_host(func, args, kwargs)
        packet, host = func.overloadpacket, [t for t in tensors if not isinstance(t, FakeTensor)]
        from_host = any(t.dim() > 0 for t in host)
        kind = kind_of(packet, tensors, self._to_host(packet, args, kwargs), from_host)
        if kind == "wait":
            self.events.append(Event("wait", str(packet), asked_for_at()))
            with unset_fake_temporarily():
                return _assumed(packet, args)
        result = func(*args, **kwargs)
        if kind == "copy":
            size = sum(t.nbytes for t in host)
            pinned = all(self.is_pinned(t) for t in host) and _not_waited_for(func, args, kwargs)
            self.events.append(Event("copy", str(packet), asked_for_at(), size, pinned))
        elif kind == "launch" and not _stays(packet, args, kwargs, result):
            self.events.append(Event("launch", str(packet), ""))
            for listener in self.listeners:
                listener(func, args, kwargs, result)
        return result

    def is_pinned(self, tensor: Tensor) -> bool:
        """Return whether a tensor of the host is in memory that was asked for as pinned."""
        return tensor.untyped_storage().data_ptr() in self._pinned

    def _on_host(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        packet = func.overloadpacket
        if packet is aten.is_pinned:
            return self.is_pinned(args[0])
        pinned = bool(kwargs.pop("pin_memory", False))
        if packet in (aten._pin_memory, aten.pin_memory):
            result, pinned = args[0].clone(), True
        else:
            result = func(*args, **kwargs)
        if pinned:
            self._pinned.add(result.untyped_storage().data_ptr())
        return result

    @staticmethod
    def _to_host(packet: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        from torch._subclasses.fake_tensor import FakeTensor

        if packet is aten.copy_:
            return not isinstance(args[0], FakeTensor)
        place = kwargs.get("device")
        return place is not None and torch.device(place).type == "cpu"


def _on_device(kwargs: Any) -> dict[str, Any]:
    """Return named arguments in which ``cuda`` is the device, and ``meta`` as well.

    torch's own code takes tensors of the device for meta tensors (:func:`fake_device`).
    """
    place = (kwargs or {}).get("device")
    if place is None or torch.device(place).type not in ("cuda", "meta"):
        return dict(kwargs or {})
    return {**kwargs, "device": DEVICE}


class DependsOnValuesError(RuntimeError):
    """The size of a result depends on values, which a device without values does not have."""


def _assumed(packet: Any, args: tuple[Any, ...]) -> Any:
    """Return what is taken for a result that depends on values.

    Raises:
        DependsOnValuesError: Not even its size is known.
    """
    first = args[0]
    if packet in (aten.item, aten._local_scalar_dense):
        kinds = {torch.bool: True, torch.float32: 1.0, torch.float64: 1.0, torch.bfloat16: 1.0}
        return kinds.get(first.dtype, 1)
    if packet in (aten.equal, aten.is_nonzero):
        return True
    if packet is aten._to_copy:
        return torch.ones(first.shape, dtype=first.dtype, device="cpu")
    if packet is aten.copy_:
        return first.fill_(1)
    if packet in (aten.index_put, aten.index_put_):
        return first
    raise DependsOnValuesError(f"the size of the result of {packet} depends on values")


def _not_waited_for(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if "non_blocking" in kwargs:
        return bool(kwargs["non_blocking"])
    return func.overloadpacket is aten.copy_ and len(args) > 2 and bool(args[2])


def _stays(packet: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> bool:
    """Return whether a copy from the device to itself would not be made there at all."""
    if packet is not aten._to_copy:
        return False
    before = args[0]
    form = kwargs.get("memory_format")
    same_form = form in (None, torch.preserve_format) or before.is_contiguous(memory_format=form)
    return bool(before.dtype == result.dtype and same_form and before.device == result.device)


@contextmanager
def fake_device() -> Iterator[FakeDevice]:
    """Make ``cuda`` a device without values in the code that runs within.

    Autocast may be switched on as on a GPU. Nothing of it is left behind; tensors of the device
    must not leave the context.
    """
    from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

    class Mode(FakeTensorMode):
        def dispatch(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return super().dispatch(func, types, args, _on_device(kwargs))

    mode = Mode(allow_non_fake_inputs=True)
    make: Any = torch.Tensor._make_subclass

    def without_stream(cls: Any, *args: Any, **kwargs: Any) -> Any:
        # Autograd asks a CUDA device for its streams, which torch does not take from a device that
        # is not there (torch 2.14: hasPrimaryContext). It then takes them for meta tensors.
        if issubclass(cls, FakeTensor):
            kwargs["dispatch_device"] = False
        return make(cls, *args, **kwargs)

    before = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
    with (
        mock.patch.object(torch.Tensor, "_make_subclass", staticmethod(without_stream)),
        mock.patch("torch.cuda.amp.common.amp_definitely_not_available", return_value=False),
        mock.patch("torch.cuda.is_bf16_supported", return_value=True),
        mock.patch.object(nn.Module, "to", _model_to),
        mode,
        FakeDevice() as device,
    ):
        try:
            yield device
        finally:
            torch.set_autocast_enabled("cuda", before[0])
            torch.set_autocast_dtype("cuda", before[1])


def move(model: nn.Module) -> None:
    """Move the weights and buffers of a model to the device, in channels-last format.

    ``nn.Module.to`` would exchange the data of a weight, which has none there.
    """
    known: dict[int, Tensor] = {}
    for module in model.modules():
        for kind in (module._parameters, module._buffers):
            for name, tensor in kind.items():
                if tensor is not None:
                    kind[name] = known.setdefault(id(tensor), _moved(tensor))  # type: ignore[assignment]


def _model_to(model: nn.Module, *args: Any, **kwargs: Any) -> nn.Module:
    place, *_ = torch._C._nn._parse_to(*args, **kwargs)
    if place is not None and place.type == "cuda":
        move(model)
    return model


def _moved(tensor: Tensor) -> Tensor:
    form = torch.channels_last if tensor.dim() == 4 else torch.preserve_format
    there = tensor.detach().to(DEVICE).to(memory_format=form)
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(there, requires_grad=tensor.requires_grad)
    return there
