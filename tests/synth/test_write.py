"""Files: complete or absent, and independent of the number of workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from facebench.errors import DataError, FacebenchError
from facebench.synth import FaceSampler, render, sample_clip, write_clips, write_images
from facebench.synth.marker import MARKER
from facebench.synth.orders import noted_orders, untouched
from facebench.synth.write import synthetic_folder, write_orders


def read_tree(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    sampler = FaceSampler(0)
    seen: list[int] = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        items = ((folder / f"{i % 3}" / f"{i}.jpg", sampler.face(i)) for i in range(70))
        assert write_images(items, 16, workers=workers, progress=seen.append) == 70
    one, two = read_tree(tmp_path / "1"), read_tree(tmp_path / "2")
    assert len(one) == 70
    assert one == two
    assert sum(seen) == 140


def test_an_image_is_its_face(tmp_path: Path) -> None:
    face = FaceSampler(0).face(4)
    write_images([(tmp_path / "a.jpg", face)], 48, quality=95)
    write_images([(tmp_path / "g.jpg", face)], 48, quality=95, grayscale=True)
    colour, gray = Image.open(tmp_path / "a.jpg"), Image.open(tmp_path / "g.jpg")
    assert (colour.mode, gray.mode) == ("RGB", "L")
    rendered = render([face], 48)[0].astype(int)
    assert np.abs(np.asarray(colour).astype(int) - rendered).mean() < 8
    assert np.abs(np.asarray(gray) - rendered @ [0.299, 0.587, 0.114]).mean() < 4


def mirror(file: Path) -> None:
    with Image.open(file) as image:
        ImageOps.mirror(image).save(beside(file)[0], lossless=True)


def beside(file: Path) -> list[Path]:
    return [file.with_suffix(".webp")]


@pytest.mark.parametrize("workers", [1, 2])
def test_files_are_finished_where_they_are_written(tmp_path: Path, workers: int) -> None:
    sampler = FaceSampler(0)
    items = [(tmp_path / f"{i}.jpg", sampler.face(i)) for i in range(66)]
    count = write_images(items, 16, workers=workers, finish=mirror, beside=beside)
    assert count == 66
    for number in (0, 65):
        image, other = (
            np.asarray(Image.open(tmp_path / f"{number}.{suffix}")) for suffix in ("jpg", "webp")
        )
        np.testing.assert_array_equal(image, other[:, ::-1])


def test_noted_images_are_rendered_later_as_they_would_have_been(tmp_path: Path) -> None:
    def write(folder: Path) -> int:
        sampler = FaceSampler(0)
        items = [(folder / f"a/{i}.jpg", sampler.face(i)) for i in range(3)]
        write_images(items[:1], 16, grayscale=True, finish=mirror, beside=beside)
        return write_images(items[1:], 24, quality=60)

    with noted_orders() as orders:
        assert write(tmp_path / "later") == 2
    names = ["a/0.jpg", "a/0.webp", "a/1.jpg", "a/2.jpg"]
    assert read_tree(tmp_path / "later") == dict.fromkeys(names, b"")
    assert all(map(untouched, orders.values()))
    chosen = [orders[tmp_path / "later/a/2.jpg"], orders[tmp_path / "later/a/0.jpg"]]
    assert write_orders(chosen) == 2
    assert [untouched(order) for order in orders.values()] == [False, True, False]
    write(tmp_path / "now")  # noted no longer
    now = read_tree(tmp_path / "now")
    assert read_tree(tmp_path / "later") == {**now, "a/1.jpg": b""}
    assert all(now.values())


def test_a_folder_appears_only_when_complete(tmp_path: Path) -> None:
    def interrupted() -> None:
        with synthetic_folder(tmp_path / "set", seed=1, size=16, counts={"train": 1}) as folder:
            (folder / "image.jpg").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    with synthetic_folder(tmp_path / "set", seed=1, size=16, counts={"train": 1}) as folder:
        assert folder != tmp_path / "set"
        assert not (tmp_path / "set").exists()
    record = json.loads((tmp_path / "set" / MARKER).read_text(encoding="utf-8"))
    assert record["counts"] == {"train": 1}
    assert (record["seed"], record["size"], record["format_version"]) == (1, 16, 1)
    with (
        pytest.raises(DataError, match="is taken"),
        synthetic_folder(tmp_path / "set", seed=1, size=16, counts={}),
    ):
        pass


def test_clips_have_voxcelebs_layout(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_clips(tmp_path / name, identities=2, clips=2, frames=3, size=16, seed=3, workers=1)
    tree = read_tree(tmp_path / "a")
    assert tree == read_tree(tmp_path / "b")
    assert len(tree) == 2 * 2 * 3 + 1
    assert {"id00001/00000/000003.jpg", MARKER} <= set(tree)


def test_a_clip_is_one_person_in_one_place_moving_smoothly() -> None:
    sampler = FaceSampler(3)
    clip = sample_clip(sampler, identity=4, clip=1, frames=40)
    assert clip == sample_clip(sampler, identity=4, clip=1, frames=40)
    assert clip[:5] != sample_clip(sampler, identity=4, clip=2, frames=5)
    for field in ("identity", "light", "background", "camera", "wear"):
        assert len({getattr(face, field) for face in clip}) == 1
    poses = np.array([(f.pose.pitch, f.pose.yaw, f.pose.roll) for f in clip])
    actions = np.array([f.actions for f in clip])
    assert np.abs(np.diff(poses, axis=0)).max() < 12
    assert np.abs(np.diff(actions, axis=0)).max() < 0.2
    assert np.ptp(poses[:, 1]) > 1
    assert actions.min() >= 0
    assert actions.max() <= 1


def test_a_script_without_a_main_guard_renders(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from facebench.synth.sampling import FaceSampler\n"
        "from facebench.synth.write import write_images\n"
        "face = FaceSampler(0).face(0)\n"
        "items = [(Path(f'{n}.jpg'), face) for n in range(65)]\n"
        "print(write_images(items, 16, workers=2))\n"
    )
    done = subprocess.run(
        [sys.executable, script.name], cwd=tmp_path, check=True, capture_output=True, text=True,
        timeout=100,
    )  # fmt: skip
    assert done.stdout == "65\n"


def test_a_process_that_dies_ends_the_writing_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facebench.synth.write._write_chunk", lambda *_: os._exit(1))
    items = [(tmp_path / f"{number}.jpg", FaceSampler(0).face(0)) for number in range(65)]
    with pytest.raises(FacebenchError, match="ended before its work"):
        write_images(items, 16, workers=2)
