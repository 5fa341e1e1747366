"""Finds the results in a folder, whatever else lies in it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from facebench.errors import StageError

_NAMED_AS_RESULT = re.compile(r"-s\d+-[0-9a-f]{16}$")


def find_results(root: Path) -> tuple[list[Path], list[Path]]:
    """Return the results below a folder, and the predictions that belong to none.

    A JSON file is a result if it is named or filled like one, or predictions lie beside it.

    Raises:
        StageError: There is no such folder.
    """
    if not root.is_dir():
        raise StageError(f"{root}: no such folder; expected a folder of results.")
    seen = [
        path
        for path in sorted(root.rglob("*"))
        if not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]
    results = [path for path in seen if path.suffix == ".json" and _is_result(path)]
    orphans = [
        path
        for path in seen
        if path.suffix == ".parquet" and not path.with_suffix(".json").exists()
    ]
    return results, orphans


def results_by_task(root: Path) -> list[Path]:
    """Return the JSON files of a folder of results, ``<task>/<name>.json``, sorted.

    Returns:
        Empty if there is no result anywhere near.

    Raises:
        StageError: There is no such folder, or the results lie in another one above or below it.
    """
    if not root.is_dir():
        raise StageError(
            f"{root}: no such folder; expected results that facebench run wrote. "
            "Give their folder with --results."
        )
    found = sorted(root.glob("*/*.json"))
    if not found and any(map(_is_result, root.glob("*.json"))):
        above = root.parent if root.name not in ("", "..") else root.resolve().parent
        raise StageError(
            f"{root}: has the results of one task; expected <task>/<name>.json below the folder. "
            f"Give {above}, the folder above."
        )
    below = sorted({path.parent.parent for path in root.glob("*/*/*.json") if _is_result(path)})
    if not found and below:
        raise StageError(
            f"{root}: has no <task>/<name>.json; there are some a folder below. "
            f"Give {' or '.join(map(str, below))}."
        )
    return found


def _is_result(path: Path) -> bool:
    if _NAMED_AS_RESULT.search(path.stem) or path.with_suffix(".parquet").exists():
        return True
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"spec", "stages", "scores"} <= content.keys()
