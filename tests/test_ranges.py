"""What the annotation of an option's field declares is what its values are checked against."""

import math
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Interval, Len
from hypothesis import given
from hypothesis import strategies as st

from facebench.config.options import Override, apply
from facebench.config.spec import ExtractSpec, PretrainSpec, ProbeSpec
from facebench.errors import SpecError
from facebench.ranges import (
    LearningRate,
    Momentum,
    Share,
    Temperature,
    check_value,
    check_values,
    declared,
    describe,
    unbounded,
)
from facebench.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Base:
    share: Share = 0.5
    free: float = 0.0
    word: Literal["flip", "rotation"] = "flip"


@dataclass(frozen=True, kw_only=True)
class Derived(Base):
    share: float = 0.25  # another default, the same range
    free: int = 3  # another type: a declaration of its own


def allowed(value: Any, hint: Any) -> bool:
    try:
        check_value(value, hint, "x")
    except SpecError:
        return False
    return True


@given(st.floats())
def test_a_number_is_allowed_if_it_is_between_the_ends(value: float) -> None:
    assert allowed(value, Share) == (0 <= value <= 1)
    assert allowed(value, Momentum) == (0 <= value < 1)
    assert allowed(value, LearningRate) == (0 < value <= 100)
    assert allowed(value, float) == math.isfinite(value)
    pairs = Annotated[tuple[Share, ...], Len(2, 2)]
    assert allowed((value, 0.5), pairs) == (0 <= value <= 1)
    assert allowed(value, Literal[0] | Annotated[float, Interval(ge=16)]) == (
        math.isfinite(value) and value >= 16
    )


@pytest.mark.parametrize("wrong", [True, "0.5", None, (0.5,), 2**70])
def test_other_types_and_too_long_numbers_are_refused(wrong: Any) -> None:
    assert not allowed(wrong, Share)
    assert not allowed(wrong, int)


def test_a_subclass_with_another_default_keeps_the_range() -> None:
    assert declared(Derived) == {**declared(Base), "free": int}
    with pytest.raises(SpecError, match=r"^x\.share is 2; expected a number of 0 to 1\.$"):
        check_values(Derived(share=2), "x")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("share", "nan", r"--set: b\.share is nan; expected a number of 0 to 1\."),
        ("share", "half", r"--set: b\.share is 'half'; expected a number of 0 to 1\."),
        ("word", "rotate", r"expected one of flip, rotation\. Did you mean 'rotation'\?"),
        ("free", "1e999", r"b\.free is inf; expected a number\."),
    ],
)
def test_a_wrong_value_is_refused_where_it_was_written(key: str, value: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        apply(Base(), "b", {f"b.{key}": Override(value, "--set")})


def test_ranges_are_said_in_words() -> None:
    assert describe(Temperature) == "a number of 0.001 to 1,000"
    assert describe(LearningRate) == "a number of more than 0, at most 100"
    assert describe(Annotated[int, Interval(ge=2)] | None) == "a whole number of 2 or more or none"


def test_every_numeric_option_has_a_finite_range_that_holds_its_default() -> None:
    registry = Registry()
    plugins = [registry.load(k, name) for k in ("method", "task") for name in registry.names(k)]
    groups = [PretrainSpec, ExtractSpec, ProbeSpec, *(cls.Options for cls in plugins)]
    assert sum(len(fields(group)) for group in groups) > 100
    for group in groups:
        assert unbounded(group) == []
        check_values(group())
    assert unbounded(Base) == ["free"]
