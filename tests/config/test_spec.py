from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebench.config.spec import PretrainSpec, ProbeSpec, RunSpec, digest, plain
from facebench.errors import SpecError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)  # fmt: skip


@given(JSON)
def test_equal_values_have_equal_digests(value: Any) -> None:
    assert digest(value) == digest(plain(value))


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))


def test_every_field_of_a_spec_moves_its_digest() -> None:
    base = PretrainSpec()
    changed = [
        replace(base, lr=2e-4), replace(base, epochs=2), replace(base, schedule="onecycle"),
        replace(base, data="lfw"), replace(base, batch_size=8), replace(base, image_size=32),
        replace(base, weight_decay=0.1), replace(base, sampling="identities"),
        replace(base, limit=3),
    ]  # fmt: skip
    digests = [digest(spec) for spec in [base, *changed]]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize(
    "values",
    [{"epochs": 0}, {"lr": 0.0}, {"lr": float("nan")}, {"batch_size": 1}, {"weight_decay": -1.0}],
)
def test_a_pretrain_spec_refuses_what_cannot_be_trained(values: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=next(iter(values))):
        PretrainSpec(**values)


@pytest.mark.parametrize("values", [{"lrs": ()}, {"holdout": 1.0}, {"lrs": (0.0,)}])
def test_a_probe_spec_refuses_what_cannot_be_chosen(values: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="probe"):
        ProbeSpec(**values)


def test_what_json_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError, match="no canonical form"):
        digest({"a": object()})


def test_a_run_spec_is_frozen_and_named() -> None:
    spec = RunSpec(method="pcl", task="rafdb", seed=3)
    assert spec.name == "pcl on rafdb, seed 3"
    with pytest.raises(AttributeError):
        spec.seed = 4  # type: ignore[misc]
