"""Words on options come from the source of their dataclass."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass
from typing import Literal

import facebench as fb
from facebench.request.field_words import field_words


@dataclass(frozen=True)
class Base:
    """Options.

    Args:
        side: Pixels of an image,
            as ``read`` takes it.
        kind: One of two: a or b.

    Raises:
        ValueError: No field.
    """

    side: int = 1  # not shown, since the docstring says more
    kind: Literal["a", "b"] = "a"
    margin: float = 0.5  # Eq. 2; "in quotes # and a hash"
    # above the field,
    # on two lines
    decoded: int = 8
    folded: float = (
        0.2  # within brackets
    )  # fmt: skip

    # about nothing below

    bare: str = "# no comment"
    ignored: int = 3


@dataclass(frozen=True)
class Derived(Base):
    """More options."""

    margin: float = 0.7
    decoded: int = 9  # another default
    own: int = 1  # of the subclass


BASE = {
    "side": "Pixels of an image, as read takes it.",
    "kind": "One of two: a or b.",
    "margin": 'Eq. 2; "in quotes # and a hash"',
    "decoded": "above the field, on two lines",
    "folded": "within brackets",
}


def test_words_are_those_of_the_docstring_else_of_comments() -> None:
    assert field_words(Base) == BASE


def test_a_field_that_is_stated_again_has_no_words_of_its_base() -> None:
    rest = {name: words for name, words in BASE.items() if name != "margin"}
    assert field_words(Derived) == rest | {"decoded": "another default", "own": "of the subclass"}


def test_options_without_source_have_no_words() -> None:
    assert field_words(make_dataclass("Made", [("side", int, 1)])) == {}


def test_every_built_in_option_says_what_it_is() -> None:
    names = [one.name for kinds in ("methods", "tasks") for one in fb.list_plugins(kinds)]
    groups = ("pretrain", "align", "extract", "probe")
    options = [one for name in (*names, *groups) for one in fb.list_options(name)]
    assert len(options) > 250
    assert [one.key for one in options if not one.about] == []
