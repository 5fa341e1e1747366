"""A limit renders what it keeps, and nothing in the result tells that the rest is missing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image
from rendered_plugin import Rendered
from tiny_tasks import Tiny

import facebench as fb
from facebench.audit.inventory import inventory
from facebench.data.dataset import Dataset, open_dataset
from facebench.data.stand_in import write_stand_in
from facebench.errors import DataError
from facebench.progress import Advance, Silent
from facebench.registry import Registry
from facebench.runtime.digests import file_digests
from facebench.synth import render as render_faces
from facebench.task import Task

PLUGIN = Path(__file__).parents[1] / "rendered_plugin.py"
BUILT_IN = ("aflw2000", "bu3dfe", "cplfw", "disfa", "fer2013", "lfw", "rafdb")


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the side of each face that is rendered in this process."""
    sides: list[int] = []

    def counted(faces: Any, size: int) -> Any:
        sides.extend(size for _ in faces)
        return render_faces(faces, size)

    monkeypatch.setattr("facebench.synth.write.render", counted)
    return sides


class Recorder:
    """Keeps title and total of each bar, and how far it was."""

    def __init__(self) -> None:
        self.bars: list[tuple[str, int, list[int]]] = []

    @contextmanager
    def bar(self, title: str, total: int, unit: str) -> Iterator[Advance]:
        self.bars.append((title, total, []))
        yield self.bars[-1][2].append


def stand_ins_in(cache: Path) -> list[str]:
    """Return the names of the stand-ins, without the hash of what they are made from."""
    folders = [path for path in (cache / "synthetic").iterdir() if path.is_dir()]
    return sorted("-".join(part for part in path.name.split("-") if len(part) != 12)
                  for path in folders)  # fmt: skip


def assert_same(found: Dataset, expected: Dataset) -> None:
    pd.testing.assert_frame_equal(found.table, expected.table)
    assert (found.pairs is None) == (expected.pairs is None)
    if found.pairs is not None and expected.pairs is not None:
        pd.testing.assert_frame_equal(found.pairs, expected.pairs)
    assert found.digests == expected.digests
    assert found.fingerprint == expected.fingerprint
    assert (found.warnings, found.synthetic) == (expected.warnings, expected.synthetic)
    for path in found.table["path"]:
        assert (found.root / path).read_bytes() == (expected.root / path).read_bytes()


def test_all_built_in_tasks_are_tested() -> None:
    assert set(BUILT_IN) == {
        name
        for name in Registry(()).names("task")
        if Registry(()).load("task", name).synthesise is not Task.synthesise
    }


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_is_kept_is_that_of_the_whole(
    tmp_path: Path, stand_ins: Path, rendered: list[int], name: str
) -> None:
    task = Registry(()).load("task", name)()
    whole = open_dataset(task, None, stand_ins, scale=0.02)
    rendered.clear()
    some = open_dataset(task, None, tmp_path, scale=0.02, limit=4)
    assert len(some) < len(whole)
    assert_same(some, whole.limit(4))
    images = {path.replace("_Flip/", "/") for path in some.table["path"]}  # made of one face
    assert len(rendered) == len(images)
    assert stand_ins_in(tmp_path) == [f"{name}-v{task.info.version}-limit4"]
    again = open_dataset(task, None, tmp_path, scale=0.02, limit=4)
    assert_same(again, some)
    assert len(rendered) == len(images)


def test_the_bar_counts_what_is_rendered(tmp_path: Path) -> None:
    progress = Recorder()
    open_dataset(Rendered(), None, tmp_path, limit=3, progress=progress)
    assert progress.bars == [("render", 6, [6]), ("fingerprint", 6, [6])]


def test_the_whole_is_used_where_it_is(tmp_path: Path, rendered: list[int]) -> None:
    whole = open_dataset(Rendered(), None, tmp_path)
    some = open_dataset(Rendered(), None, tmp_path, limit=3)
    assert some.root == whole.root
    assert_same(some, whole.limit(3))
    assert len(rendered) == 52
    assert stand_ins_in(tmp_path) == ["rendered-v1"]


