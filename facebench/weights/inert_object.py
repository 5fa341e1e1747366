"""What stands for the objects of a pickle: names, references, and what a call would have made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_LONGEST = 16  # elements of a tuple that is a key
_BITS = 64  # of an integer that is a key
_BUILTINS = ("builtins", "__builtin__")  # of Python 3 and 2
_DICTIONARIES = (
    "collections.OrderedDict", "collections.defaultdict", "collections.Counter",
    *(f"{module}.dict" for module in _BUILTINS),
)  # fmt: skip
_SEQUENCES = {"torch.Size": tuple} | {
    f"{module}.{kind}": tuple if kind == "tuple" else list  # a set is not hashed
    for module in _BUILTINS
    for kind in ("list", "tuple", "set", "frozenset")
}
# Plain containers, and how old protocols write bytes.
PLAIN = frozenset(
    (*_DICTIONARIES, *_SEQUENCES, "_codecs.encode", *(f"{m}.bytearray" for m in _BUILTINS))
)


class Damaged(Exception):
    """A pickle that cannot be read; the text says why."""


class EndsEarly(Damaged):
    """A pickle that ends before its last operation."""


@dataclass(frozen=True)
class Global:
    """A name that the pickle asks for (``posix.system``); what it names is not looked up."""

    name: str


@dataclass(frozen=True)
class Persistent:
    """A reference to something outside the pickle: of torch's files, a storage."""

    of: Any = field(hash=False)


@dataclass(eq=False)
class Placeholder:
    """What the file would have made by a call or of a class.

    Args:
        name: The function or class.
        arguments: What it would have been called with.
        state: What its ``__setstate__`` or ``__dict__`` would have been given.
        items: What would have been appended or added.
        entries: What would have been set by key.
    """

    name: str
    arguments: tuple[Any, ...] = ()
    state: Any = None
    items: list[Any] = field(default_factory=list)
    entries: dict[Any, Any] = field(default_factory=dict)


def plain_container(name: str, arguments: tuple[Any, ...]) -> Any:
    """Return what a call of a plain container's class stands for; None if it is another call.

    Nothing is copied: copies of copies would take any memory.
    """
    if name in _DICTIONARIES:
        return next((value for value in arguments if isinstance(value, dict)), {})
    if name in _SEQUENCES and len(arguments) < 2:
        rows = arguments[0] if arguments else _SEQUENCES[name]()
        return rows if isinstance(rows, list | tuple) else None
    return None


def key_of(key: Any) -> Any:
    """Return a key of a dictionary; one that is not plain is told apart by identity alone.

    Hashing it could take any time, or more stack than there is: tuples nest without limit.
    """
    if _is_short(key) or isinstance(key, Placeholder):
        return key
    if isinstance(key, tuple) and len(key) <= _LONGEST and all(map(_is_short, key)):
        return key
    return Placeholder("key", (key,))


def name_of(what: Any) -> str:
    """Return the name of what is called: ``f``, and ``f()`` for what it would have returned.

    Raises:
        Damaged: It is a plain value.
    """
    if isinstance(what, Global):
        return what.name
    if isinstance(what, Placeholder):
        return what.name.removesuffix("()") + "()"
    raise Damaged(f"{type(what).__name__} is called")


def _is_short(key: Any) -> bool:
    if isinstance(key, int):
        return key.bit_length() <= _BITS
    return isinstance(key, str | bytes | float | Global) or key is None
