"""The word list of continuous integration finds forbidden words, and the repository has none."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

CI = Path(__file__).parents[1] / ".ci"

pytestmark = pytest.mark.skipif(not CI.is_dir(), reason="the check belongs to the checkout")


@pytest.fixture
def wording(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return ``.ci/wording.py`` as a module."""
    spec = importlib.util.spec_from_file_location("wording", CI / "wording.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "wording", module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


RULES = r"""
# a comment
mend(ed|able)? | correct
^\s+\w+: Of\b | what the argument is
^class Row\b | another name
exclude: old/
allow: docs/a.md: mended fences
"""


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.py", "ok = 1\n# Mend it.", ["a.py:2: found 'mend'; write correct."]),
        ("a.py", "def is_mendable(): ...", ["a.py:1: found 'mendable'; write correct."]),
        ("a.py", "amendment = recommended", []),
        (
            "a.py",
            "    seed: Of the run.",
            ["a.py:1: found 'seed: Of'; write what the argument is."],
        ),
        ("a.py", "    n: Number of runs.", []),
        ("a.py", "class Row(NamedTuple):", ["a.py:1: found 'class Row'; write another name."]),
        ("a.py", "class RowReader:\nrow = 1", []),
        ("old/a.py", "# Mend it.", []),
        ("docs/a.md", "Mended fences.", []),
        ("docs/b.md", "Mended fences.", ["docs/b.md:1: found 'mended'; write correct."]),
    ],
)
def test_forbidden_words(wording: ModuleType, path: str, text: str, expected: list[str]) -> None:
    assert list(wording.findings(path, text, wording.read_list(RULES))) == expected


@pytest.mark.parametrize("line", ["mend", "( | x", "allow: docs/a.md"])
def test_a_malformed_rule_is_an_error(wording: ModuleType, line: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        wording.read_list(line)


@pytest.mark.nightly  # .ci/run calls the script
def test_the_repository_has_no_forbidden_word(
    wording: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    status = wording.main()
    assert (status, capsys.readouterr().out) == (0, "")


def test_every_allowed_phrase_occurs(wording: ModuleType) -> None:
    rules = wording.read_list((CI / "wording.txt").read_text(encoding="utf-8"))
    assert rules.words
    assert rules.lines
    for path, phrase in rules.allowed:
        assert phrase in (CI.parent / path).read_text(encoding="utf-8").lower()
