"""Every declared variant is trained; failures in later steps are found and named."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from facebench.config.spec import PretrainSpec
from facebench.errors import PluginError, SpecError
from facebench.method import Method, MethodInfo, Terms
from facebench.pretrain.engine import train
from facebench.registry import Registry
from facebench.runtime.workspace import Workspace
from facebench.testing.learning_check import RandomFaces, learn_briefly
from facebench.testing.networks import TwoLayers
from facebench.testing.variants import (
    IMAGE_SIZE,
    Variant,
    literal_values,
    shared_variants,
    value_variants,
    variants,
)


@dataclass(frozen=True)
class Choices:
    flavour: Literal["plain", "refused", "other"] = "plain"
    doubled: bool = False
    strength: float = 1.0

    def __post_init__(self) -> None:
        if self.flavour == "refused":
            raise SpecError("flavour is refused.")


class TwoSteps(Method):
    """Takes two steps a batch; ``first`` says whether both graphs are built before the first."""

    info = MethodInfo(
        name="two_steps", title="Two steps", version=1, paper="none", year=2026,
        recipes={"strong": {"strength": 2.0, "pretrain.schedule": "onecycle"}},
        presets={"quick": {"strength": 3.0}},
    )  # fmt: skip
    Options = Choices
    eager = False
    seen: list[float]

    def __init__(self, backbone: Any, options: Any, image_size: int) -> None:
        super().__init__(backbone, options, image_size)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.head = nn.Sequential(nn.Linear(self.feature_dim, 4), nn.Linear(4, 1))
        self.seen = []

    def steps(self, images: Tensor, generator: torch.Generator) -> Iterator[Terms]:
        steps: Iterator[Terms] = (self.terms(images) for _ in range(2))
        yield from list(steps) if self.eager else steps

    def terms(self, images: Tensor) -> Terms:
        drawn = self.head(self.encode(images)).float().mean()
        self.seen.append(float(drawn.detach()))
        return {"L": drawn.square(), "logged": drawn.detach() + 1}


class Eager(TwoSteps):
    eager = True


def learn(method: Method, folder: Path, precision: Any = "32") -> dict[str, Any]:
    workspace = Workspace(cache=folder, results=folder, data=None, device=torch.device("cpu"))
    spec = PretrainSpec(epochs=1, batch_size=4, image_size=IMAGE_SIZE, lr=0.05)
    return train(
        method, RandomFaces(4), spec, seed=0, workspace=workspace, precision=precision,
        folder=folder,
    )  # fmt: skip


def test_variants_are_recipes_under_presets_and_literal_values() -> None:
    found = {variant.name: variant for variant in variants(TwoSteps)}
    assert list(found) == [
        "recipe paper, preset paper", "recipe strong, preset paper",
        "recipe paper, preset quick", "recipe strong, preset quick",
        "flavour=other", "doubled=True",
    ]  # fmt: skip
    assert found["recipe paper, preset quick"].options.strength == 3.0
    assert found["recipe strong, preset quick"].options.strength == 2.0  # the recipe's loss wins
    assert found["recipe strong, preset paper"].pretrain.schedule == "onecycle"
    assert found["flavour=other"].options.flavour == "other"


def test_numbers_are_no_choices() -> None:
    assert list(literal_values(Choices)) == [
        ("flavour", "refused"), ("flavour", "other"), ("doubled", True),
    ]  # fmt: skip


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_a_step_built_before_the_last_one_was_taken_is_found(precision: Any) -> None:
    variant = next(iter(variants(TwoSteps)))
    learn_briefly(TwoSteps, TwoLayers(), variant, precision)
    if precision == "32":
        with pytest.raises(PluginError, match=r"Eager \(recipe paper.*modified by an inplace"):
            learn_briefly(Eager, TwoLayers(), variant, precision)


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_the_second_step_sees_the_weights_of_the_first(tmp_path: Path, precision: Any) -> None:
    """Autocast keeps cast weights until it ends, which is after the last step of a batch."""
    method = TwoSteps(TwoLayers(), Choices(), IMAGE_SIZE)
    learn(method, tmp_path, precision)
    first, second = method.seen[:2]  # the logged feature of the same images, a step of 0.05 apart
    assert abs(first - second) > 1e-3


def test_a_term_without_gradient_is_logged_and_not_minimised(tmp_path: Path) -> None:
    method = TwoSteps(TwoLayers(), Choices(), IMAGE_SIZE)
    (row,) = learn(method, tmp_path)["history"]
    assert row["logged"] == pytest.approx(sum(value + 1 for value in method.seen[:2]), rel=1e-5)


class NoGradient(TwoSteps):
    def terms(self, images: Tensor) -> Terms:
        return {"L": super().terms(images)["L"].detach()}


def test_a_loss_without_gradient_is_an_error_that_names_the_method(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="two_steps.*the terms L, none with a gradient"):
        learn(NoGradient(TwoLayers(), Choices(), IMAGE_SIZE), tmp_path)


class Exploding(TwoSteps):
    def terms(self, images: Tensor) -> Terms:
        return {"L": super().terms(images)["L"] * float("inf")}


def test_losses_that_are_not_finite_are_named() -> None:
    variant = Variant("as it is", Choices(), replace(PretrainSpec(), epochs=3, batch_size=4))
    with pytest.raises(PluginError, match=r"Exploding \(as it is, precision 32\).*term L is inf"):
        learn_briefly(Exploding, TwoLayers(), variant, "32")


def test_each_literal_option_of_each_built_in_method_is_among_the_variants() -> None:
    registry = Registry()
    for name in registry.names("method"):
        cls: type[Method] = registry.load("method", name)
        if cls.info.learns:
            names = {variant.name for variant in variants(cls)}
            for preset in ("paper", "quick"):
                recipes = {"paper", *cls.info.recipes}
                assert {f"recipe {recipe}, preset {preset}" for recipe in recipes} <= names
            expected = {
                f"{key}={value}"
                for key, value in literal_values(cls.Options)
                if key not in cls.info.offline
            }
            refused = {"pose_augmentation=none"} if name == "pcl" else set()
            assert expected - names == refused


def test_every_value_stands_in_a_shared_variant_too() -> None:
    registry, shorter = Registry(), 0
    for name in registry.names("method"):
        cls: type[Method] = registry.load("method", name)
        alone = {variant.name for variant in value_variants(cls)}
        shared = [variant.name.split(", ") for variant in shared_variants(cls)]
        assert sorted(value for values in shared for value in values) == sorted(alone)
        assert all(len(values) == 1 for values in shared if values[0].endswith(("True", "False")))
        shorter += len(alone) - len(shared)
    assert shorter > 0
