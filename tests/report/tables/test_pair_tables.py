"""Pairs verified by cosine and by a learned head never stand in one table."""

from __future__ import annotations

from whole_results import whole_result

from facebench.report.groups import comparable, task_title
from facebench.results.store import Result


def result(protocol: str, kind: str) -> Result:
    return whole_result(
        protocol,
        spec={"probe": {"verification": kind}},
        task={"name": "lfw", "title": "LFW"},
    )


def test_cosine_and_learned_never_share_a_table() -> None:
    results = [result("verification", kind) for kind in ("cosine", "learned")]
    assert list(comparable(results).values()) == [[one] for one in results]
    assert [task_title(one.record) for one in results] == ["LFW", "LFW, learned head"]


def test_what_verifies_nothing_is_not_torn_apart() -> None:
    results = [result("classification", kind) for kind in ("cosine", "learned")]
    assert list(comparable(results).values()) == [results]
