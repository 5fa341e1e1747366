"""A model in memory as a method: its digest, and a checkpoint of its weights.

The class of the method is made for the one model, so it holds for the process that has the model;
checkpoint and result say which model it was.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from facebench.backbones import Backbone, NoBackbone
from facebench.config.spec import PretrainSpec, digest, plain
from facebench.errors import FacebenchError, ModelError, SpecError
from facebench.method import Method, MethodInfo
from facebench.models.features import features_of, layers_of, offered
from facebench.models.named import first_line
from facebench.models.preprocess import Preprocess
from facebench.runtime.atomic import atomic_folder
from facebench.runtime.images import Scaling
from facebench.runtime.stage import obtain
from facebench.weights.checkpoint import (
    Checkpoint,
    read_checkpoint,
    weights_digest,
    write_checkpoint,
)

IN_MEMORY_VERSION = 2  # goes up when the same model would give other features
# 1: images were read at the task's size, and scaled to the model's from there

_OF_TORCH = frozenset(vars(nn.Module()))  # attributes that every module has


@dataclass(frozen=True, kw_only=True)
class InMemoryOptions(Preprocess):
    """What a model in memory is, and how images enter it.

    Args:
        model: Its name, or the qualified name of its class.
        digest: SHA-256 of the model, see :func:`model_digest`, and of its file; of a function, of
            which nothing can be read, that of its name and version.
        version: As the user gives it.
    """

    model: str = ""
    digest: str = ""
    version: str = ""


class InMemory(Method):
    """Base of the methods that :func:`in_memory` makes; nothing is learned."""

    Options = InMemoryOptions
    options: InMemoryOptions
    held: ClassVar[tuple[nn.Module, ...]] = ()  # the one model

    def __init__(self, backbone: Backbone, options: InMemoryOptions, image_size: int) -> None:
        super().__init__(backbone, options, image_size)
        (self.model,) = self.held
        self._first: dict[str, tuple[torch.dtype, int]] = {}  # type and length of first features

    @classmethod
    def own_backbone(cls, options: InMemoryOptions) -> str:
        """Return the model's name, or the name of its class."""
        return options.model if ":" in options.model else options.model.rpartition(".")[2]

    @classmethod
    def input_size(cls, options: InMemoryOptions) -> int:
        """Return the declared side of its images."""
        return options.image_size

    @classmethod
    def scaling(cls, options: InMemoryOptions) -> Scaling:
        """Return the declared filter."""
        return options.scaling

    def features(self, name: str, images: Tensor) -> Tensor:
        """Return what the model gives, ``[B, D]``; of a map ``[B, C, h, w]`` the mean ``[B, C]``.

        Args:
            name: ``f_s``, or another one of :mod:`facebench.models.features`.
            images: ``[B, 3, S, S]`` in [0, 1].

        Raises:
            ModelError: It fails, gives something else, or has no such feature.
        """
        return self.several((name,), images)[name]

    def several(self, names: Sequence[str], images: Tensor) -> dict[str, Tensor]:
        """Return several features, all from one pass; as :meth:`features`."""
        entered = self.options.enter(images)
        try:
            found = features_of(self.model, names, entered)
        except FacebenchError:
            raise
        except Exception as error:  # whatever the user's code raises
            raise ModelError(
                f"{self.options.model} fails on images {list(entered.shape)} of {entered.dtype}: "
                f"{first_line(error)}. Are image size, values and type those that it expects "
                "(facebench show-input)?"
            ) from error
        for name in names:
            self._check(name, found[name], entered)
        return {
            name: given.flatten(2).mean(dim=2) if given.ndim == 4 else given
            for name, given in found.items()
        }

    def feature_layers(self, name: str) -> int:
        """Return how many layers of the model a feature holds, one after the other."""
        return layers_of(self.model, name)

    def _check(self, name: str, given: Any, images: Tensor) -> None:
        """Check form and number of rows, and that both type and length stay the same."""
        if not isinstance(given, Tensor) or given.ndim not in (2, 4) or len(given) != len(images):
            shape = list(given.shape) if isinstance(given, Tensor) else type(given).__name__
            raise ModelError(
                f"{self.options.model} gives {shape} of images {list(images.shape)}; expected "
                "[B, D] or [B, C, h, w]. Wrap it in a module that returns its feature."
            )
        if given.is_complex() or given.dtype == torch.bool:
            raise ModelError(f"{self.options.model} gives {given.dtype}; expected real numbers.")
        found = (given.dtype, given.shape[1])
        first = self._first.setdefault(name, found)
        if found != first:
            raise ModelError(
                f"{self.options.model} gives {found[0]} of length {found[1]}, and gave "
                f"{first[0]} of length {first[1]} before; expected the same type and "
                "length for every batch."
            )


