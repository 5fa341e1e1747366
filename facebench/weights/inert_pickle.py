"""Reads a pickle as data: no global is looked up, imported or called.

A pickle is a program for a machine with a stack. :func:`load` interprets the operations that
:mod:`pickletools` decodes, and gives every operation that would look something up or call it an
inert object in its place: a :class:`Global` for a name, a :class:`Placeholder` for what a call
would have returned or a class would have made. Which of them stand for tensors is decided
elsewhere (:mod:`facebench.weights.torch_file`), by name.

Nothing here is called by a name or a value from the file, so there is no list of harmless
functions that could be incomplete.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from facebench.weights.inert_object import (
    Damaged,
    EndsEarly,
    Global,
    Persistent,
    Placeholder,
    key_of,
    name_of,
    plain_container,
)


class Stream(Protocol):
    """What a pickle is read from."""

    def read(self, size: int = ..., /) -> bytes:
        """Return up to ``size`` bytes."""

    def readline(self) -> bytes:
        """Return bytes up to the next line's end."""

    def tell(self) -> int:
        """Return the position."""


@dataclass(frozen=True)
class Unpickled:
    """The value of a pickle, and all names and references that it asks for."""

    value: Any
    names: frozenset[str]
    references: tuple[Persistent, ...]


def load(stream: Stream) -> Unpickled:
    """Read one pickle; the stream is left behind its end.

    Raises:
        EndsEarly: The stream ends before the pickle does.
        Damaged: It is no pickle, or asks for what no pickle of values needs.
    """
    machine = _Machine()
    try:
        for operation, argument, _ in pickletools.genops(stream):  # type: ignore[arg-type]
            machine.step(operation.name, argument)
    except Damaged:
        raise
    except (IndexError, KeyError) as error:
        raise Damaged(f"its operations do not fit together ({type(error).__name__})") from error
    except MemoryError as error:
        raise Damaged("it asks for more memory than there is") from error
    except (ValueError, OverflowError) as error:
        text = " ".join(str(error).split())
        early = ("exhausted", "not enough data", "only", "no newline")
        raise (EndsEarly if any(part in text for part in early) else Damaged)(text) from error
    return Unpickled(machine.result, frozenset(machine.names), tuple(machine.references))


