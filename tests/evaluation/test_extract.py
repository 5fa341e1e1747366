"""Extraction against the plain forward pass, taken up after a stop, and with broken images."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facebench.config.spec import ExtractSpec
from facebench.errors import DataError, StageError
from facebench.evaluation import store as store_module
from facebench.evaluation.extract import extract
from facebench.evaluation.store import VALUES, FeatureWriter, read_features
from facebench.method import Method, MethodInfo
from facebench.runtime.images import TORCHVISION, Scaling
from facebench.runtime.workspace import Workspace
from facebench.task import NoOptions
from facebench.testing.fake_device import DEVICE, fake_device
from facebench.testing.networks import TwoLayers

SPEC = ExtractSpec(feature="f_s", image_size=32, dtype="float32", batch_size=4)


class Plain(Method):
    info = MethodInfo(
        name="plain", title="Plain", version=1, paper="none", year=2026, needs="nothing"
    )


class Images:
    """Ten random images; some cannot be read."""

    def __init__(self, broken: tuple[int, ...] = ()) -> None:
        self.pixels = np.random.default_rng(0).integers(0, 255, (10, 32, 32, 3), dtype=np.uint8)
        self.broken = broken

    def __len__(self) -> int:
        return len(self.pixels)

    def image(self, row: int, size: int, scaling: Scaling = TORCHVISION) -> np.ndarray:
        if row in self.broken:
            raise DataError(f"image {row} is broken")
        pixels: np.ndarray = self.pixels[row]
        return pixels


def build() -> Plain:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Plain(TwoLayers(), NoOptions(), 32)


def run(folder: Path, images: Any, *, skip_broken: bool = False, spec: ExtractSpec = SPEC) -> Any:
    workspace = Workspace(cache=folder, results=folder, data=None, device=torch.device("cpu"))
    extract(
        build(), images, spec, folder / "store",
        record={"of": "test"}, workspace=workspace, precision="32", skip_broken=skip_broken,
    )  # fmt: skip
    return read_features(folder / "store")


def test_features_are_those_of_the_frozen_method(tmp_path: Path) -> None:
    images = Images()
    features = run(tmp_path, images)
    with torch.inference_mode():
        batch = torch.from_numpy(images.pixels).permute(0, 3, 1, 2).float() / 255
        expected = build().eval().features("f_s", batch).numpy()
    assert np.allclose(features.values, expected, atol=1e-5)
    assert isinstance(features.values, np.memmap)
    assert features.readable.all()


def test_mean_pooling_averages_positions(tmp_path: Path) -> None:
    flat = run(tmp_path / "flat", Images())
    spec = ExtractSpec(feature="f_s", image_size=32, dtype="float32", batch_size=4, pool="mean")
    mean = run(tmp_path / "mean", Images(), spec=spec)
    assert np.allclose(mean.values, flat.values.reshape(10, 8, -1).mean(axis=2), atol=1e-5)


def test_a_stopped_extraction_goes_on_behind_its_last_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(tmp_path / "whole", Images())
    monkeypatch.setattr(store_module, "SECONDS_BETWEEN_MARKS", 0.0)
    with pytest.raises(DataError, match="image 9"):
        run(tmp_path / "stopped", Images(broken=(9,)))
    assert not (tmp_path / "stopped/store").exists()
    read: list[int] = []

    class RecordedImages(Images):
        def image(self, row: int, size: int, scaling: Scaling = TORCHVISION) -> np.ndarray:
            read.append(row)
            return super().image(row, size, scaling)

    resumed = run(tmp_path / "stopped", RecordedImages())
    assert np.array_equal(resumed.values, whole.values)
    assert sorted(read) == [8, 9]


def test_broken_images_stop_or_are_counted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="image 3 is broken"):
        run(tmp_path / "stop", Images(broken=(3, 7)))
    features = run(tmp_path / "skip", Images(broken=(3, 7)), skip_broken=True)
    assert features.broken == (3, 7)
    assert not features.readable[[3, 7]].any()
    assert not features.values[[3, 7]].any()
    assert features.readable.sum() == 8


def test_what_float16_cannot_hold_is_an_error(tmp_path: Path) -> None:
    class Huge(Images):
        def image(self, row: int, size: int, scaling: Scaling = TORCHVISION) -> np.ndarray:
            return super().image(row, size, scaling)

    spec = ExtractSpec(feature="f_s", image_size=32, dtype="float16", batch_size=4)
    workspace = Workspace(cache=tmp_path, results=tmp_path, data=None, device=torch.device("cpu"))
    method = build()
    for parameter in method.parameters():
        parameter.data.mul_(1e4)
    with pytest.raises(StageError, match="not finite in float16.*extract.dtype=float32"):
        extract(
            method, Huge(), spec, tmp_path / "store",  # type: ignore[arg-type]
            record={}, workspace=workspace, precision="32", skip_broken=False,
        )  # fmt: skip


def test_a_store_of_another_shape_is_started_anew(tmp_path: Path) -> None:
    with FeatureWriter(tmp_path / "store", (4, 2), "float32") as store:
        store.append(np.ones((2, 2), np.float32), [])
        store.mark()
    for shape, done in (((4, 2), 2), ((5, 2), 0)):
        with FeatureWriter(tmp_path / "store", shape, "float32") as store:
            assert store.done == done


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_store_is_the_file_that_numpy_saves(tmp_path: Path, dtype: str) -> None:
    values = np.random.default_rng(0).standard_normal((5, 3)).astype(dtype)
    with FeatureWriter(tmp_path / "store", (5, 3), dtype) as store:
        store.append(values[:2], [1])
        store.mark()
        store.append(values[2:4], [])  # lost: not marked
    with FeatureWriter(tmp_path / "store", (5, 3), dtype) as store:
        assert (store.done, store.broken) == (2, [1])
        store.append(values[2:], [])
        store.finish({"seconds": 0.5, "images": 5, "dim": 3})
    np.save(tmp_path / "expected.npy", values)
    saved = (tmp_path / "store" / VALUES).read_bytes()
    assert saved == (tmp_path / "expected.npy").read_bytes()
    assert read_features(tmp_path / "store").broken == (1,)


def test_a_disk_that_is_too_small_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="too little space.*expected 2000000.0"):
        FeatureWriter(tmp_path / "store", (10**9, 10**6), "float16")


def test_features_in_float16_are_those_that_numpy_rounds_to(tmp_path: Path) -> None:
    images = Images()
    wide = run(tmp_path / "wide", images)
    spec = ExtractSpec(feature="f_s", image_size=32, dtype="float16", batch_size=4)
    narrow = run(tmp_path / "narrow", images, spec=spec)
    assert np.array_equal(narrow.values, wide.values.astype(np.float16))


def stored(folder: Path) -> Path:
    run(folder, Images())
    return folder / "store"


@pytest.mark.parametrize("harm", ["rows reversed", "zeros", "a row fewer", "empty", "broken"])
def test_a_changed_store_is_an_error_that_names_the_file(tmp_path: Path, harm: str) -> None:
    store = stored(tmp_path)
    values = np.load(store / VALUES)
    if harm == "rows reversed":
        np.save(store / VALUES, values[::-1])
    elif harm == "zeros":
        np.save(store / VALUES, values * (np.arange(values.shape[1]) % 2))
    elif harm == "a row fewer":
        np.save(store / VALUES, values[:-1])
    elif harm == "empty":
        (store / VALUES).write_bytes(b"")
    else:
        record = json.loads((store / "features.json").read_text())
        (store / "features.json").write_text(json.dumps(record | {"broken": [1]}))
    file = "features.json" if harm == "broken" else VALUES
    with pytest.raises(StageError, match=f"{file}: changed since it was written"):
        read_features(store)


def test_a_store_without_a_seal_is_read_and_checked_as_far_as_it_can_be(tmp_path: Path) -> None:
    store = stored(tmp_path)
    record = json.loads((store / "features.json").read_text())
    old = {k: v for k, v in record.items() if k not in ("seal", "rows")} | {"format": 1}
    (store / "features.json").write_text(json.dumps(old))
    assert len(read_features(store, 10).values) == 10
    np.save(store / VALUES, np.load(store / VALUES)[:-1])
    with pytest.raises(StageError, match=r"found values of shape \(9, .*expected \[10, "):
        read_features(store, 10)
    (store / "features.json").write_text(json.dumps({k: old[k] for k in old if k != "broken"}))
    with pytest.raises(StageError, match="'broken': found nothing; expected this key"):
        read_features(store)


def test_rows_that_changed_before_a_resumption_are_extracted_again(tmp_path: Path) -> None:
    def begun() -> FeatureWriter:
        with FeatureWriter(tmp_path / "store", (4, 2), "float32") as store:
            store.append(np.ones((2, 2), np.float32), [])
            store.mark()
        return store

    file = begun().partial / VALUES
    with FeatureWriter(tmp_path / "store", (4, 2), "float32") as store:
        assert store.done == 2
    content = bytearray(file.read_bytes())
    content[-20] ^= 1  # in the second row
    file.write_bytes(content)
    with FeatureWriter(tmp_path / "store", (4, 2), "float32") as store:
        assert store.done == 0


def test_on_a_gpu_a_batch_is_one_copy_and_one_wait_for_its_features(tmp_path: Path) -> None:
    workspace = Workspace(cache=tmp_path, results=tmp_path, data=None, device=DEVICE)
    images: Any = Images()
    with fake_device() as device:
        extract(
            build(), images, SPEC, tmp_path / "store",
            record={}, workspace=workspace, precision="bf16", skip_broken=False,
        )  # fmt: skip
    weights = len(list(build().parameters()))
    copies = [e for e in device.events if e.kind == "copy"][weights:]
    # A black image, three batches, and a part of the first one again.
    assert [e.kind for e in device.events].count("wait") == 5
    assert len(copies) == 5
    assert all(e.pinned for e in copies)