def in_memory(
    model: nn.Module, title: str, overlaps: Mapping[str, str] | None = None
) -> type[InMemory]:
    """Return a class of method for one model.

    Args:
        model: Maps images to features.
        title: As tables show it; the name of the method is made of it.
        overlaps: What is known of tasks' images or people among what it learned from.

    Raises:
        SpecError: There is no letter or digit in the title.
    """
    name = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
    if not name:
        raise SpecError(f"name is '{title}'; expected one with letters or digits.")

    class OfModel(InMemory):
        info = MethodInfo(
            name=name, title=title, version=IN_MEMORY_VERSION, paper="a model in memory",
            year=2026, needs="weights", backbone=False, features=offered(model),
            overlaps=dict(overlaps or {}),
        )  # fmt: skip
        held = (model,)

    return OfModel


def store_in_memory(cls: type[InMemory], options: InMemoryOptions, cache: Path) -> Checkpoint:
    """Write the weights of a model in memory, and what it is, unless they are on disk.

    Args:
        cls: Class of the method, made by :func:`in_memory`.
        options: Options with the digest of the model.
        cache: Folder of the stages.
    """
    name = cls.info.name

    def make(folder: Path) -> None:
        started = time.perf_counter()
        method = cls(NoBackbone(), options, PretrainSpec().image_size)
        tensors = list(method.state_dict())
        learned: dict[str, Any] = {
            "spec": {
                "method": name, "backbone": cls.own_backbone(options),
                "method_options": plain(options), "pretrain": plain(PretrainSpec()), "seed": 0,
            },
            "history": [], "data": None, "images_seen": 0,
            "features": list(cls.info.features),
            "imported": {
                "file": f"{options.model} in memory", "sha256": options.digest,
                "matched": dict(zip(tensors, tensors, strict=True)),
                "missing": [], "unused": {}, "others": [],
            },
        }  # fmt: skip
        with atomic_folder(folder) as temporary:
            learned["seconds"] = round(time.perf_counter() - started, 2)
            write_checkpoint(temporary, method, learned)

    key = digest({"in memory": [name, cls.info.version, plain(options), cls.info.features]})
    return obtain(cache / "checkpoints" / key, make, read_checkpoint)


def model_digest(model: nn.Module) -> str:
    """Return the SHA-256 that names a model.

    It covers names, shapes, types and values of the state dict and of all buffers; of every
    submodule its class, its attributes that are numbers, texts or lists of these, and the source
    code of its class's functions, where Python can read it and it is not torch's own. It does not
    cover other functions that they call, hooks, nor versions of libraries.

    Raises:
        SpecError: The state dict holds something that is no tensor.
    """
    tensors = dict(model.state_dict()) | dict(model.named_buffers())
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise SpecError(
                f"{qualified(type(model))}: its state dict holds {name} of type "
                f"{type(value).__name__}; expected tensors alone. Wrap the part that computes the "
                "feature."
            )
    modules = dict(model.named_modules(remove_duplicate=False))
    types = {base for module in modules.values() for base in type(module).__mro__}
    whole = {
        "weights": weights_digest(tensors),
        "modules": {name: [qualified(type(m)), _plain(m)] for name, m in modules.items()},
        "source": {qualified(cls): _source(cls) for cls in types if not _is_library(cls)},
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def qualified(cls: type) -> str:
    """Return the name of a class with its module."""
    return f"{cls.__module__}.{cls.__qualname__}"


@contextmanager
def left_as_it_was(model: nn.Module) -> Iterator[None]:
    """Give a model back its training flags, devices and memory formats at the end.

    The tensors that it came with are kept meanwhile, so on another device its memory doubles.
    """
    training = [(module, module.training) for module in model.modules()]
    parameters = [(t, t.data) for p in model.parameters() for t in (p, p.grad) if t is not None]
    buffers = [(m, *named) for m in model.modules() for named in m.named_buffers(recurse=False)]
    try:
        yield
    finally:
        for tensor, data in parameters:
            tensor.data = data
        for module, name, buffer in buffers:
            setattr(module, name, buffer)
        for module, flag in training:
            module.training = flag


def _plain(module: nn.Module) -> dict[str, str]:
    """Return the attributes of a module that JSON can hold, but for those of every module."""
    found = {}
    for name, value in vars(module).items():
        if name not in _OF_TORCH:
            try:
                found[name] = json.dumps(value, sort_keys=True)
            except (TypeError, ValueError):  # a function, a tensor, a cycle
                continue
    return found


def _source(cls: type) -> dict[str, str]:
    """Return the source code of the functions of a class."""
    found = {}
    for name, value in vars(cls).items():
        if inspect.isfunction(value):
            try:
                found[name] = inspect.getsource(value)
            except (OSError, TypeError):  # made by exec, or by an extension
                continue
    return found


def _is_library(cls: type) -> bool:
    top = cls.__module__.partition(".")[0]
    if cls.__module__.startswith("facebench.models."):  # the version above stands for these
        return True
    return top == "torch" or top in sys.stdlib_module_names
