"""Ranges of options, declared beside the type of a field and checked wherever options are made.

A field of an options dataclass carries its range in its annotation::

    @dataclass(frozen=True, kw_only=True)
    class MineOptions:
        temperature: Temperature = 0.1
        margin: Annotated[float, Interval(ge=0, le=4)] = 0.5  # of annotated_types
        lrs: Annotated[tuple[LearningRate, ...], Len(1, 64)] = (1e-3, 1e-2)

``--set``, configuration files and presets are checked against it before anything is run. Options
that are made in Python are checked by ``check_values(self)`` in their ``__post_init__``. A field
without a declared range takes any finite number. A subclass that repeats a field with another
default and the same type keeps its range.
"""

from __future__ import annotations

import difflib
import inspect
import math
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Interval, Len

from facebench.errors import SpecError, shortened

# Upper ends exclude what no computation survives; they are far above any value in use.
Share = Annotated[float, Interval(ge=0, le=1)]  # a probability, or a part of a whole
Area = Annotated[float, Interval(gt=0, le=1)]  # of a crop, as a part of the image
Weight = Annotated[float, Interval(ge=0, le=1e6)]  # factor of a loss term; 0 leaves it out
PositiveWeight = Annotated[float, Interval(gt=0, le=1e6)]  # of a term that cannot be left out
Temperature = Annotated[float, Interval(ge=1e-3, le=1e3)]  # divides cosines before a softmax
Momentum = Annotated[float, Interval(ge=0, lt=1)]  # of a moving average
LearningRate = Annotated[float, Interval(gt=0, le=100)]
WeightDecay = Annotated[float, Interval(ge=0, le=100)]
Width = Annotated[int, Interval(ge=1, le=2**17)]  # units of a layer
Count = Annotated[int, Interval(ge=1, le=10**9)]  # of images, epochs, repetitions
CountOrAll = Annotated[int, Interval(ge=0, le=10**9)]  # of images; 0 is all of them
Side = Annotated[int, Interval(ge=16, le=4096)]  # pixels of a square image that is learned from
Seed = Annotated[int, Interval(ge=0, lt=2**32)]  # scikit-learn takes 32 bits

_ANY_INT = Interval(ge=-(2**63), lt=2**63)


def check_values(options: Any, group: str = "") -> None:
    """Check that each field of an options dataclass has a value that its declaration allows.

    Args:
        options: The options, or the specs of a run.
        group: Name of the option group, put before the names of fields in messages.

    Raises:
        SpecError: A number is outside its range or not finite, or a word is none of its choices.
    """
    hints = declared(type(options))
    for field in fields(options):
        key = f"{group}.{field.name}" if group else field.name
        check_value(getattr(options, field.name), hints[field.name], key)


def check_value(value: Any, hint: Any, key: str, where: str = "") -> None:
    """Check one value against the declaration of its field.

    Args:
        value: The value, of the field's type.
        hint: Annotation of the field, with its range.
        key: Name of the option in messages.
        where: Where the value was written, if that is known.

    Raises:
        SpecError: The value is not allowed; the message says what is.
    """
    if not _allows(hint, value):
        place = f"{where}: " if where else ""
        shown = f"'{shortened(value)}'" if isinstance(value, str) else shortened(value)
        expected = f"expected {describe(hint)}.{nearest(value, hint)}"
        raise SpecError(f"{place}{key} is {shown}; {expected}")


def declared(options: type[Any]) -> Mapping[str, Any]:
    """Return the annotation of each field of a dataclass, with the ranges of its base classes."""
    hashed: Any = options  # which a type checker does not see in a class
    return _declared(hashed)


@cache  # annotations are texts, and options are made by the hundred for one request
def _declared(options: Any) -> Mapping[str, Any]:
    hints: dict[str, Any] = {}
    for cls in reversed(options.__mro__):
        for name, hint in inspect.get_annotations(cls, eval_str=True).items():
            inherited = hints.get(name)
            if get_origin(inherited) is Annotated and get_args(inherited)[0] == hint:
                continue
            hints[name] = hint
    return types.MappingProxyType(hints)


