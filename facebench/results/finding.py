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


def _is_result(path: Path) -> bool:
    if _NAMED_AS_RESULT.search(path.stem) or path.with_suffix(".parquet").exists():
        return True
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"spec", "stages", "scores"} <= content.keys()
