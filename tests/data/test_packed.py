"""Packing equals reading directly; a pack is complete or absent."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from facebench.data.packed import PackedFaces, pack
from facebench.data.sources import Source, folder_source
from facebench.errors import DataError, StageError
from facebench.runtime.images import crop_resize, read_image

COUNT = 70  # more than one group of a thread, and not a multiple of it


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for index in range(COUNT):
        path = tmp_path / f"faces/NA{index % 3}/v{index % 6}/{index:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (11, 9 + index % 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return tmp_path / "faces"


def source(root: Path) -> Source:
    return folder_source(root, root.parent / "cache")


def test_packing_equals_reading(root: Path) -> None:
    faces = pack(source(root), 8, root.parent / "cache")
    assert len(faces) == COUNT
    assert faces.images.dtype == np.uint8
    assert isinstance(faces.images, np.memmap)
    for index, path in enumerate(faces.index["path"]):
        expected = crop_resize(read_image(root / path), None, 8)
        np.testing.assert_array_equal(faces.images[index], expected)


def test_batch_is_channels_last(root: Path) -> None:
    faces = pack(source(root), 8, root.parent / "cache")
    wanted = [69, 0, 5, 5]
    for indices in (wanted, np.array(wanted), torch.tensor(wanted)):
        batch = faces.batch(indices)
        assert batch.dtype == torch.uint8
        assert batch.shape == (4, 3, 8, 8)
        assert batch.is_contiguous(memory_format=torch.channels_last)
        np.testing.assert_array_equal(batch.permute(0, 2, 3, 1).numpy(), faces.images[wanted])
    batch.zero_()  # a copy: the pack on disk is read only
    assert faces.images[0].any()


def test_identities_are_codes(root: Path) -> None:
    faces = pack(source(root), 8, root.parent / "cache")
    assert faces.index.columns.tolist() == ["path", "identity", "video"]
    names = np.unique(faces.index["identity"])
    assert names.tolist() == ["NA0", "NA1", "NA2"]
    for code in np.unique(faces.identity):
        assert faces.index["identity"][faces.identity == code].nunique() == 1
    single = folder_source(root, root.parent / "cache", form="images")
    assert pack(single, 8, root.parent / "cache").identity.tolist() == list(range(COUNT))


def test_names_that_look_like_missing_values_stay(tmp_path: Path) -> None:
    for name in ("NA", "null", "007", "a,b"):
        (tmp_path / f"f/{name}/v").mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(tmp_path / f"f/{name}/v/1.png")
    faces = pack(folder_source(tmp_path / "f", tmp_path / "cache"), 4, tmp_path / "cache")
    assert faces.index["identity"].tolist() == ["007", "NA", "a,b", "null"]


def test_packed_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = root.parent / "cache"
    first = pack(source(root), 8, cache)
    monkeypatch.setattr(Source, "image", None)
    assert pack(source(root), 8, cache).folder == first.folder
    monkeypatch.undo()
    assert pack(source(root), 9, cache).folder != first.folder
    Image.new("RGB", (9, 9)).save(root / "NA0/v0/000.png")
    changed = pack(source(root), 8, cache)
    assert changed.folder != first.folder
    assert not changed.batch([0]).any()


def test_pack_records_where_it_came_from(root: Path) -> None:
    faces = pack(source(root), 8, root.parent / "cache")
    info = json.loads((faces.folder / "pack.json").read_text())
    seal = info.pop("seal")
    assert set(seal["files"]) == {"images.npy", "index.parquet"}
    assert info == {
        "format": 2,
        "source": "faces",
        "synthetic": False,
        "fingerprint": source(root).fingerprint,
        "size": 8,
        "count": COUNT,
        "broken": [],
        "warnings": [],
    }
    assert faces.fingerprint == info["fingerprint"]


def test_broken_image_is_an_error_or_left_out(root: Path) -> None:
    cache = root.parent / "cache"
    broken = root / "NA0/v0/000.png"
    broken.write_bytes(b"")
    with pytest.raises(DataError, match=r"000\.png: .*the file is empty.*--skip-broken"):
        pack(source(root), 8, cache)
    assert [path.suffix for path in (cache / "packed").iterdir()] == [".lock"]
    faces = pack(source(root), 8, cache, skip_broken=True)
    assert len(faces) == len(faces.index) == len(faces.identity) == COUNT - 1
    assert faces.broken == ["NA0/v0/000.png"]
    last = crop_resize(read_image(root / faces.index["path"].iloc[-1]), None, 8)
    np.testing.assert_array_equal(faces.images[-1], last)
    assert np.load(faces.folder / "images.npy").shape == (COUNT - 1, 8, 8, 3)
    with pytest.raises(DataError, match="1 images are broken and were left out"):
        pack(source(root), 8, cache)


def test_nothing_but_broken_images(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f/a.png").touch()
    with pytest.raises(DataError, match="none of 1 images could be read"):
        pack(folder_source(tmp_path / "f", tmp_path), 8, tmp_path, skip_broken=True)


def test_interrupted_packing_leaves_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = root.parent / "cache"
    image = Source.image

    def interrupt(self: Source, row: int, size: int) -> np.ndarray:
        if row == 65:
            raise KeyboardInterrupt
        return image(self, row, size)

    monkeypatch.setattr(Source, "image", interrupt)
    with pytest.raises(KeyboardInterrupt):
        pack(source(root), 8, cache)
    assert [path.suffix for path in (cache / "packed").iterdir()] == [".lock"]
    monkeypatch.undo()
    assert len(pack(source(root), 8, cache)) == COUNT


def test_full_disk_is_foreseen(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage)
    with pytest.raises(DataError, match=r"packing 70 images at 8 px needs 0\.0 GiB"):
        pack(source(root), 8, root.parent / "cache")


@pytest.mark.parametrize("damage", ["format", "key", "index", "parquet", "images", "gone"])
def test_damaged_pack_is_refused(root: Path, damage: str) -> None:
    folder = pack(source(root), 8, root.parent / "cache").folder
    if damage == "format":
        info = json.loads((folder / "pack.json").read_text())
        (folder / "pack.json").write_text(json.dumps(info | {"format": 99}))
    elif damage == "key":
        (folder / "pack.json").write_text('{"format": 1}')
    elif damage == "index":
        pd.DataFrame({"path": ["a.png"]}).to_parquet(folder / "index.parquet")
    elif damage == "parquet":
        (folder / "index.parquet").write_bytes(b"PAR1")
    elif damage == "images":
        whole = (folder / "images.npy").read_bytes()
        (folder / "images.npy").write_bytes(whole[:-1])
    else:
        (folder / "images.npy").unlink()
    with pytest.raises(
        StageError, match=r"(pack\.json|index\.parquet|images\.npy): .*Delete the folder"
    ):
        PackedFaces(folder)


def test_progress_reaches_the_end(root: Path) -> None:
    class Recorder:
        def __init__(self) -> None:
            self.seen: list[tuple[str, int, int]] = []

        def bar(self, title: str, total: int, unit: str) -> Recorder:
            self.seen.append((title, total, 0))
            return self

        def __enter__(self):  # type: ignore[no-untyped-def]
            return lambda done: self.seen.append((*self.seen[-1][:2], done))

        def __exit__(self, *error: object) -> None:
            pass

    recorder = Recorder()
    pack(folder_source(root, root.parent, progress=recorder), 8, root.parent, progress=recorder)
    assert ("fingerprint", COUNT, COUNT) in recorder.seen
    assert recorder.seen[-1] == ("pack", COUNT, COUNT)
