"""``facebench run`` on what is stored: no library that learns or renders is imported."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import Facebench, environment

# What only learning, extraction, rendering, a search for duplicates or a statistic needs. Each
# takes up to seconds to import: torchvision imports torch._dynamo, and that sympy.
NOT_NEEDED = (
    "lightly", "timm", "torchvision", "torch._dynamo", "sympy", "pytorch_lightning", "sklearn",
    "skimage", "imagehash", "scipy.stats", "scipy.interpolate", "scipy.sparse",
)  # fmt: skip
PROGRAM = f"""
import sys
from facebench.cli import app
try: app()
except SystemExit as end: assert not end.code
print("IMPORTED", [name for name in {("torch", *NOT_NEEDED)} if name in sys.modules])
"""


@pytest.mark.slow
def test_a_stored_result_is_shown_without_what_learns(
    facebench: Facebench, plugin: Path, data: Path, tmp_path: Path
) -> None:
    run = [
        "run", "--method", "simclr", "--task", "tiny", "--plugin", str(plugin), "--set",
        "pretrain.epochs=1", "--set", "pretrain.batch_size=16", "--set", "pretrain.image_size=32",
        "--set", "pretrain.data=tiny", "--set", "probe.epochs=2", "--backbone", "tinynet",
    ]  # fmt: skip
    facebench(*run)
    # What was written less than 2 s before a process begins may have changed since it did.
    time.sleep(max(0.0, 2.5 - (time.time() - (data / "tiny").stat().st_ctime)))
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("results/runs/*/*.json")}
    assert len(written) == 2  # SimCLR, and the floor
    again, once_more = (
        subprocess.run(
            [sys.executable, "-c", PROGRAM, *run], cwd=tmp_path, env=environment(tmp_path, data),
            capture_output=True, text=True, check=True,
        )
        for _ in range(2)
    )  # fmt: skip
    assert "SimCLR" in again.stdout
    assert again.stdout.splitlines()[-1] == "IMPORTED ['torch']"  # the keys are of its classes
    # Known by its words now, and told in the same ones.
    assert once_more.stdout.splitlines()[-1] == "IMPORTED []"
    assert once_more.stdout.splitlines()[:-1] == again.stdout.splitlines()[:-1]
    assert once_more.stderr == again.stderr
    assert written == {path: path.stat().st_mtime_ns for path in written}