class _Machine:
    """The stack, the marks and the memo of a pickle that is being read."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.outer: list[list[Any]] = []  # stacks below the marks
        self.memo: dict[int, Any] = {}
        self.names: set[str] = set()
        self.references: list[Persistent] = []
        self.result: Any = None

    def step(self, name: str, argument: Any) -> None:
        if name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _LITERALS:
            self.stack.append(argument)
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        elif name not in ("PROTO", "FRAME"):
            operation = getattr(self, f"_{name.lower()}", None)
            if operation is None:
                raise Damaged(f"operation {name} in it")
            if name in _WITH_ARGUMENT:
                self.stack.append(argument)
            operation()

    # Stack ------------------------------------------------------------------------------------

    def _mark(self) -> None:
        self.outer.append(self.stack)
        self.stack = []

    def _marked(self) -> list[Any]:
        """Return what lies above the last mark, and remove it."""
        items, self.stack = self.stack, self.outer.pop()
        return items

    def _stop(self) -> None:
        self.result = self.stack.pop()

    def _pop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.stack = self.outer.pop()

    def _pop_mark(self) -> None:
        self._marked()

    def _dup(self) -> None:
        self.stack.append(self.stack[-1])

    def _memoize(self) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    # Containers -------------------------------------------------------------------------------

    def _tuple(self) -> None:
        items = self._marked()
        self.stack.append(tuple(items))

    def _tuple_of(self, count: int) -> None:
        if len(self.stack) < count:
            raise IndexError
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def _tuple1(self) -> None:
        self._tuple_of(1)

    def _tuple2(self) -> None:
        self._tuple_of(2)

    def _tuple3(self) -> None:
        self._tuple_of(3)

    def _list(self) -> None:
        items = self._marked()
        self.stack.append(items)

    def _frozenset(self) -> None:
        items = self._marked()
        self.stack.append(list(items))  # not hashed: an element may be anything

    def _dict(self) -> None:
        items = self._marked()
        self.stack.append({})
        self._set(items)

    def _append(self) -> None:
        self._extend([self.stack.pop()])

    def _appends(self) -> None:
        self._extend(self._marked())

    _additems = _appends

    def _setitem(self) -> None:
        value = self.stack.pop()
        key = self.stack.pop()
        self._set([key, value])

    def _setitems(self) -> None:
        self._set(self._marked())

    def _extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        rows = target.items if isinstance(target, Placeholder) else target
        if not isinstance(rows, list):
            raise Damaged(f"items are added to {type(target).__name__}")
        rows.extend(items)

    def _set(self, items: list[Any]) -> None:
        target = self.stack[-1]
        rows = target.entries if isinstance(target, Placeholder) else target
        if not isinstance(rows, dict) or len(items) % 2:
            raise Damaged(f"entries are set in {type(target).__name__}")
        rows.update(zip(map(key_of, items[::2]), items[1::2], strict=True))

    # What would look something up, or call it -----------------------------------------------------

    def _global(self) -> None:
        module, _, name = str(self.stack.pop()).partition(" ")
        self._named(f"{module}.{name}")

    def _stack_global(self) -> None:
        name = self.stack.pop()
        module = self.stack.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise Damaged("the name of a global is no text")
        self._named(f"{module}.{name}")

    def _ext1(self) -> None:
        self._named(f"copyreg extension {self.stack.pop()}")

    _ext2 = _ext4 = _ext1

    def _named(self, name: str) -> None:
        self.names.add(name)
        self.stack.append(Global(name))

    def _inst(self) -> None:
        module, _, name = str(self.stack.pop()).partition(" ")
        items = self._marked()
        self._named(f"{module}.{name}")
        self._call(self.stack.pop(), tuple(items))

    def _obj(self) -> None:
        items = self._marked()
        self._call(items[0], tuple(items[1:]))

    def _reduce(self) -> None:
        arguments = self.stack.pop()
        self._call(self.stack.pop(), arguments)

    _newobj = _reduce

    def _newobj_ex(self) -> None:
        self.stack.pop()  # arguments by name
        self._reduce()

    def _call(self, what: Any, arguments: Any) -> None:
        """Push an inert object for what a call would return, or a plain container."""
        name = name_of(what)
        if not isinstance(arguments, tuple):
            raise Damaged(f"{name} is called with {type(arguments).__name__}")
        plain = plain_container(name, arguments)
        self.stack.append(Placeholder(name, arguments) if plain is None else plain)
        if isinstance(plain, dict):
            rows = next((value for value in arguments if isinstance(value, list)), [])
            self._set([part for pair in rows for part in _pair(pair)])  # as Python 2 writes it

    def _build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, Placeholder):
            target.state = state  # that of a dictionary is what torch keeps beside a state dict

    def _persid(self) -> None:
        self._binpersid()

    def _binpersid(self) -> None:
        of = self.stack.pop()
        if isinstance(of, tuple) and len(of) > 1 and of[0] in ("module", b"module"):
            self.stack.append(of[1])  # a class, with its source code beside it
        else:
            self.references.append(Persistent(of))
            self.stack.append(self.references[-1])


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = frozenset(
    (
        "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
        "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE",
        "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
    )
)  # fmt: skip
_EMPTY = {"EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_DICT": dict, "EMPTY_SET": list}
_WITH_ARGUMENT = frozenset(("GLOBAL", "INST", "EXT1", "EXT2", "EXT4", "PERSID"))


def _pair(pair: Any) -> Iterable[Any]:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise Damaged("an OrderedDict is made of something else than pairs")
    return pair