def plain_type(hint: Any) -> Any:
    """Return an annotation without the ranges at its top: ``float`` for ``Temperature``."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def describe(hint: Any) -> str:
    """Return what a field takes, in words: ``a number of 0 to 1``."""
    inner, origin = plain_type(hint), get_origin(plain_type(hint))
    if origin is Literal:
        choices = [str(choice) for choice in get_args(inner)]
        return f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0]
    if origin is tuple:
        length = next((f" of {_span(m.min_length, m.max_length)}" for m in _lengths(hint)), "")
        return f"a comma-separated list{length}, each {describe(get_args(inner)[0])}"
    if origin in (Union, types.UnionType):
        return " or ".join(describe(choice) for choice in get_args(inner))
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    name = names.get(inner, "none" if inner is type(None) else str(inner))
    declared_range = "".join(f" {_range(interval)}" for interval in _intervals(hint))
    return name + declared_range


def nearest(value: Any, hint: Any) -> str:
    """Return a sentence with the choice that is spelled most like a wrong one; empty if none is."""
    words = [str(choice) for choice in choices(hint)]
    near = difflib.get_close_matches(str(value).lower(), words, n=1, cutoff=0.5)
    return f" Did you mean '{near[0]}'?" if near else ""


def unbounded(options: type[Any]) -> list[str]:
    """Return the names of numeric fields that declare no range with two ends."""
    return [field.name for field in fields(options) if _is_open(declared(options)[field.name])]


def _is_open(hint: Any) -> bool:
    inner = plain_type(hint)
    if inner in (int, float):
        ends = [(i.ge is None and i.gt is None) or (i.le is None and i.lt is None)
                for i in _intervals(hint)]  # fmt: skip
        return not ends or any(ends)
    if get_origin(inner) is Literal:
        return False
    return any(_is_open(part) for part in get_args(inner) if part is not Ellipsis)


def _allows(hint: Any, value: Any) -> bool:
    return _rule(hint)(value)


@cache  # options are made by the hundred for one request
def _rule(hint: Any) -> Callable[[Any], bool]:
    """Return what tells of a value whether an annotation allows it."""
    inner = plain_type(hint)
    origin, parts = get_origin(inner), get_args(inner)
    if origin is Literal:
        return lambda value: any(value == c and type(value) is type(c) for c in parts)
    if origin is tuple:
        item, lengths = _rule(parts[0]), list(_lengths(hint))
        return lambda value: (
            isinstance(value, (tuple, list))
            and all(m.min_length <= len(value) <= (m.max_length or math.inf) for m in lengths)
            and all(map(item, value))
        )
    if origin in (Union, types.UnionType):
        rules = list(map(_rule, parts))
        return lambda value: any(rule(value) for rule in rules)
    if inner in (int, float):
        intervals = [*_intervals(hint), *([_ANY_INT] if inner is int else [])]
        return lambda value: (
            isinstance(value, inner if inner is int else (int, float))
            and not isinstance(value, bool)
            and math.isfinite(value)
            and all(_within(value, interval) for interval in intervals)
        )
    if inner is Any or not isinstance(inner, type):
        return lambda value: True
    return lambda value: isinstance(value, inner)


def _within(value: float, interval: Interval) -> bool:
    # Types of the library: ends that anything can be compared with.
    ge: Any = interval.ge
    gt: Any = interval.gt
    le: Any = interval.le
    lt: Any = interval.lt
    return bool(
        (ge is None or value >= ge)
        and (gt is None or value > gt)
        and (le is None or value <= le)
        and (lt is None or value < lt)
    )


def _range(interval: Interval) -> str:
    lowest, highest = interval.ge, interval.le
    if lowest is not None and highest is not None:
        return f"of {_span(lowest, highest)}"
    lower = f"of {_number(lowest)} or more" if lowest is not None else ""
    if interval.gt is not None:
        lower = f"of more than {_number(interval.gt)}"
    upper = f"at most {_number(highest)}" if highest is not None else ""
    if interval.lt is not None:
        upper = f"less than {_number(interval.lt)}"
    return ", ".join(part for part in (lower, upper) if part)


def _span(lowest: Any, highest: Any) -> str:
    return f"{_number(lowest)} or more" if highest is None else (
        f"{_number(lowest)} to {_number(highest)}"
    )  # fmt: skip


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,g}"


def _intervals(hint: Any) -> Iterable[Interval]:
    return (item for item in _marks(hint) if isinstance(item, Interval))


def _lengths(hint: Any) -> Iterable[Len]:
    return (item for item in _marks(hint) if isinstance(item, Len))


def _marks(hint: Any) -> tuple[Any, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def choices(hint: Any) -> Iterable[Any]:
    """Return the values of a literal, also one within a union or a list; none of other types."""
    inner = plain_type(hint)
    if get_origin(inner) is Literal:
        return get_args(inner)
    parts = (part for part in get_args(inner) if part is not Ellipsis)
    return [choice for part in parts for choice in choices(part)]
