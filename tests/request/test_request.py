"""From a request to runs: which layer wins, and that each origin names the layer that did."""

from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from facebench.config.options import PRESETS, Overrides, apply, layer, parse_set, read_config
from facebench.registry import Registry
from facebench.request.resolve import (
    CORE_GROUPS,
    Request,
    resolve,
    resolve_with_origins,
)
from facebench.request.resolved import ResolvedRun
from facebench.weights.checkpoint import Checkpoint
from facebench.weights.record import CheckpointRecord

MIXED = '''
from dataclasses import dataclass

from facebench.method import Method, MethodInfo


@dataclass(frozen=True)
class MixedOptions:
    temperature: float = 0.1
    negatives: int = 100
    noise: float = 0.0


class Mixed(Method):
    """Preset and recipe contradict each other, about the loss and about the budget."""

    info = MethodInfo(
        name="mixed", title="Mixed", version=1, paper="none", year=2026, needs="nothing",
        recipes={
            "theirs": {
                "temperature": 0.2, "pretrain.epochs": 6000, "pretrain.limit": 7,
                "pretrain.weight_decay": 0.001, "probe.epochs": 10,
            },
        },
        presets={"quick": {"temperature": 0.3, "negatives": 2, "pretrain.epochs": 3}},
    )
    Options = MixedOptions


class Bare(Method):
    """It has no use for the shared backbone."""

    info = MethodInfo(
        name="bare", title="Bare", version=1, paper="none", year=2026, needs="nothing",
        backbone=False,
    )
'''


