"""Every architecture family of timm: sizes, features, learning, and import of its own weights."""

import pytest
import timm

from facebench.registry import Registry
from facebench.testing.backbone_trial import Trial, try_backbone
from timm_families import SMALLEST

# Of eight families, in small: those that timm has for its own tests, and one that no such one
# is like.
KINDS = (
    "test_byobnet",
    "test_convnext",
    "test_efficientnet",
    "test_mambaout",  # channels last
    "test_nfnet",
    "test_resnet",
    "test_vit",  # a class token in front
    "gmlp_ti16_224",  # its weights depend on the size
)
LARGEST = 60_000_000  # parameters; above them a trial takes more than a minute on one core


def check(trial: Trial) -> None:
    """Check that a model works."""
    assert trial.judged_at > 0
    assert trial.refused == ""
    assert trial.imported
    assert trial.one_size or trial.learned_at <= trial.judged_at
    # But for a class token's own layers, a second scale, and the like.
    assert all(share > 0.4 for share in trial.learned.values())


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_of_model_learns_is_judged_and_imports_its_own_weights(name: str) -> None:
    check(try_backbone(f"timm:{name}", Registry()))


def test_a_model_that_is_too_large_is_not_tried_but_its_sizes_are_found_out() -> None:
    trial = try_backbone("timm:test_vit", Registry(), largest=100_000)
    assert (trial.learned_at, trial.judged_at, trial.map) == (32, 96, ())
    assert trial.refused == "not tried: 0 million parameters"


@pytest.mark.nightly
def test_every_family_is_listed() -> None:
    assert set(timm.list_modules()) == set(SMALLEST)
    assert all(name in timm.list_models(module=family) for family, name in SMALLEST.items())


@pytest.mark.nightly
@pytest.mark.parametrize("family", SMALLEST)
def test_the_smallest_model_of_a_family_works(family: str) -> None:
    trial = try_backbone(f"timm:{SMALLEST[family]}", Registry(), largest=LARGEST)
    if trial.parameters > LARGEST or trial.refused.startswith("not tried: F_s has"):
        assert trial.refused.startswith("not tried")
    else:
        check(trial)
