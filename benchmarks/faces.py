"""Time of rendering a face, from its parameters to a JPEG file.

Three timings on 128 px faces; the first is the baseline of the ratios:

- known: one core, a few people in many images each, so that their meshes and textures are reused
- new: one core, another person in every image, as in the RAF-DB stand-in
- write: the same new people by ``write_images`` with a process on every core, start included

Run ``python benchmarks/faces.py [--faces N] [--size 128]``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from facebench.synth import Face, FaceSampler, write_images


def timed(faces: Sequence[Face], size: int, workers: int) -> float:
    """Return the milliseconds that a face takes."""
    with tempfile.TemporaryDirectory() as folder:
        items = [(Path(folder) / f"{n}.jpg", face) for n, face in enumerate(faces)]
        started = time.perf_counter()
        write_images(items, size, workers=workers)
        return 1000 * (time.perf_counter() - started) / len(faces)


def main() -> None:
    """Run the three and print them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, default=400)
    parser.add_argument("--size", type=int, default=128)
    arguments = parser.parse_args()
    sampler, count = FaceSampler(seed=1), arguments.faces
    new = [sampler.face(n) for n in range(count)]
    known = [sampler.face(n, identity=n % 4) for n in range(count)]
    timed(new[:4], arguments.size, 1)  # opens the assets
    cores = os.cpu_count() or 1
    times = {
        "known": timed(known, arguments.size, 1),
        "new": timed(new, arguments.size, 1),
        "write": timed(new, arguments.size, cores),
    }
    report = {f"{name}_ms_per_face": round(value, 2) for name, value in times.items()}
    report["new_over_known"] = round(times["new"] / times["known"], 2)
    report["write_over_known"] = round(times["write"] / times["known"], 2)
    print(json.dumps({"faces": count, "size": arguments.size, "cores": cores, **report}, indent=2))


if __name__ == "__main__":  # the workers import this file
    main()
