"""The benchmarks of a GPU, of growth and of a cached run work on a CPU at a tiny size."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))


@pytest.mark.nightly
def test_the_benchmark_of_a_gpu_runs_without_one(capsys: pytest.CaptureFixture[str]) -> None:
    from gpu import main

    main(["--device", "cpu", "--tiny"])
    printed = capsys.readouterr().out
    assert "aten::" in printed  # the profile
    found = json.loads(printed.splitlines()[-1])
    assert found["left_out"] == []
    for part in ("pcl", "simclr", "extraction", "probe"):
        of = "rows" if part == "probe" else "images"
        own, plain = found[part][f"{of}_per_second"], found[part][f"plain_{of}_per_second"]
        assert own > 0
        assert found[part]["ratio"] == pytest.approx(own / plain)


@pytest.mark.nightly
def test_the_benchmark_of_a_cached_run_reads_one_result() -> None:
    from cached_run import measure

    found = measure(images=30, rounds=1)
    assert found["results"] == 1
    first = found["first_run_seconds"] / found["import_torch_seconds"]
    assert found["by_words_ratio"] < 1 < found["by_keys_ratio"] < first


def test_what_would_take_too_long_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    from gpu import main

    main(["--device", "cpu", "--tiny", "--minutes", "-1"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["left_out"] == ["pcl", "simclr", "extraction", "probe", "profile"]


@pytest.mark.nightly
def test_the_cost_of_a_step_grows_with_the_batch() -> None:
    from step_cost import step_cost

    small, large = (step_cost("simsiam", batch, 16) for batch in (4, 8))
    assert small["launches"] == large["launches"] > 0
    assert (small["copies"], small["waits"]) == (1, 0)
    assert 1.5 < large["tflop"] / small["tflop"] <= 2
    assert small["gigabytes"] < large["gigabytes"]


def test_growth_is_found_from_the_measurements() -> None:
    from growth import growth

    rows = [
        {"images": n, "seconds": 1e-3 * n**1.5, "peak_gb": 0.1 + 8e-9 * n} for n in (8, 32, 128)
    ]
    found = growth(rows)
    assert found["exponent"] == pytest.approx(1.5)
    assert found["bytes_per_image"] == pytest.approx(8)
    assert found["more_mb"] == pytest.approx(1e-6 * 8 * 96)
