from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebench.config.options import (
    PRESETS,
    Override,
    apply,
    check_keys,
    layer,
    origins,
    parse_set,
    parse_value,
    read_config,
)
from facebench.errors import SpecError, UnknownNameError


@dataclass(frozen=True)
class Options:
    epochs: int = 3
    rate: float = 0.1
    on: bool = True
    kind: Literal["a", "b"] = "a"
    many: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise SpecError(f"epochs is {self.epochs}; expected 1 or more.")


def value_of(text: Any, hint: Any) -> Any:
    return parse_value(Override(text, "--set x.y"), hint, "x.y")


@pytest.mark.parametrize(
    ("text", "hint", "value"),
    [
        ("3", int, 3), ("3e-1", float, 0.3), ("off", bool, False), (True, bool, True),
        ("b", Literal["a", "b"], "b"), ("1,2.5", tuple[float, ...], (1.0, 2.5)),
        ([1, 2], tuple[int, ...], (1, 2)), ("none", int | None, None), (2.0, int, 2),
    ],
)  # fmt: skip
def test_values_are_typed_by_their_field(text: Any, hint: Any, value: Any) -> None:
    found = value_of(text, hint)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "hint"),
    [("three", int), (2.5, int), (True, int), ("maybe", bool), ("c", Literal["a", "b"]),
     ("1,x", tuple[float, ...]), ([1], str)],
)  # fmt: skip
def test_a_value_that_does_not_fit_names_key_and_place(text: Any, hint: Any) -> None:
    with pytest.raises(SpecError, match=r"--set x\.y: x\.y is .*; expected"):
        value_of(text, hint)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_survives_the_command_line(number: float) -> None:
    assert value_of(repr(number), float) == number


def test_apply_changes_only_its_group() -> None:
    overrides = parse_set(["mine.epochs=5", "other.epochs=7"])
    assert apply(Options(), "mine", overrides) == Options(epochs=5)


def test_a_value_out_of_range_says_who_gave_it() -> None:
    with pytest.raises(SpecError, match="epochs is 0.*Given by: --set mine.epochs=0"):
        apply(Options(), "mine", parse_set(["mine.epochs=0"]))


def test_an_unknown_key_gets_the_nearest_and_the_list() -> None:
    groups = {"pcl": ["temperature", "negatives"]}
    with pytest.raises(UnknownNameError, match=r"Did you mean 'pcl.temperature'.*pcl.negatives"):
        check_keys(parse_set(["pcl.temprature=1"]), groups)
    with pytest.raises(UnknownNameError, match="option group 'pc'.*Did you mean 'pcl'"):
        check_keys(parse_set(["pc.temperature=1"]), groups)


@pytest.mark.parametrize("item", ["temperature=1", "pcl.temperature", "a.b.c=1", ".x=1", "="])
def test_set_wants_group_key_value(item: str) -> None:
    with pytest.raises(SpecError, match="expected GROUP.KEY=VALUE"):
        parse_set([item])


def test_a_config_file_has_the_same_shape_as_the_flags(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(b"\xef\xbb\xbfmethod: [pcl]\r\nseeds: 3\r\npcl:\r\n  temperature: 0.1\r\n")
    top, overrides = read_config(path)
    assert top == {"method": ["pcl"], "seeds": 3}
    assert overrides["pcl.temperature"] == Override(0.1, f"{path}, pcl.temperature")


def test_pretraining_data_are_an_option_by_another_name(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("pretrain_data: lfw\n")
    top, overrides = read_config(path)
    assert not top
    assert overrides == {"pretrain.data": Override("lfw", f"{path}, pretrain_data")}


@pytest.mark.parametrize("text", ["baselines: no", "floors: no", "floors: no\nbaselines: no"])
def test_baselines_have_an_older_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    assert read_config(path) == ({"baselines": False}, {})


def test_origins_name_the_layer_that_apply_takes_a_value_from() -> None:
    overrides = layer({"epochs": 4, "rate": 0.2}, "preset quick", group="mine")
    overrides |= parse_set(["mine.rate=0.3", "other.on=false"])
    assert origins({"mine": Options}, overrides) == {
        "mine.epochs": "preset quick", "mine.rate": "--set mine.rate=0.3", "mine.on": "default",
        "mine.kind": "default", "mine.many": "default",
    }  # fmt: skip


def test_the_quick_preset_says_what_an_epoch_is() -> None:
    assert PRESETS["quick"]["pretrain.sampling"] == "frames"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("methd: pcl", "Did you mean 'method'"),
        ("- a", "expected keys"),
        ("a: [", "not a YAML"),
        ("baseline: no", "Did you mean 'baselines'"),
        (
            "floors: no\nbaselines: yes",
            "run.yaml: found baselines 'True' and floors 'False'.*Leave",
        ),
    ],
)
def test_a_config_file_that_does_not_fit(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(content)
    with pytest.raises(SpecError, match=message):
        read_config(path)


def test_a_config_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such file"):
        read_config(tmp_path / "run.yaml")
