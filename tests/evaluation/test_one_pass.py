"""Several features of the same images by one pass, equal to those that are computed one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn

import facebench as fb
from conftest import Facebench
from facebench.errors import DataError, ModelError, SpecError, UnknownNameError
from facebench.evaluation.extract import Wanted, extract
from facebench.evaluation.shared_calls import shared_calls
from facebench.evaluation.store import read_features
from facebench.models.features import features_of, layers_of, offered
from facebench.models.pooling import generalised_mean
from facebench.pipeline import stages
from facebench.pipeline.passes import in_one_pass
from facebench.progress import Silent
from facebench.results.store import Result

VIT = "test_vit"  # timm's own transformer for tests
FEATURES = ["f_s", "f_f", "f_p", "f_f+f_p"]


def seeded(name: str, **options: Any) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model: nn.Module = timm.create_model(name, num_classes=0, **options).eval()
    return model


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(3, 3, 160, 160, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def test_features_of_a_transformer_are_those_of_its_blocks(images: Tensor) -> None:
    model: Any = seeded(VIT)
    names = ("f_s", "cls", "mean", "cls+mean", "last4", "layers")
    assert offered(model) == names
    seen: list[Tensor] = []
    hooks = [block.register_forward_hook(lambda *call: seen.append(call[2]))
             for block in model.blocks]  # fmt: skip
    found = features_of(model, names, images)
    assert len(seen) == len(model.blocks)  # one pass
    for hook in hooks:
        hook.remove()
    tokens = [model.norm(block).double() for block in seen]
    cls, mean = tokens[-1][:, 0], tokens[-1][:, 1:].mean(1)
    expected = {
        "f_s": model(images).double(), "cls": cls, "mean": mean,
        "cls+mean": torch.cat([cls, mean], 1),
        "last4": torch.cat([block[:, 0] for block in tokens[-4:]], 1),
        "layers": torch.cat([block[:, 1:].mean(1) for block in tokens], 1),
    }  # fmt: skip
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5, err_msg=name)
        alone = features_of(model, (name,), images)[name]
        np.testing.assert_allclose(alone, found[name], atol=1e-6, err_msg=name)
    assert found["last4"].shape == (3, 4 * found["cls"].shape[1])
    assert found["layers"].shape[1] == layers_of(model, "layers") * found["cls"].shape[1]
    assert layers_of(model, "last4") == 1


@torch.inference_mode()
@pytest.mark.parametrize("kind", ["timm", "map", "pooled"])
def test_features_of_a_map_are_its_means(kind: str, images: Tensor) -> None:
    layers = [nn.Conv2d(3, 5, 3, stride=8), nn.ReLU()]
    ends = {"map": [], "pooled": [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 2)]}
    model: Any = seeded("test_resnet") if kind == "timm" else nn.Sequential(*layers, *ends[kind])
    last = model.forward_features(images) if kind == "timm" else nn.Sequential(*layers)(images)
    names = ("f_s", "map", "mean", "gem")
    assert offered(model) == names
    found = features_of(model, names, images)
    assert torch.equal(found["f_s"], model(images))
    positions = last.flatten(2).double().numpy()
    np.testing.assert_allclose(found["map"], last.flatten(1))
    np.testing.assert_allclose(found["mean"], positions.mean(2), rtol=1e-5)
    gem = np.mean(np.maximum(positions, 1e-6) ** 3, axis=2) ** (1 / 3)
    np.testing.assert_allclose(found["gem"], gem, rtol=1e-4)
    np.testing.assert_allclose(generalised_mean(last.flatten(2)), gem, rtol=1e-4)


def test_what_a_model_has_not_is_said(images: Tensor) -> None:
    with pytest.raises(ModelError, match="feature gem: the model gives vectors"):
        features_of(nn.Sequential(nn.Flatten(), nn.Linear(76800, 2)), ("f_s", "gem"), images)
    shallow = seeded(VIT, depth=2)
    with pytest.raises(ModelError, match="found 2 blocks; expected at least 4"):
        features_of(shallow, ("last4",), images)


@torch.inference_mode()
def test_transformers_of_timm_without_prefix_or_with_tokens_of_their_own(images: Tensor) -> None:
    small: dict[str, Any] = {"img_size": 32, "patch_size": 16, "embed_dim": 32, "depth": 1,
                             "num_heads": 2}  # fmt: skip
    model: Any = seeded("vit_relpos_small_patch16_224", **small)
    assert offered(model) == ("f_s", "mean", "layers")
    found = features_of(model, ("f_s", "mean", "layers"), images[:, :, :32, :32])
    expected = model.forward_features(images[:, :, :32, :32]).mean(1)
    np.testing.assert_allclose(found["mean"], expected, atol=1e-6)
    np.testing.assert_allclose(found["layers"], expected, atol=1e-6)  # of its one block
    others: Any = seeded("cait_xxs24_224", **small, depth_token_only=1)
    assert "cls" not in offered(others)  # its class token enters after the blocks
    with pytest.raises(ModelError, match="feature mean: the model gives vectors"):
        features_of(others, ("f_s", "mean"), images[:, :, :32, :32])


class Parts(nn.Module):
    """A backbone and a branch, as PCL has two."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.branch = nn.Conv2d(3, 2, 3), nn.Conv2d(2, 2, 1)

    def features(self, name: str, images: Tensor) -> Tensor:
        found: Tensor = self.backbone(images)
        return found if name == "map" else self.branch(found)


