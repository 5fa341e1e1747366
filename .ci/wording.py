"""Checks the wording of code and documentation against the list in ``wording.txt``.

    python .ci/wording.py

Prints ``file:line: found 'word'; write ...`` for each occurrence, and exits with status 1 if there
is one. Checked are the files that git tracks, by the suffixes in :data:`SUFFIXES`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = Path(__file__).with_name("wording.txt")
SUFFIXES = (
    *(".py", ".pyi", ".md", ".toml", ".yaml", ".yml", ".cff", ".tmpl", ".ipynb"),
    *(".js", ".css", ".html"),
)


@dataclass(frozen=True)
class WordList:
    """The rules of ``wording.txt``.

    Args:
        words: Pattern of lower-case text -> what to write instead.
        lines: Pattern of the beginning of a line -> what to write instead.
        excluded: Prefixes of paths that are not checked.
        allowed: (path, phrase) pairs; the phrase is permitted in that file.
    """

    words: dict[re.Pattern[str], str]
    lines: dict[re.Pattern[str], str]
    excluded: tuple[str, ...]
    allowed: tuple[tuple[str, str], ...]


def read_list(text: str) -> WordList:
    """Parse the word list.

    Args:
        text: Lines ``words | replacement``, ``exclude: path prefix`` and ``allow: path: phrase``.
            Blank lines and lines that begin with ``#`` are ignored.

    Raises:
        ValueError: A line has another form, or its pattern is not a regular expression.
    """
    words: dict[re.Pattern[str], str] = {}
    lines: dict[re.Pattern[str], str] = {}
    excluded: list[str] = []
    allowed: list[tuple[str, str]] = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("exclude: "):
            excluded.append(line.removeprefix("exclude: ").strip())
        elif line.startswith("allow: "):
            path, separator, phrase = line.removeprefix("allow: ").partition(": ")
            if not separator:
                raise ValueError(f"found '{line}'; expected 'allow: path: phrase'.")
            allowed.append((path, phrase.strip().lower()))
        else:
            found, separator, instead = line.rpartition(" | ")
            if not separator:
                raise ValueError(f"found '{line}'; expected 'words | replacement'.")
            if found.startswith("^"):
                lines[_compiled(found.strip())] = instead.strip()
            else:  # whole words, also as parts of identifiers
                words[_compiled(rf"(?<![a-z])(?:{found.strip()})(?![a-z])")] = instead.strip()
    return WordList(words, lines, tuple(excluded), tuple(allowed))


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"found '{pattern}'; expected a regular expression ({error}).") from error


def findings(path: str, text: str, rules: WordList) -> Iterator[str]:
    """Yield one message for each forbidden word.

    Args:
        path: Path relative to the repository, with ``/`` as separator.
        text: Content of the file.
        rules: The word list.
    """
    if path.startswith(rules.excluded):
        return
    phrases = [phrase for file, phrase in rules.allowed if file == path]
    for number, line in enumerate(text.splitlines(), start=1):
        lowered = line.lower()
        for phrase in phrases:
            lowered = lowered.replace(phrase, "")
        matches = [(m, to) for p, to in rules.words.items() for m in p.finditer(lowered)]
        matches += [(m, to) for p, to in rules.lines.items() if (m := p.match(line))]
        for match, instead in matches:
            yield f"{path}:{number}: found '{match[0].strip()}'; write {instead}."


def main() -> int:
    """Check all files of the repository, and return the exit status."""
    rules = read_list(LIST.read_text(encoding="utf-8"))
    listed = subprocess.run(
        ("git", "ls-files", "-z"), cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    found = [
        message
        for path in sorted(filter(None, listed.split("\0")))
        if path.endswith(SUFFIXES) and (ROOT / path).is_file()
        for message in findings(path, (ROOT / path).read_text(encoding="utf-8"), rules)
    ]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
