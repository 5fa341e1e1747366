"""The draws of a batch, made on the CPU before its step and copied to the device together.

Methods ask for a draw where they need it. On a GPU each would be a copy of its own that the host
waits for. The amount of draws depends on the shapes alone, so a step asks for what the step before
it asked for: with a :class:`Plan` these are made at once, in the same order from the same
generator, and copied in one piece. The numbers are those that a CPU gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Generator

from facebench.runtime.transfer import to_device

P = ParamSpec("P")
T = TypeVar("T")

_GENERATOR = object()  # stands for the generator among the arguments of a draw


def drawn(draw: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function whose result follows from its arguments and draws of its generator.

    Within :func:`drawn_ahead` its result is on the device of the block. Its arguments are plain
    values besides the generator.
    """

    @wraps(draw)
    def asked(*args: P.args, **kwargs: P.kwargs) -> T:
        for value in (*args, *kwargs.values()):
            if isinstance(value, Given):
                return value.take()  # type: ignore[no-any-return]
        running = _running.get()
        generator = next(
            value for value in (*args, *kwargs.values()) if isinstance(value, Generator)
        )
        if running is None or running.generator is not generator:
            return draw(*args, **kwargs)
        result: T = running.take(Call(draw, args, tuple(sorted(kwargs.items())), generator))
        return result

    return asked


class Call:
    """A draw that was asked for."""

    def __init__(
        self, draw: Callable[..., Any], args: Any, named: Any, generator: Generator
    ) -> None:
        self.draw = draw
        self.args = tuple(_GENERATOR if value is generator else value for value in args)
        self.named = tuple((k, _GENERATOR if value is generator else value) for k, value in named)
        self.rows: Any = getattr(generator, "rows", None)  # of laid_out, on several devices

    def same(self, other: Call) -> bool:
        """Return whether another one is the same draw."""
        ours, theirs = (self.draw, self.args, self.named), (other.draw, other.args, other.named)
        if ours != theirs or (self.rows is None) != (other.rows is None):
            return False
        if self.rows is None:
            return True
        return self.rows[0] == other.rows[0] and torch.equal(self.rows[1], other.rows[1])

    def __call__(self, generator: Generator) -> Any:
        """Draw, on the CPU."""
        args = [generator if value is _GENERATOR else value for value in self.args]
        named = {k: generator if value is _GENERATOR else value for k, value in self.named}
        shared: Any = generator
        before = getattr(shared, "rows", None)
        try:
            if hasattr(shared, "rows"):
                shared.rows = self.rows
            return self.draw(*args, **named)
        finally:
            if hasattr(shared, "rows"):
                shared.rows = before


class Given:
    """Draws that were made before, in the order in which they are asked for.

    It takes the place of the generator where :mod:`facebench.pretrain.augment.compiled` traces an
    augmentation.

    Args:
        draws: The draws.
    """

    def __init__(self, draws: list[Any]) -> None:
        self.draws, self.place = draws, 0

    def take(self) -> Any:
        """Return the next one."""
        self.place += 1
        return self.draws[self.place - 1]


def asked_for(augment: Callable[[Generator], Any]) -> list[Call] | None:
    """Return the draws that an augmentation asks for; the numbers do not matter.

    Args:
        augment: A function of a generator.

    Returns:
        None if something is drawn that is no tensor, or from the generator itself.
    """
    listener = _Listener(torch.Generator().manual_seed(0))
    token = _running.set(listener)
    try:
        augment(listener.generator)
    finally:
        _running.reset(token)
    untouched = torch.equal(listener.state, listener.generator.get_state())
    return listener.calls if listener.tensors and untouched else None


def draw(call: Call, generator: Generator) -> Any:
    """Return a draw, ahead of the step that asks for it as far as that is known."""
    running = _running.get()
    if running is None or running.generator is not generator:
        return call(generator)
    return running.take(call)


class Plan:
    """The draws that a step asks for, known from the last one; none before the first."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.usable = True  # unless a method draws from the generator itself


@contextmanager
def drawn_ahead(plan: Plan, generator: Generator, device: torch.device) -> Iterator[None]:
    """Put the draws of a step on a device, in one copy as far as the plan knows them.

    Args:
        plan: What is known from earlier steps; brought up to date.
        generator: The generator of the step, on the CPU.
        device: Where draws are wanted.
    """
    running = _Running(plan, generator, device)
    token = _running.set(running)
    try:
        yield
        running.finish()
    finally:
        _running.reset(token)


@dataclass
class _Running:
    """A step under way: what was drawn ahead, and what the step has asked for."""

    plan: Plan
    generator: Generator
    device: torch.device

    def __post_init__(self) -> None:
        self.start = self.generator.get_state()
        self.calls = list(self.plan.calls) if self.plan.usable else []
        self.ready = to_device([call(self.generator) for call in self.calls], self.device)
        self.place = 0
        self.state = self.generator.get_state()  # as the last known draw left it

    def take(self, call: Call) -> Any:
        """Return a draw on the device."""
        place = self.place
        self.place += 1
        if place < len(self.calls) and call.same(self.calls[place]):
            return self.ready[place]
        if place < len(self.calls):  # a step of another kind: go back to where it differs
            self._check()
            self.generator.set_state(self.start)
            self.calls = self.calls[:place]
            self._quietly(lambda: [known(self.generator) for known in self.calls])
            self.state = self.generator.get_state()
        self._check()
        result = self._quietly(lambda: call(self.generator))
        self.calls.append(call)
        self.state = self.generator.get_state()
        return to_device([result], self.device)[0]

    def finish(self) -> None:
        """Tell the plan what this step asked for."""
        self._check()
        self.plan.calls = self.calls[: self.place]

    def _check(self) -> None:
        """Give the plan up if something else was drawn, whose place in the order is unknown."""
        if not torch.equal(self.state, self.generator.get_state()):
            self.plan.usable = False

    def _quietly(self, draw: Callable[[], T]) -> T:
        token = _running.set(None)
        try:
            return draw()
        finally:
            _running.reset(token)


class _Listener:
    """Lists what is drawn from a generator of its own."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.calls: list[Call] = []
        self.tensors = True
        self.state = generator.get_state()

    def take(self, call: Call) -> Any:
        """Draw, and note what was asked for."""
        self.calls.append(call)
        token = _running.set(None)
        try:
            result = call(self.generator)
        finally:
            _running.reset(token)
        several = result if isinstance(result, tuple) else (result,)
        self.tensors &= all(isinstance(part, torch.Tensor) for part in several)
        self.state = self.generator.get_state()
        return result


_running: ContextVar[_Running | _Listener | None] = ContextVar("running", default=None)
