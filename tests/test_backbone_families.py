"""Every architecture family of timm: sizes, features, learning, and import of its own weights."""

import importlib.util
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import pytest
import timm

from facebench.registry import Registry
from facebench.testing.backbone_trial import Trial, try_backbone
from timm_families import SMALLEST

# Eight families in small: models that timm has for its own tests.
KINDS = (
    "test_byobnet",
    "test_convnext",
    "test_efficientnet",
    "test_mambaout",  # channels last
    "test_nfnet",
    "test_resnet",
    "test_vit",  # a class token in front
    "test_vit_relpos",  # its weights depend on the size
)


def check(trial: Trial) -> None:
    """Check that a model works."""
    assert trial.judged_at > 0
    assert trial.refused == ""
    assert trial.imported
    assert trial.one_size or trial.learned_at <= trial.judged_at
    # But for a class token's own layers, a second scale, and the like.
    assert all(share > 0.4 for share in trial.learned.values())


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """Return benchmarks/backbone_families.py, which writes the table of docs/backbones.md."""
    file = Path(__file__).parents[1] / "benchmarks/backbone_families.py"
    spec = importlib.util.spec_from_file_location("backbone_families", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def documented(benchmark: ModuleType) -> dict[str, str]:
    """Return the row of each family in the table of docs/backbones.md; empty if it has none."""
    lines = benchmark.PAGE.read_text().split(benchmark.MARK)[1].splitlines()
    rows = {line.split()[1]: line for line in lines if "`timm:" in line}
    lacking = next((line for line in lines if line.startswith(benchmark.LACKING)), "")
    names = lacking.removeprefix(benchmark.LACKING).rstrip(".").split(", ")
    return rows | {name: "" for name in names if name}


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_of_model_learns_is_judged_and_imports_its_own_weights(name: str) -> None:
    trial = try_backbone(f"timm:{name}", Registry())
    check(trial)
    assert trial.one_size == (name == "test_vit_relpos")


def test_the_table_has_every_family_and_no_defect(benchmark: ModuleType) -> None:
    rows = documented(benchmark)
    assert set(rows) == set(SMALLEST)
    for family, row in rows.items():
        assert not row or f"| {family} | `timm:{SMALLEST[family]}` |" in row
        assert "defect" not in row
        assert "fails" not in row


def test_a_row_says_which_method_was_left_out(benchmark: ModuleType) -> None:
    row = asdict(Trial("timm:x", 5, 32, 100, map=(8, 4, 4), learned={"simclr": 1.0}, imported=True))
    assert benchmark.outcome(row) == f"works; pcl not tried to the end: {benchmark.TOO_MUCH}"
    assert benchmark.outcome({**row, "learned": {"simclr": 1.0, "pcl": 0.9}}) == "works"
    assert benchmark.outcome({**row, "learned": {"simclr": 1.0, "pcl": 0.0}}) == "fails: pcl"


@pytest.mark.nightly
def test_every_family_is_listed() -> None:
    assert set(timm.list_modules()) == set(SMALLEST)
    assert all(name in timm.list_models(module=family) for family, name in SMALLEST.items())


@pytest.mark.nightly
@pytest.mark.parametrize("family", SMALLEST)
def test_the_smallest_model_of_a_family_does_what_the_table_says(
    family: str, benchmark: ModuleType
) -> None:
    row = documented(benchmark)[family]
    if benchmark.TOO_MUCH in row:
        pytest.skip(f"timm:{SMALLEST[family]}: {benchmark.TOO_MUCH}")
    trial = try_backbone(f"timm:{SMALLEST[family]}", Registry())
    if row:
        assert benchmark.line({"family": family, **asdict(trial)}) == row
    if "refused" not in row:
        check(trial)
