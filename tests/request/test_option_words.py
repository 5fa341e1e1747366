"""Options and their words as source says them, against those of the imported classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from facebench.models.preprocess import Preprocess
from facebench.ranges import choices, declared
from facebench.registry import Plugin, PluginKind, Registry
from facebench.request.option_list import option_list
from facebench.request.option_words import option_words, words_of

KINDS: tuple[PluginKind, ...] = ("method", "task")


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in KINDS for name in Registry().names(kind)]
)
def test_options_are_those_of_the_class(kind: PluginKind, name: str) -> None:
    registry = Registry()
    found = option_words(registry.find(kind, name))
    imported = {one.key.removeprefix(f"{name}."): one.words for one in option_list(name, registry)}
    assert found == imported
    assert list(found) == list(imported)


def test_fields_are_those_of_a_dataclass() -> None:
    hints = declared(Preprocess)
    found = words_of("facebench.models.preprocess:Preprocess")
    assert found == {
        name: ("true", "false") if hint is bool else tuple(map(str, choices(hint)))
        for name, hint in hints.items()
    }


@pytest.mark.parametrize(
    "source",
    ["", "class Mine(:", "class Mine:\n    Options = made()\n", "Mine = made()\n"],
)
def test_what_source_does_not_say_is_unknown(source: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(source)
    assert option_words(Plugin("method", "mine", f"{file}:Mine", "file", digest="d" * 64)) is None
