"""The schema of results: written results pass, results with missing or wrong values do not."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from result_world import KINDS, protocol_of, write_result

from facebench.config.spec import ExtractSpec, PretrainSpec, ProbeSpec, RunSpec
from facebench.errors import StageError
from facebench.results.record import FORMAT, Record
from facebench.results.schema import form_or_violations, result_schema
from facebench.results.scores import SCORES
from facebench.results.store import read_result
from facebench.runtime.differences import MISSING, Difference
from facebench.runtime.workspace import to_json

OPTIONAL = {
    "spec.checkpoint",
    "seal",  # which results of earlier formats lack
    "seal.files.predictions",  # the names of files are not part of the form
    "task.classes",
    "task.leaks.same_image_pairs",
    "task.leaks.near_image_pairs",
    "scores.paper.test_accuracy_by_fold_and_epoch",
    "scores.without_leaks",
    "scores.without_leaks.exact.removed_rows",
    "scores.without_leaks.exact and near.removed_rows",
}
NULLABLE = {
    "pretrain.data",
    "environment.git_commit",
    "task.leaks.subjects",
    "task.leaks.exact_images",
    "task.leaks.near_images",
}
# Their keys are no fixed ones: options of plugins, names of splits, metrics and packages.
FREE = {"details", "method_options", "task_options", "counts", "floors", "packages", "intervals"}
VALUES: tuple[Any, ...] = (None, True, -1.5, "?", [True], {"?": True})  # one of each JSON type

MEASURED = sorted((Path(__file__).parents[2] / "results" / "measured").glob("*/*.json"))

Records = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Records:
    root = tmp_path_factory.mktemp("results")
    results = {kind: write_result(root, kind) for kind in KINDS}
    results["without leaks"] = write_result(root, "classification", dedup_test=True)
    return {kind: json.loads(result.path.read_text()) for kind, result in results.items()}


def keys(kind: str, tree: dict[str, Any], above: str = "") -> Iterator[str]:
    """Yield the dotted name of every key whose form the schema fixes."""
    protocol = "classification" if kind == "without leaks" else protocol_of(kind)
    blocks = [SCORES[protocol].model_fields[name].annotation for name in ("honest", "paper")]
    metrics = {name for block in blocks for name in getattr(block, "model_fields", ())}
    for key, value in tree.items():
        name = f"{above}.{key}" if above else key
        if above in ("scores.honest", "scores.paper") and key not in metrics:
            continue  # f1_au12: the task names it
        if above.startswith("scores.without_leaks.") and key in ("honest", "paper"):
            yield name
            continue
        yield name
        if isinstance(value, dict) and key not in FREE:
            yield from keys(kind, value, name)


def editable(record: dict[str, Any], name: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return a copy, and in it what holds the key, and the key."""
    whole = copy.deepcopy(record)
    *above, last = name.split(".")
    holder = whole
    for step in above:
        holder = holder[step]
    return whole, holder, last


def schema_violations(record: Any) -> list[Difference]:
    found = form_or_violations(record)
    return found if isinstance(found, list) else []


def json_type(value: Any) -> str:
    kind = type(value).__name__
    return "number" if kind in ("int", "float") else kind


def test_the_schema_is_one_of_the_format_that_is_written() -> None:
    assert FORMAT in result_schema()["properties"]["format"]["enum"]


@pytest.mark.parametrize("kind", [*KINDS, "without leaks"])
def test_what_a_run_writes_passes(written: Records, kind: str) -> None:
    assert schema_violations(written[kind]) == []


@pytest.mark.parametrize("kind", [*KINDS, "without leaks"])
def test_every_key_that_is_taken_away_is_named(written: Records, kind: str) -> None:
    required = [name for name in keys(kind, written[kind]) if name not in OPTIONAL]
    assert len(required) > 95
    for name in required:
        whole, holder, key = editable(written[kind], name)
        del holder[key]
        assert [(v.key, v.left) for v in schema_violations(whole)] == [(name, MISSING)]


