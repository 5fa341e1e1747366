"""Findings of the check of a dataset."""

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
        check: Name of the check: ``counts``, ``images``, ``leaks`` ...
        status: ``ok``, ``warning`` (the dataset may be used) or ``problem`` (this is not the
            dataset that the task expects).
        text: What was found, and what was expected if that differs.
    """

    check: str
    status: Status
    text: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """Report on a dataset on disk.

    Args:
        task: Name of the task.
        version: Version of the task.
        root: Folder of the data.
        synthetic: Whether the data are rendered.
        fingerprint: Digest of rows and file contents; empty if the dataset could not be opened.
        counts: Images per split, and pairs.
        findings: The findings, in the order of the checks.
        leaks: Leaks in the form of the results; ``None`` if they were not searched.
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
        """Whether there is no finding of status ``problem``."""
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
