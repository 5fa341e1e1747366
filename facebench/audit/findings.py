"""What a check of a dataset has found, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["ok", "warning", "problem"]

FORMAT = 1


@dataclass(frozen=True)
class Finding:
    """One line of a report.

    Args:
        check: What was looked at: ``counts``, ``images``, ``leaks`` ...
        status: ``ok``, ``warning`` (know it; the dataset may be used) or ``problem`` (this is not
            the dataset that the task expects).
        text: What was found, and what was expected if that differs.
    """

    check: str
    status: Status
    text: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is known about a dataset on disk.

    Args:
        task: Name of the task.
        version: Of the task.
        root: Where the data are.
        synthetic: Rendered instead of real.
        fingerprint: Of rows and file contents; empty if the dataset could not be opened.
        counts: Images per split, and pairs.
        findings: In the order in which they were looked for.
        leaks: As a result records them; ``None`` if they were not looked for.
    """

    task: str
    version: int
    root: str
    synthetic: bool
    fingerprint: str
    counts: dict[str, int]
    findings: tuple[Finding, ...]
    leaks: dict[str, Any] | None

    @property
    def passed(self) -> bool:
        """Whether nothing is a problem; warnings are allowed."""
        return all(finding.status != "problem" for finding in self.findings)

    def record(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {
            "format": FORMAT,
            "passed": self.passed,
            "task": self.task,
            "version": self.version,
            "root": self.root,
            "synthetic": self.synthetic,
            "fingerprint": self.fingerprint,
            "counts": self.counts,
            "findings": [vars(finding) for finding in self.findings],
            "leaks": self.leaks,
        }


def examples(items: Sequence[str], limit: int = 3) -> str:
    """Return the first few of many names, as text."""
    return ", ".join(items[:limit]) + (f" and {len(items) - limit:,} more" * (len(items) > limit))