@pytest.mark.parametrize("kind", [*KINDS, "without leaks"])
def test_every_value_of_another_type_is_named(written: Records, kind: str) -> None:
    for name in keys(kind, written[kind]):
        for value in VALUES:
            whole, holder, key = editable(written[kind], name)
            fits = json_type(holder[key]) == json_type(value) or (
                name in NULLABLE and (value is None or holder[key] is None)
            )
            if not fits:
                holder[key] = value
                found = [violation.key for violation in schema_violations(whole)]
                assert name in found, (name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stages.result", "0123"), ("stages.result", "0" * 15 + "G"), ("n_scored", 0),
        ("stages.weights_digest", "0" * 63), ("spec.precision", "16"), ("spec.seed", -1),
        ("spec.seed", 0.5), ("spec.probe.lrs", []), ("spec.probe.holdout", 1),
        ("task.protocol", ["ranking", 1]), ("task.protocol", ["classification"]),
        ("scores.honest.accuracy", 1.5), ("scores.honest.accuracy", None),
        ("created", "yesterday"), ("method.needs", "wishes"), ("floors", {}),
        ("environment.packages", {"torch": "2"}), ("task.columns", []),
        ("scores.honest.intervals", {"accuracy": [0.1]}),
        ("scores.honest.intervals", {"accuracy": ["low", "high"]}),
        ("scores.honest.class_recalls", [0.1, "a"]),
    ],
)  # fmt: skip
def test_values_out_of_range_are_named(written: Records, name: str, value: Any) -> None:
    whole, holder, key = editable(written["classification"], name)
    holder[key] = value
    violations = schema_violations(whole)
    assert violations
    assert all(v.key.startswith(name) and v.right for v in violations)


def test_what_was_learned_has_a_form_too(written: Records) -> None:
    whole = copy.deepcopy(written["classification"])
    data = {
        "name": "voxceleb", "synthetic": True, "images": 12, "fingerprint": "a" * 64,
        "warnings": [], "broken": [], "identity_overlap": None,
    }  # fmt: skip
    whole["pretrain"] = {"data": data, "images_seen": 24, "history": [{"L_contrast": 7.5}]}
    assert schema_violations(whole) == []
    whole["pretrain"]["history"][0]["L_contrast"] = "7.5"
    del data["fingerprint"]
    assert {v.key for v in schema_violations(whole)} == {
        "pretrain.history[0].L_contrast", "pretrain.data.fingerprint"
    }  # fmt: skip


@pytest.mark.parametrize("record", [None, [], "text", {}])
def test_what_is_no_record_at_all_is_said(record: Any) -> None:
    assert schema_violations(record)[0].right


def test_the_schema_knows_no_option_that_a_run_does_not_have() -> None:
    defs = result_schema()["$defs"]
    for name, cls in (
        ("PretrainSettings", PretrainSpec), ("ExtractSettings", ExtractSpec),
        ("ProbeSettings", ProbeSpec), ("Settings", RunSpec),
    ):  # fmt: skip
        assert set(defs[name]["properties"]) <= {f.name for f in fields(cls)}


def test_the_schema_says_what_the_models_check() -> None:
    schema = result_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    later = {"seal", "feature_length", "backbone_parameters"}  # than the first results
    assert set(schema["required"]) == set(Record.model_fields) - later
    accuracy = schema["$defs"]["ClassBlock"]["properties"]["accuracy"]
    assert (accuracy["type"], accuracy["minimum"], accuracy["maximum"]) == ("number", 0, 1)
    leaks = schema["$defs"]["LeakRecord"]
    assert "val" not in leaks["required"]
    assert leaks["properties"]["val"]["$ref"] == "#/$defs/ValLeaks"


def test_keys_that_the_form_does_not_name_are_kept(written: Records) -> None:
    whole = copy.deepcopy(written["classification"])
    whole["of a later version"] = {"a": [1, 1.0, None]}
    whole["task"]["main_metric"]["unit"] = "%"
    whole["spec"]["probe"]["paper_lr"] = 1
    assert to_json(Record.model_validate(whole).plain()) == to_json(whole)


def test_an_address_leads_to_the_web(written: Records) -> None:
    whole = copy.deepcopy(written["classification"])
    whole["method"] |= {"paper_url": "https://arxiv.org/abs/1", "code_url": "http://a.org/b"}
    whole["backbone_parameters"] = 0  # of a hand-crafted feature
    assert to_json(Record.model_validate(whole).plain()) == to_json(whole)
    for address in ("javascript:alert(1)", "", "https://", "https://a b", None):
        whole["method"]["code_url"] = address
        assert [v.key for v in schema_violations(whole)] == ["method.code_url"], address


@pytest.mark.parametrize("path", MEASURED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_this_project_measured_is_read_and_written_byte_for_byte(path: Path) -> None:
    assert to_json(read_result(path).record.plain()).encode() == path.read_bytes()


def test_there_is_something_measured() -> None:
    assert len(MEASURED) > 90


def test_a_result_that_is_not_whole_is_named_with_its_file_in_one_line(
    written: Records, tmp_path: Path
) -> None:
    whole, holder, key = editable(written["classification"], "task.leaks.unit")
    holder[key] = "face"
    del whole["n_test"]
    path = tmp_path / "tiny" / "a.json"
    path.parent.mkdir()
    path.write_text(json.dumps(whole))
    with pytest.raises(StageError) as raised:
        read_result(path)
    assert str(raised.value) == (
        f"{path}: not a whole result: 'n_test': found nothing; expected this key (1 more keys are "
        f"wrong). Look at it with facebench results validate {tmp_path}, or delete it."
    )
