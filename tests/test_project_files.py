"""The files around the code agree with it: licence, citation, hooks, and every page of the site."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from typer.main import get_command

from facebench.cli import app

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
PAGES = {path.name: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}


def test_the_licence_is_declared_and_there_in_full() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    for name in PROJECT["license-files"]:
        text = (ROOT / name).read_text()
        assert "Version 2.0, January 2004" in text
        assert "END OF TERMS AND CONDITIONS" in text


def test_the_citation_is_of_this_project_and_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["type"] == "software"
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert [author["name"] for author in citation["authors"]] == [
        author["name"] for author in PROJECT["authors"]
    ]


def test_the_changelog_has_a_place_for_what_is_not_released() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "[Unreleased]"


def test_the_hooks_have_a_version_of_ruff_that_the_project_allows() -> None:
    (ruff,) = [
        requirement
        for requirement in map(Requirement, PROJECT["optional-dependencies"]["test"])
        if requirement.name == "ruff"
    ]
    repository, *_ = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["rev"].removeprefix("v") in ruff.specifier
    assert [hook["id"] for hook in repository["hooks"]] == ["ruff-check", "ruff-format"]


def navigated(entries: Any) -> Iterator[str]:
    """Yield every page below an entry of the site's navigation."""
    if isinstance(entries, str):
        yield entries
    else:
        for entry in entries.values() if isinstance(entries, dict) else entries:
            yield from navigated(entry)


def test_the_navigation_has_every_page_once() -> None:
    assert SITE["strict"]
    notebooks = [f"notebooks/{path.name}" for path in (ROOT / "docs/notebooks").glob("*.ipynb")]
    assert len(notebooks) == 2
    assert sorted(navigated(SITE["nav"])) == sorted([*PAGES, *notebooks])


def commands() -> list[str]:
    texts = [*PAGES.values(), (ROOT / "CONTRIBUTING.md").read_text()]
    blocks = [
        block for text in texts for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    ]
    lines = [part.strip() for block in blocks for line in block.splitlines()
             for part in line.split("#")[0].split("&&")]  # fmt: skip
    return sorted({line for line in lines if line.startswith("facebench ")})


@pytest.mark.parametrize("line", commands())
def test_every_command_of_the_documentation_exists(line: str) -> None:
    """Parsed, not run; an option or argument that does not exist is a usage error."""
    command: Any = get_command(app)
    arguments = shlex.split(line)[1:]
    while hasattr(command, "commands"):
        command = command.commands[arguments.pop(0)]
    with command.make_context(command.name, arguments) as parsed:
        assert parsed.params or not command.params


def test_links_out_of_the_documentation_lead_to_a_file() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        for target in re.findall(r"\]\(((?!http)[^)#]+)", (ROOT / name).read_text()):
            assert (ROOT / target).exists(), f"{name}: {target}"


def test_the_architecture_page_has_every_module_at_the_top() -> None:
    tree = PAGES["architecture.md"].split("## The tree")[1].split("```")[1]
    named = re.findall(r"^(\w+)  ", tree.removeprefix("text"), re.MULTILINE)
    modules = {path.stem for path in (ROOT / "facebench").glob("*.py")}
    packages = {path.parent.name for path in (ROOT / "facebench").glob("*/__init__.py")}
    assert sorted(named) == sorted((modules | packages) - {"__init__"})


def test_the_architecture_page_names_files_that_exist() -> None:
    named = re.findall(
        r"`((?:facebench|methods|results|tasks|tests)/[^`]*)`", PAGES["architecture.md"]
    )
    assert len(named) > 20
    for path in named:
        assert (ROOT / path).exists(), path