def test_parts_are_called_once_with_the_same_tensor_and_left_as_they_were(images: Tensor) -> None:
    parts, before = Parts(), torch.rand(3, 3, 160, 160)
    expected = [parts.features(name, images) for name in ("map", "branch")]
    calls: list[int] = []
    original = nn.Conv2d.forward

    def counted(self: nn.Conv2d, given: Tensor) -> Tensor:
        calls.append(self.in_channels)
        return original(self, given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Conv2d, "forward", counted)
        with shared_calls(parts):
            found = [parts.features(name, images) for name in ("map", "branch", "branch")]
            parts.features("map", before)  # other images
    assert calls == [3, 2, 3]
    for one, other in zip(found, [*expected, expected[1]], strict=True):
        assert torch.equal(one, other)
    assert "forward" not in vars(parts.backbone)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory, data: Path, plugin: Path) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("one-pass")
    return {
        "device": "cpu", "precision": "32", "floors": False, "data": data, "plugins": [plugin],
        "settings": {"extract.dtype": "float32", "probe.resamples": 100}, "probe": "centroid",
        "cache": folder / "cache", "results": folder / "results", "progress": Silent(),
    }  # fmt: skip


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Note the features of each extraction."""
    noted: list[list[str]] = []

    def note(*arguments: Any, beside: list[Wanted], **named: Any) -> None:
        noted.append([arguments[2].feature, *(one.spec.feature for one in beside)])
        extract(*arguments, beside=beside, **named)

    monkeypatch.setattr(stages, "extract", note)
    return noted


def values(result: Result, words: dict[str, Any]) -> np.ndarray:
    stored: np.ndarray = read_features(
        words["cache"] / "features" / result.record.stages.features
    ).values
    return stored


def test_features_of_a_run_come_of_one_pass(
    words: dict[str, Any], passes: list[list[str]], tmp_path: Path
) -> None:
    learned: dict[str, Any] = {
        "method": "pcl", "task": "tiny", "backbone": "tinynet", "pretrain_data": "tiny",
    }  # fmt: skip
    options = {"pretrain.epochs": 1, "pretrain.batch_size": 48, **words["settings"]}
    settings = {**options, "extract.feature": ",".join(FEATURES)}
    found = fb.run(**learned, **{**words, "settings": settings})
    assert passes == [FEATURES]
    assert [result.spec.extract.feature for result in found] == FEATURES
    assert len({result.path for result in found}) == 4
    stored = {result.spec.extract.feature: values(result, words) for result in found}
    assert np.array_equal(stored["f_f+f_p"], stored["f_f"] + stored["f_p"])
    fresh = {**words, "cache": tmp_path / "cache", "results": tmp_path / "results"}
    alone = {**fresh, "settings": {**options, "extract.feature": "f_p"}}
    (by_itself,) = fb.run(**learned, **alone)
    np.testing.assert_allclose(values(by_itself, fresh), stored["f_p"], atol=1e-5)
    assert by_itself.record.stages.features == found[2].record.stages.features
    with pytest.raises(UnknownNameError, match="unknown feature of pcl 'f_x' in extract.feature"):
        fb.run(**learned, **{**words, "settings": {**options, "extract.feature": "f_s,f_x"}})


def test_features_of_a_model_come_of_one_pass(
    words: dict[str, Any], passes: list[list[str]]
) -> None:
    model = seeded(VIT, img_size=32)
    names = ["cls", "mean", "last4"]
    found = fb.evaluate(
        model, "tiny", name="small transformer",
        **{**words, "settings": {**words["settings"], "extract.feature": ",".join(names)}},
    )  # fmt: skip
    assert passes == [names]
    widths = [values(result, words).shape[1] for result in found]
    assert widths == [64, 64, 256]
    again = {**words["settings"], "extract.feature": "mean,cls+mean"}
    more = fb.evaluate(model, "tiny", name="small transformer", **{**words, "settings": again})
    assert passes == [names, ["cls+mean"]]  # the other one is on disk
    both = np.concatenate([values(found[0], words), values(found[1], words)], axis=1)
    np.testing.assert_allclose(values(more[1], words), both, atol=1e-5)


def test_settings_of_a_sweep_share_a_pass(
    facebench: Facebench, plugin: Path, tmp_path: Path, passes: list[list[str]]
) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(
        "method: random\ntask: tiny\nbackbone: tinynet\nprobe: {kind: centroid}\n"
        "grid: {extract.pool: [flatten, mean, gem]}\n"
    )
    facebench("sweep", str(file), "--plugin", str(plugin), "--no-floors")
    assert passes == [["f_s", "f_s", "f_s"]]
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("method: pcl\ntask: tiny\nrows: [{name: a}]\nextract: {feature: 'f_s,f_f'}\n")
    shown = facebench("sweep", str(wrong), "--plugin", str(plugin), status=2)
    assert "grid: {extract.feature:" in shown.stderr


def test_a_pass_goes_on_where_each_feature_was(
    words: dict[str, Any], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facebench.evaluation import store

    settings = {"extract.feature": "map,gem", "extract.batch_size": 16}
    fresh = {**words, "cache": tmp_path / "cache", "results": tmp_path / "results"}
    fresh["settings"] = {**words["settings"], **settings}
    monkeypatch.setattr(store, "SECONDS_BETWEEN_MARKS", 0.0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.ReLU())
    finish, appended = store.FeatureWriter.finish, store.FeatureWriter.append

    def stop_late(self: Any, block: np.ndarray, broken: list[int]) -> None:
        appended(self, block, broken)
        if self.done == 96 and block.shape[1] == 4:  # the second feature is written first
            raise SpecError("stopped")

    monkeypatch.setattr(store.FeatureWriter, "append", stop_late)
    with pytest.raises(SpecError, match="stopped"):
        fb.evaluate(model, "tiny", name="stopped", **fresh)
    written: dict[int, list[int]] = {}

    def note(self: Any, block: np.ndarray, broken: list[int]) -> None:
        written.setdefault(block.shape[1], []).append(self.done)
        appended(self, block, broken)

    monkeypatch.setattr(store.FeatureWriter, "append", note)
    monkeypatch.setattr(store.FeatureWriter, "finish", finish)
    resumed = fb.evaluate(model, "tiny", name="stopped", **fresh)
    assert {starts[0] for starts in written.values()} <= {80, 96, 112}
    whole = {**fresh, "cache": tmp_path / "whole", "results": tmp_path / "others"}
    monkeypatch.setattr(store.FeatureWriter, "append", appended)
    for mine, other in zip(
        resumed, fb.evaluate(model, "tiny", name="stopped", **whole), strict=True
    ):
        assert np.array_equal(values(mine, fresh), values(other, whole))


def test_a_feature_that_fails_does_not_take_the_others_with_it() -> None:
    tried, others = list[int](), list[Any]([object()])

    def write(beside: Sequence[Any]) -> None:
        tried.append(len(beside))
        if beside:
            raise ModelError("gem is missing.")

    def unread(beside: Sequence[Any]) -> None:
        raise DataError("an image cannot be read")

    in_one_pass(write, others)
    assert tried == [1, 0]
    with pytest.raises(DataError):  # of the images, which all features share
        in_one_pass(unread, others)
