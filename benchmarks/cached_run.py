"""CPU time of ``facebench run`` where everything is cached, against what Python takes for torch.

    python benchmarks/cached_run.py [--images 1000] [--rounds 3]

A run that was answered before is known by its words, and imports no torch. Any other one does:
methods and models are classes of it, so it is imported before the key of a result is known.
``python -c "import torch"`` is the baseline, in the same run and in turn with both. A dataset of
generated images is judged once (an untrained backbone); then the same command is repeated, with
and without what is kept of its words. CPU time of a loaded machine is longer than that of an idle
one, for all alike: the ratios say more.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

# What is neither needed to read a result nor quick to import.
NOT_NEEDED = ("torchvision", "timm", "lightly", "pytorch_lightning", "sklearn", "skimage")
PLUGIN = """
from pathlib import Path

import pandas as pd

from facebench.task import Metric, Task, TaskInfo


class Generated(Task):
    info = TaskInfo(
        name="generated", title="Generated", version=1, family="expression",
        dataset="Generated", licence="none", obtain="Written by a benchmark.",
        layout="train/0_1.png", folders=("generated",), protocol="classification", image_size=32,
        main_metric=Metric(name="accuracy", title="Accuracy", higher_is_better=True),
        counts={}, classes=("dark", "light"),
    )

    def manifest(self, root: Path) -> pd.DataFrame:
        paths = sorted(path.relative_to(root).as_posix() for path in root.glob("*/*.png"))
        return pd.DataFrame(
            {
                "path": paths,
                "split": [path.split("/")[0] for path in paths],
                "label": [int(path[-5]) for path in paths],
            }
        )
"""
PROGRAM = """
import sys
from facebench.cli import app
try: app()
except SystemExit as end: assert not end.code
print("IMPORTED", [name for name in {0!r} if name in sys.modules])
"""


def cpu_seconds(arguments: list[str], folder: Path) -> float:
    """Run Python with arguments in a folder; return the CPU time that it took.

    Raises:
        SystemExit: It failed, or a cached run imports what it does not need.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"FACEBENCH_CACHE": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    if "IMPORTED" in done.stdout and "IMPORTED []" not in done.stdout:
        raise SystemExit(f"a cached run imports {done.stdout.splitlines()[-1]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write_images(root: Path, count: int) -> None:
    """Write so many images, of which a third are to be tested with."""
    rng = np.random.default_rng(0)
    for number in range(count):
        split = "test" if number % 3 == 0 else "train"
        (root / split).mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 200, (16, 16, 3), dtype=np.uint8) + 40 * (number % 2)
        name = f"{number}_{number % 2}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(root / split / name)


def measure(images: int, rounds: int) -> dict[str, float]:
    """Return CPU seconds, the least of some rounds, and their ratios to the import of torch.

    Args:
        images: Images of the dataset.
        rounds: How often each is run.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder / "data" / "generated", images)
        (folder / "plugin.py").write_text(PLUGIN)
        time.sleep(3)  # of what was changed just before a run nothing is kept
        run = [
            "run", "--method", "random", "--task", "generated", "--plugin", "plugin.py", "--data",
            "data", "--device", "cpu", "--no-baselines", "--set", "probe.epochs=2", "--set",
            "extract.image_size=32", "--set", "pretrain.image_size=32",
        ]  # fmt: skip
        first = cpu_seconds(["-m", "facebench.cli", *run], folder)
        torch, by_keys, by_words = [], [], []
        for _ in range(rounds):
            torch.append(cpu_seconds(["-c", "import torch"], folder))
            by_words.append(
                cpu_seconds(["-c", PROGRAM.format(("torch", *NOT_NEEDED)), *run], folder)
            )
            for answer in (folder / "cache" / "scores").glob("request-*"):
                answer.unlink()  # the run keeps it again
            by_keys.append(cpu_seconds(["-c", PROGRAM.format(NOT_NEEDED), *run], folder))
        results = len(list(folder.glob("results/runs/*/*.json")))
    least = min(torch)
    return {
        "images": images, "results": results, "first_run_seconds": first,
        "by_keys_seconds": min(by_keys), "by_words_seconds": min(by_words),
        "import_torch_seconds": least, "by_keys_ratio": min(by_keys) / least,
        "by_words_ratio": min(by_words) / least, "load_1min": os.getloadavg()[0],
    }  # fmt: skip


def main() -> None:
    """Measure, and print a line for each and one of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    found = measure(**vars(parser.parse_args()))
    for name in ("first_run", "by_keys", "by_words", "import_torch"):
        print(f"{name:14} {found[f'{name}_seconds']:8.2f} s of CPU time")
    for name in ("by_keys", "by_words"):
        print(f"found {name}: {found[f'{name}_ratio']:.2f} times the import of torch")
    print(json.dumps(found, sort_keys=True))


if __name__ == "__main__":
    main()
