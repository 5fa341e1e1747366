"""What plugins say of results that do not store it, and what is another version by now."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from stored_world import classes, write
from whole_results import changed

from facebench.registry import Registry
from facebench.report.board.declared import Declared
from facebench.results.record import Record


def record_of(root: Path, **changes: object) -> Record:
    """Return the record of a result of PCL on RAF-DB, as the plugins declare them, with changes."""
    registry = Registry()
    method, task = registry.load("method", "pcl"), registry.load("task", "rafdb")
    options = {field.name: 0 for field in fields(method.Options)}
    result = write(root, classes([True, False] * 8), method="pcl", options=options)
    spec = {"task_options": {field.name: 0 for field in fields(task.Options)}}
    versions = {"method": {"version": method.info.version}, "task": {"version": task.info.version}}
    protocol = ["classification", 2]
    versions["task"]["protocol"] = protocol
    whole = changed(result, spec=spec, **versions)
    record: Record = changed(whole, **changes).record
    return record


def test_a_result_of_today_is_of_no_earlier_version(tmp_path: Path) -> None:
    assert Declared().later(record_of(tmp_path)) == ()


def test_what_came_later_is_said(tmp_path: Path) -> None:
    info = Registry().load("method", "pcl").info
    old = record_of(tmp_path, method={"version": 1}, task={"protocol": ["classification", 1]})
    stated = dict(old.spec.method_options)
    del stated["directions"], stated["passes"]
    old = old.model_copy(update={"spec": old.spec.model_copy(update={"method_options": stated})})
    assert Declared().later(old) == (
        f"PCL was version 1 and is {info.version}",
        "the protocol classification was version 1 and is 2",
        "the options pcl.directions, pcl.passes came later",
    )
    assert (
        Declared()
        .later(record_of(tmp_path, task={"version": 9}))[0]
        .startswith("RAF-DB was version 9 and is ")
    )


def test_another_thing_of_the_same_name_is_not_asked(tmp_path: Path) -> None:
    mine = record_of(tmp_path, method={"title": "Mine", "version": 7}, task={"title": "Tiny"})
    declared = Declared()
    assert declared.later(mine) == ()
    assert declared.addresses(mine) == ("", "")
    assert declared.classes(mine) == ()
    assert declared.addresses(record_of(tmp_path)) == (
        "https://arxiv.org/abs/2211.13490",
        "https://github.com/DreamMr/PCL",
    )
    assert declared.classes(record_of(tmp_path)) == Registry().load("task", "rafdb").info.classes


def test_what_a_result_stores_comes_first(tmp_path: Path) -> None:
    stored = record_of(
        tmp_path, method={"code_url": "https://a.org/b"}, task={"classes": list("abcd")}
    )
    assert Declared().addresses(stored) == ("", "https://a.org/b")
    assert Declared().classes(stored) == ("a", "b", "c", "d")


def test_a_method_that_brings_its_backbone_is_known_by_name_and_title(tmp_path: Path) -> None:
    declared, drml = Declared(), {"name": "drml", "title": "DRML"}
    assert declared.own_backbone(record_of(tmp_path / "drml", method=drml))
    assert not declared.own_backbone(record_of(tmp_path / "other", method={"title": "DRML"}))
    assert not declared.own_backbone(record_of(tmp_path / "pcl"))