def test_a_limit_beyond_the_end_makes_the_whole(tmp_path: Path, rendered: list[int]) -> None:
    dataset = open_dataset(Rendered(), None, tmp_path, limit=30)
    assert (len(dataset), len(rendered), dataset.warnings) == (52, 52, ())
    assert stand_ins_in(tmp_path) == ["rendered-v1"]


def test_parts_of_two_limits_are_apart(tmp_path: Path, rendered: list[int]) -> None:
    for limit in (2, 3):
        open_dataset(Rendered(), None, tmp_path, limit=limit)
    whole = open_dataset(Rendered(), None, tmp_path)
    assert stand_ins_in(tmp_path) == ["rendered-v1", "rendered-v1-limit2", "rendered-v1-limit3"]
    assert len(rendered) == 4 + 6 + 52
    assert all((whole.root / path).stat().st_size for path in whole.table["path"])


def test_an_interrupted_part_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("facebench.synth.write.render", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_dataset(Rendered(), None, tmp_path, limit=3)
    assert [path.suffix for path in (tmp_path / "synthetic").iterdir()] == [".lock"]


# plugins whose images cannot be rendered alone


class NoFaces(Tiny):
    """Draws its images itself."""

    calls = 0

    def synthesise(self, root: Path, faces: Any, progress: Any, scale: float = 1.0) -> None:
        NoFaces.calls += 1
        with progress.bar("draw", 18, "image") as advance:
            super().synthesise(root, faces, progress, scale)
            advance(18)


def test_images_that_are_not_rendered_are_made_once(tmp_path: Path) -> None:
    progress = Recorder()
    some = open_dataset(NoFaces(), None, tmp_path / "part", limit=3, progress=progress)
    assert NoFaces.calls == 1
    assert progress.bars[0] == ("draw", 18, [18])
    assert_same(some, open_dataset(NoFaces(), None, tmp_path / "whole").limit(3))
    assert stand_ins_in(tmp_path / "part") == ["tiny-v1"]


def opens(file: Path) -> None:
    with Image.open(file) as image:
        image.load()


def shortens(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"!")


def renames(file: Path) -> None:
    file.rename(file.with_name(f"{file.stem}9.jpg"))


def copies(file: Path) -> None:
    shutil.copy(file, file.with_name(f"{file.stem}9.jpg"))


@pytest.mark.parametrize("change", [opens, shortens, renames, copies])
def test_a_task_that_goes_on_with_its_images_gets_all(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    class Changed(Rendered):
        def synthesise(self, root: Path, faces: Any, progress: Any, scale: float = 1.0) -> None:
            super().synthesise(root, faces, progress, scale)
            for file in sorted(root.glob("*/*.jpg")):
                change(file)

    some = open_dataset(Changed(), None, tmp_path / "part", limit=3)
    assert_same(some, open_dataset(Changed(), None, tmp_path / "whole").limit(3))
    assert stand_ins_in(tmp_path / "part") == ["rendered-v1"]


def test_a_manifest_that_reads_images_gets_all(tmp_path: Path) -> None:
    class Reading(Rendered):
        def manifest(self, root: Path) -> pd.DataFrame:
            for file in root.glob("*/*.jpg"):
                opens(file)
            return super().manifest(root)

    assert len(open_dataset(Reading(), None, tmp_path, limit=3)) == 6
    assert stand_ins_in(tmp_path) == ["rendered-v1"]


def test_an_error_of_the_task_is_its_own(tmp_path: Path) -> None:
    class Broken(Rendered):
        def synthesise(self, root: Path, faces: Any, progress: Any, scale: float = 1.0) -> None:
            raise DataError("no faces today")

    with pytest.raises(DataError, match="no faces today"):
        open_dataset(Broken(), None, tmp_path, limit=3)


# parts that do not have what is asked for


def test_a_task_that_reads_another_table_since_gets_all(tmp_path: Path) -> None:
    class Reversed(Rendered):
        def manifest(self, root: Path) -> pd.DataFrame:
            return super().manifest(root)[::-1]

    open_dataset(Rendered(), None, tmp_path / "part", limit=3)
    some = open_dataset(Reversed(), None, tmp_path / "part", limit=3)
    assert_same(some, open_dataset(Reversed(), None, tmp_path / "whole").limit(3))
    assert stand_ins_in(tmp_path / "part") == ["rendered-v1", "rendered-v1-limit3"]


def test_a_part_is_no_data_folder(tmp_path: Path) -> None:
    part = open_dataset(Rendered(), None, tmp_path / "cache", limit=3)
    data = tmp_path / "data/rendered"
    shutil.copytree(part.root, data)
    with pytest.raises(DataError, match="rendered for --limit 3, and other images are empty files"):
        open_dataset(Rendered(), data, tmp_path / "cache")
    assert_same(open_dataset(Rendered(), data, tmp_path / "cache", limit=3), part)
    listed = {status.name: status for status in inventory(Registry((PLUGIN,)), tmp_path / "data")}
    assert "30 train, 22 test; rendered for --limit 3 only" in listed["rendered"].text
    report = fb.check_data("rendered", data=data, cache=tmp_path / "cache", plugins=[PLUGIN])
    assert not report.passed
    assert "--limit 3" in report.findings[0].text


def test_digests_are_those_of_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither empty files nor real images that the limit leaves out are read."""
    asked: list[str] = []

    def noted(root: Path, paths: Any, cache: Path, **options: Any) -> list[str]:
        asked.extend(paths)
        return file_digests(root, paths, cache, **options)

    monkeypatch.setattr("facebench.data.dataset.file_digests", noted)
    write_stand_in(Rendered(), tmp_path / "data/rendered", scale=1.0, progress=Silent())
    for data in (None, tmp_path / "data"):
        some = open_dataset(Rendered(), data, tmp_path / "cache", limit=3)
        assert asked == some.table["path"].tolist()
        asked.clear()


# runs


def test_a_run_has_the_result_of_one_on_the_whole(tmp_path: Path, rendered: list[int]) -> None:
    found = []
    for name in ("part", "whole"):
        places: dict[str, Any] = {"cache": tmp_path / name, "results": tmp_path / f"results-{name}"}
        if name == "whole":
            open_dataset(Rendered(), None, places["cache"])
        rendered.clear()
        (result,) = fb.run(
            method="hog", task="rendered", limit=20, floors=False, synthetic="always",
            plugins=[PLUGIN], **places,
        )  # fmt: skip
        found.append((len(rendered), result))
    (by_part, one), (by_whole, other) = found
    assert (by_part, by_whole) == (40, 0)
    for part in ("stages", "task", "scores", "details", "n_test", "warnings"):
        assert getattr(one.record, part) == getattr(other.record, part)
    assert one.path.name == other.path.name
    pd.testing.assert_frame_equal(one.predictions, other.predictions)
    features, rows = fb.extract(one, cache=tmp_path / "part", plugins=[PLUGIN])
    assert (len(features), len(rows)) == (40, 40)
    assert stand_ins_in(tmp_path / "part") == ["rendered-v1-limit20"]


def test_a_run_that_learns_from_its_task_renders_it_once(
    tmp_path: Path, rendered: list[int]
) -> None:
    fb.dry_run(
        method="simclr", task="rendered", pretrain_data="rendered", limit=3, floors=False,
        synthetic="always", plugins=[PLUGIN], cache=tmp_path, results=tmp_path / "results",
    )  # fmt: skip
    assert len(rendered) == 52
    assert stand_ins_in(tmp_path) == ["rendered-v1"]


def test_a_dry_run_renders_what_the_run_will_take(tmp_path: Path, rendered: list[int]) -> None:
    fb.dry_run(
        method="hog", task="rendered", limit=3, floors=False, synthetic="always", plugins=[PLUGIN],
        cache=tmp_path, results=tmp_path / "results",
    )  # fmt: skip
    assert len(rendered) == 6
    (entry,) = (one for one in fb.list_cache(tmp_path) if one.kind == "synthetic")
    assert entry.path.name.endswith("-limit3")