@pytest.fixture(scope="module")
def registry(plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("mixed") / "mixed.py"
    file.write_text(MIXED)
    return Registry((plugin, file))


def resolved(registry: Registry, *items: str, **changes: Any) -> ResolvedRun:
    overrides: Overrides = changes.pop("overrides", {}) | parse_set(list(items))
    request = Request(
        methods=("mixed",), tasks=("tiny",), overrides=overrides, backbone="tinynet", floors=False
    )
    (run,) = resolve_with_origins(replace(request, **changes), registry)
    return run


def given(tmp_path: Path) -> Checkpoint:
    record = {
        "format": 1, "weights_digest": "0" * 64, "data": None, "images_seen": 0, "history": [],
        "seconds": 0, "spec": {
            "method": "mixed", "backbone": "tinynet", "seed": 0,
            "method_options": {"temperature": 0.9}, "pretrain": {"epochs": 11},
        },
        "features": ["f_s"],
    }  # fmt: skip
    return Checkpoint(tmp_path, CheckpointRecord.model_validate(record))


QUICK, THEIRS, DEFAULT = "preset quick", "recipe theirs", "default"


@pytest.mark.parametrize(
    ("key", "value", "origin"),
    [
        ("mixed.temperature", 0.2, THEIRS),  # loss and views: the recipe wins
        ("mixed.negatives", 2, QUICK),  # the recipe is silent
        ("mixed.noise", 0.0, "default"),  # all are
        ("pretrain.epochs", 3, QUICK),  # budget: the method's preset wins
        ("pretrain.limit", 2048, QUICK),  # the core's, too
        ("pretrain.weight_decay", 0.001, THEIRS),  # the preset is silent
        ("probe.epochs", 100, QUICK),
        ("pretrain.sampling", "frames", QUICK),
        ("probe.batch_size", 256, "default"),
    ],
)
def test_a_recipe_says_what_is_learned_and_a_preset_at_which_expense(
    registry: Registry, key: str, value: Any, origin: str
) -> None:
    assert resolved(registry, "mixed.recipe=theirs").settings()[key] == (value, origin)


@pytest.mark.parametrize(
    ("preset", "items", "expected"),
    [
        ("quick", [], {"mixed.temperature": (0.3, QUICK), "pretrain.epochs": (3, QUICK)}),
        ("paper", [], {"mixed.temperature": (0.1, DEFAULT), "pretrain.epochs": (1000, DEFAULT)}),
        ("paper", ["mixed.recipe=theirs"],
         {"mixed.temperature": (0.2, THEIRS), "pretrain.epochs": (6000, THEIRS),
          "pretrain.limit": (7, THEIRS), "probe.epochs": (10, THEIRS)}),
    ],
)  # fmt: skip
def test_without_a_conflict_the_one_that_speaks_is_heard(
    registry: Registry, preset: str, items: list[str], expected: dict[str, Any]
) -> None:
    settings = resolved(registry, *items, preset=preset).settings()
    assert {key: settings[key] for key in expected} == expected


def test_file_and_flags_win_over_recipe_and_preset(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(
        "pretrain_data: faces\n"
        "mixed: {recipe: theirs, temperature: 0.5, negatives: 8}\npretrain: {epochs: 4, limit: 5}\n"
    )
    top, overrides = read_config(path)
    assert not top
    run = resolved(registry, "mixed.negatives=9", "pretrain.limit=6", overrides=overrides)
    expected = {
        "mixed.temperature": (0.5, f"{path}, mixed.temperature"),
        "mixed.negatives": (9, "--set mixed.negatives=9"),
        "pretrain.data": ("faces", f"{path}, pretrain_data"),
        "pretrain.epochs": (4, f"{path}, pretrain.epochs"),
        "pretrain.limit": (6, "--set pretrain.limit=6"),
        "pretrain.weight_decay": (0.001, THEIRS),
    }
    settings = run.settings()
    assert {key: settings[key] for key in expected} == expected


def test_a_flag_wins_over_the_files_pretraining_data(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("pretrain_data: faces\n")
    _, overrides = read_config(path)
    run = resolved(registry, "pretrain.data=others", overrides=overrides)
    assert run.spec.pretrain.data == "others"


def test_what_task_and_method_declare_is_their_origin(registry: Registry) -> None:
    settings = resolved(registry).settings()
    assert settings["extract.image_size"] == (32, "task")
    assert settings["extract.feature"] == ("f_s", "method")
    assert settings["extract.pool"] == ("flatten", "default")
    asked = "extract.image_size=48", "extract.feature=f_s", "extract.pool=mean"
    settings = resolved(registry, *asked).settings()
    assert settings["extract.image_size"] == (48, f"--set {asked[0]}")
    assert settings["extract.feature"] == ("f_s", f"--set {asked[1]}")
    assert settings["extract.pool"] == ("mean", f"--set {asked[2]}")
    settings = resolved(registry, *asked, methods=("bare",)).settings()
    assert settings["extract.pool"] == ("flatten", "method")  # no feature map to pool


@pytest.mark.parametrize(
    ("preset", "methods", "sizes"),
    [
        ("quick", ("simclr", "random"), {"disfa": 128, "rafdb": 100}),
        ("paper", ("simclr", "random"), {"disfa": 256, "rafdb": 100}),
        ("quick", ("frozen", "random"), {"disfa": 256, "rafdb": 100}),  # of other people's weights
    ],
)
def test_the_quick_preset_has_smaller_images_for_what_learns_here(
    preset: str, methods: tuple[str, ...], sizes: dict[str, int]
) -> None:
    request = Request(methods=methods, tasks=("disfa", "rafdb"), overrides={}, preset=preset)
    floors = [run.spec for run in resolve(request, Registry()) if run.spec.method == "random"]
    assert {spec.task: spec.extract.image_size for spec in floors} == sizes


def test_what_a_checkpoint_was_learned_with_has_no_other_origin(
    registry: Registry, tmp_path: Path
) -> None:
    run = resolved(registry, "probe.epochs=8", checkpoint=given(tmp_path))
    settings = run.settings()
    assert settings["mixed.temperature"] == (0.9, "checkpoint")
    assert settings["mixed.negatives"] == (100, "default")  # its record is silent, not the preset's
    assert settings["pretrain.epochs"] == (11, "checkpoint")
    assert settings["pretrain.limit"] == (0, "default")
    assert settings["extract.feature"] == ("f_s", "checkpoint")
    assert settings["probe.epochs"] == (8, "--set probe.epochs=8")
    assert settings["probe.paper_lr"] == (0.01, "default")


def test_origins_are_no_part_of_the_run(registry: Registry) -> None:
    as_default = resolved(registry, preset="paper")
    as_asked = resolved(registry, "mixed.temperature=0.1", preset="paper")
    assert as_default.spec == as_asked.spec
    assert as_default.origins != as_asked.origins


def test_every_option_of_every_built_in_has_the_value_of_its_origin() -> None:
    registry = Registry()
    for name in registry.names("method"):
        cls = registry.load("method", name)
        if cls.info.needs == "file":
            continue
        backbone = "timm:vit_tiny_patch16_224" if cls.info.transformer else "facecycle16"
        for preset in PRESETS:
            for recipe in {"paper": {}, **cls.info.recipes}:
                overrides = parse_set([f"{name}.recipe={recipe}"])
                request = Request(methods=(name,), tasks=tuple(registry.names("task")),
                                  backbone=backbone, overrides=overrides, preset=preset,
                                  floors=False)  # fmt: skip
                runs = resolve_with_origins(request, registry)
                assert resolve(request, registry) == [run.loaded for run in runs]
                for run in runs:
                    check_origins(run, cls, registry.load("task", run.spec.task), recipe)


def check_origins(run: ResolvedRun, method: Any, task: Any, recipe: str) -> None:
    """Apply each origin's own values to the defaults; an option must then be as in the spec."""
    name, preset = method.info.name, run.spec.preset
    groups = {name: method.Options, **CORE_GROUPS, task.info.name: task.Options}
    said = {
        "default": {},
        f"preset {preset}": layer(PRESETS[preset], "")
        | layer(method.info.presets.get(preset, {}), "", group=name),
        f"recipe {recipe}": layer(method.info.recipes.get(recipe, {}), "", group=name),
    }
    of_origin = cache(lambda group, origin: apply(groups[group](), group, said[origin]))
    settings = run.settings()
    assert list(settings) == [f"{group}.{f.name}" for group, o in groups.items() for f in fields(o)]
    for key, (value, origin) in settings.items():
        if origin in ("task", "method") or "nearest to" in origin:  # a size that the backbone takes
            continue
        group, _, option = key.partition(".")
        assert origin == "default" or key in said[origin]
        assert getattr(of_origin(group, origin), option) == value, key
