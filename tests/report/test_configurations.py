"""What a row says of itself: whatever tells it from rows that would read alike, and no more."""

from __future__ import annotations

from typing import Any

from facebench.report.configurations import differences
from facebench.report.entries import MethodEntry


def entry(
    key: str, images: str, data: str = "lfw", *, tau: float = 0.1, **pretrain: Any
) -> MethodEntry:
    learning = {"epochs": 3, "limit": 0, "image_size": 64, **pretrain}
    options = {"temperature": tau}
    return MethodEntry(
        key=key, method="simclr", title="SimCLR", feature="f_s", backbone="tiny", preset="quick",
        pretraining=f"{images} images of {data}", pretrain_data=data, results={},
        configuration={"options": options, "pretrain": learning, "data": key},
    )  # fmt: skip


def test_a_row_alone_says_nothing() -> None:
    assert differences([entry("a", "100"), entry("b", "100", "voxceleb", epochs=9)]) == {
        "a": "",
        "b": "",
    }


def test_rows_that_learned_for_longer_say_what_else_differs() -> None:
    found = differences([entry("a", "100"), entry("b", "400", epochs=12, image_size=32, tau=0.2)])
    assert found == {
        "a": "temperature=0.1, pretrain.image_size=64",
        "b": "temperature=0.2, pretrain.image_size=32",
    }


def test_how_long_is_said_where_the_number_of_images_does_not_tell() -> None:
    found = differences(
        [entry("a", "400", epochs=4), entry("b", "400", epochs=1, limit=400), entry("c", "100")]
    )
    assert found["a"] == "pretrain.epochs=4"
    assert found["b"] == "pretrain.epochs=1, pretrain.limit=400"


def test_a_row_that_differs_from_all_others_alone_says_so() -> None:
    rows = [entry("a", "100"), entry("b", "100", image_size=32), entry("c", "100", tau=0.2)]
    assert differences(rows) == {"a": "", "b": "pretrain.image_size=32", "c": "temperature=0.2"}
    assert differences(rows[:2]) == {"a": "pretrain.image_size=64", "b": "pretrain.image_size=32"}
    assert differences([*rows, entry("d", "100", tau=0.2)]) == {
        "a": "temperature=0.1",
        "b": "temperature=0.1, pretrain.image_size=32",
        "c": "temperature=0.2",
        "d": "temperature=0.2",
    }


def test_versions_of_a_method_are_told_apart_by_their_number_alone() -> None:
    """An option that came with the new version is no difference beside it."""
    old, new = entry("a", "100"), entry("b", "100")
    old.configuration["method"] = ["simclr", 1]  # type: ignore[index]
    new.configuration["method"] = ["simclr", 2]  # type: ignore[index]
    new.configuration["options"]["directions"] = "sum"
    assert differences([old, new]) == {"a": "version=1", "b": "version=2"}


def test_a_line_begins_with_the_settings_that_tell_rows_apart() -> None:
    """Two of six differ in the option that comes last; four settings have space."""
    rows = []
    for key, many, last in (("a", 1, 1), ("b", 1, 2), ("c", 2, 1), ("d", 2, 2)):
        rows.append(entry(key, "100", one=many, two=many, three=many, four=many, five=last))
    found = differences(rows)
    assert len(set(found.values())) == len(rows)
    assert found["a"].startswith("pretrain.one=1, pretrain.five=1, ")
    assert found["a"].endswith(", 1 more")


def test_what_is_said_elsewhere_is_left_out() -> None:
    rows = [entry("a", "100"), entry("b", "100", image_size=32, tau=0.2)]
    found = differences(rows, frozenset({"temperature"}))
    assert found == {"a": "pretrain.image_size=64", "b": "pretrain.image_size=32"}
