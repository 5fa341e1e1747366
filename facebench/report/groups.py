"""Which results may be compared, and what a reader must be told of each.

What cannot be compared is kept apart: a group holds one task version, one protocol, and real or
synthetic data, never both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from facebench.config.spec import digest
from facebench.results.store import Result, of_pairs

# Task, its version, protocol, its version, synthetic, and what else changes the test: options of
# the task (crop, which split), image size, limit, and how pairs are verified.
Group = tuple[str, int, str, int, bool, str]


def comparable(results: Iterable[Result]) -> dict[Group, list[Result]]:
    """Group results that may stand in one table."""
    groups: dict[Group, list[Result]] = defaultdict(list)
    for result in results:
        task = result.record["task"]
        protocol, version = task["protocol"]
        spec = result.record["spec"]
        # No other protocol looks at it.
        how = verified_by(result.record) if of_pairs(result.record) else ""
        conditions = digest(
            [spec["task_options"], spec["extract"]["image_size"], spec["limit"], how]
        )
        key = (task["name"], task["version"], protocol, version, task["synthetic"], conditions)
        groups[key].append(result)
    return dict(groups)


def task_title(record: dict[str, Any]) -> str:
    """Return the title of a result's task; pairs that a trained head verifies say so."""
    learned = of_pairs(record) and verified_by(record) == "learned"
    title: str = record["task"]["title"]
    return f"{title}, learned head" if learned else title


def verified_by(record: dict[str, Any]) -> str:
    """Return how pairs are verified: ``cosine`` or ``learned``."""
    how: str = record["spec"]["probe"]["verification"]
    return how


def leak_free(record: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the scores of a result without test items that leak, if it has any, with a name.

    Near duplicates get no line of their own where there are none.
    """
    shown = -1
    for kind, scores in record["scores"].get("without_leaks", {}).items():
        if scores["removed"] != shown:
            shown = scores["removed"]
            yield f"without {shown:,} {record['task']['leaks']['unit']}s ({kind})", scores


def learned_from(record: dict[str, Any]) -> str:
    """Return what a representation was learned from, as the end of a line."""
    data = record["pretrain"]["data"]
    imported = record["pretrain"].get("imported")
    if imported is not None:
        return f", imported weights, {imported['file']} sha256:{imported['sha256'][:12]}"
    if data is None:
        published = record["method"].get("needs") == "weights"
        return ", published weights" if published else ", nothing learned"
    kind = " (synthetic)" if data["synthetic"] else ""
    return f", {record['pretrain']['images_seen']:,} images of {data['name']}{kind}"
