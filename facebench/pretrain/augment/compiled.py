"""Augmentation fused by ``torch.compile``: each augmentation is one graph of fixed shapes.

What is random in an augmentation is drawn before its graph is run, by the same calls in the same
order as without one (:mod:`facebench.pretrain.augment.ahead`), so that images get the same draws.
Which images a step changes is then a mask that the host does not look at, as on a GPU: the step is
computed for all of them. Numbers differ from those of single operations by rounding.

What cannot be compiled is computed as always, and the reason is kept.
"""

from __future__ import annotations

import logging
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Literal, TypeVar

import torch
from torch import Generator, Tensor

from facebench.pretrain.augment.ahead import Call, Given, asked_for, draw

Compile = Literal["off", "views", "graphs"]
R = TypeVar("R")

_LONGEST = 200  # characters of a reason

_log = logging.getLogger(__name__)


class Compiler:
    """Compiles augmentations when they are first called, and keeps what was not.

    Args:
        asked: ``views``: torch's inductor; ``graphs``: its kernels as CUDA graphs, too.
        refused: Why nothing is compiled; empty: it is.
    """

    def __init__(self, asked: Compile, refused: str = "") -> None:
        self.asked = asked
        self.reasons: list[str] = []
        self._refused = bool(refused)
        self._graphs: dict[Any, tuple[list[Call], Callable[..., Any]] | None] = {}
        if refused:
            self._refuse(refused)

    @property
    def count(self) -> int:
        """Return how many augmentations of one shape are compiled."""
        return sum(graph is not None for graph in self._graphs.values())

    def record(self) -> dict[str, Any]:
        """Return what a checkpoint says of it."""
        return {"asked": self.asked, "graphs": self.count, "reasons": list(self.reasons)}

    def run(self, augment: Callable[..., R], owner: Any, images: Tensor, generator: Generator) -> R:
        """Return an augmentation of images.

        Args:
            augment: A function of owner, images and generator.
            owner: The augmentation, hashable.
            images: ``[B, 3, H, W]``.
            generator: Generator for all random draws.
        """
        key = (owner, images.shape, images.dtype)
        if not self._refused and key not in self._graphs:
            self._graphs[key] = self._graph(augment, owner, images)
        graph = self._graphs.get(key)
        if graph is None:
            return augment(owner, images, generator)
        calls, compiled = graph
        given = [draw(call, generator) for call in calls]
        try:
            result: R = compiled(images, given)
        except Exception as error:  # of tracing, of the C++ compiler, of a backend
            self._refuse(f"{type(owner).__name__}: {type(error).__name__}: {error}")
            self._graphs[key] = None
            return augment(owner, images, Given(given))
        return result

    def _graph(
        self, augment: Callable[..., Any], owner: Any, images: Tensor
    ) -> tuple[list[Call], Callable[..., Any]] | None:
        """Return what an augmentation draws, and it as a function of images and draws."""
        calls = asked_for(lambda generator: augment(owner, images, generator))
        if calls is None:
            self._refuse(f"{type(owner).__name__} draws something that is no row for each image")
            return None

        def graph(images: Tensor, given: list[Tensor]) -> Any:
            return augment(owner, images, Given(given))

        # torch keeps few graphs for one piece of code, so each has its own.
        own = types.FunctionType(
            graph.__code__.replace(co_name=f"graph_{len(self._graphs)}"),
            graph.__globals__, closure=graph.__closure__,
        )  # fmt: skip
        mode = "reduce-overhead" if self.asked == "graphs" else None
        return calls, torch.compile(own, fullgraph=True, dynamic=False, mode=mode)

    def _refuse(self, reason: str) -> None:
        """Keep why something is not compiled; the first reason is a warning, too."""
        reason = " ".join(reason.split())[:_LONGEST]
        if not self.reasons:
            _log.warning("pretrain.compile=%s: not compiled: %s", self.asked, reason)
        if reason not in self.reasons:
            self.reasons.append(reason)


_compiler: ContextVar[Compiler | None] = ContextVar("compiler", default=None)


@contextmanager
def compiled_views(compiler: Compiler | None) -> Iterator[None]:
    """Let augmentations of the block be compiled; by nothing if there is no compiler."""
    token = _compiler.set(compiler)
    try:
        yield
    finally:
        _compiler.reset(token)


def begin_step() -> None:
    """Say that a step begins: what the graphs of the last one gave may be overwritten."""
    compiler = _compiler.get()
    if compiler is not None and compiler.asked == "graphs" and compiler.count:
        torch.compiler.cudagraph_mark_step_begin()


def compilable(augment: Callable[[Any, Tensor, Generator], R]) -> Callable[..., R]:
    """Decorate the call of an augmentation that follows from its options, images and draws."""

    @wraps(augment)
    def called(owner: Any, images: Tensor, generator: Generator) -> R:
        if torch.compiler.is_compiling():  # a part of another one
            return augment(owner, images, generator)
        compiler = _compiler.get()
        if compiler is None:
            return augment(owner, images, generator)
        return compiler.run(augment, owner, images, generator)

    return called


def known_to_host(mask: Tensor) -> bool:
    """Return whether the host may look at a mask; a graph has no values, a GPU lets it wait."""
    return mask.device.type == "cpu" and not torch.compiler.is_compiling()
