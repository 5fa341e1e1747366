"""``facebench.evaluate``: a model in memory is judged as the same weights are by a method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import facebench as fb
from facebench.errors import ModelError, SpecError, StageError, UnknownNameError
from facebench.progress import Silent
from facebench.results.store import Result

CNN = "test_resnet.r160_in1k"  # timm's own model for tests, 0.4 M parameters
HALF = (0.5, 0.5, 0.5)  # mean and std that its weights declare
HALVES = {"mean": HALF, "std": HALF}


class Colours(nn.Module):
    """Mean colours of quarters of the image, through a layer; counts how often it is run."""

    runs = 0

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = gain
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.layer = nn.Linear(12, 8)
        self.drop = nn.Dropout(0.5)
        with torch.no_grad():
            self.layer.weight.copy_(torch.linspace(-1, 1, 96).view(8, 12))
            self.layer.bias.zero_()

    def forward(self, images: Tensor) -> Tensor:
        Colours.runs += 1
        assert not torch.is_grad_enabled()
        assert not self.training
        features: Tensor = self.gain * self.drop(self.layer(self.pool(images).flatten(1)))
        return features


class Shaped(nn.Module):
    """Gives whatever it is told to give."""

    def __init__(self, make: Any) -> None:
        super().__init__()
        self.make = make

    def forward(self, images: Tensor) -> Any:
        return self.make(images)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory, data: Path, plugin: Path) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("evaluate")
    return {
        "device": "cpu", "precision": "32", "baselines": False, "data": data, "plugins": [plugin],
        "settings": {"probe.epochs": 3}, "cache": folder / "cache", "results": folder / "results",
        "progress": Silent(),
    }  # fmt: skip


def seeded(**options: Any) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model: nn.Module = timm.create_model(CNN, **options)
    return model


def evaluated(model: nn.Module, words: dict[str, Any], **more: Any) -> Result:
    (result,) = fb.evaluate(model, ["tiny"], **{**words, **more})
    return result


def runs_of(model: nn.Module, words: dict[str, Any], **more: Any) -> int:
    before = Colours.runs
    evaluated(model, words, **more)
    return Colours.runs - before


def numbers(result: Result) -> tuple[Any, ...]:
    record = result.record
    return record.scores, record.details, record.n_test


def same(mine: Result, other: Result) -> None:
    assert mine.record.scores == other.record.scores
    assert mine.predictions.equals(other.predictions)


def test_a_map_is_judged_as_the_same_weights_in_a_file(
    words: dict[str, Any], tmp_path: Path
) -> None:
    model = seeded(num_classes=0, global_pool="")
    file = tmp_path / "weights.pth"
    torch.save(model.state_dict(), file)
    settings = {**words["settings"], "extract.pool": "mean"}
    (imported,) = fb.run(
        method="imported", task="tiny", backbone=f"timm:{CNN}", checkpoint=file,
        **{**words, "settings": settings},
    )  # fmt: skip
    mine = evaluated(model, words, preprocess=HALVES)
    same(mine, imported)
    ours, theirs = (
        np.load(next(words["cache"].glob(f"features/{r.record.stages.features}/*.npy")))
        for r in (mine, imported)
    )
    assert ours.shape == (144, 96)
    assert np.array_equal(ours, theirs)


def test_a_vector_is_judged_as_a_frozen_model(
    words: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import save_file

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hub = tmp_path / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    whole = seeded()
    save_file({k: v.clone() for k, v in whole.state_dict().items()}, hub / f"{CNN}.safetensors")
    settings = {**words["settings"], "frozen.model": f"timm:{CNN}"}
    (frozen,) = fb.run(
        method="frozen", task="tiny", **{**words, "settings": settings, "cache": tmp_path}
    )
    whole.reset_classifier(0)  # type: ignore[operator]
    same(evaluated(whole, words, preprocess=HALVES, cache=tmp_path), frozen)


def test_a_warning_of_the_data_is_shown_once_for_all_runs(
    words: dict[str, Any], plugin: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    warning = tmp_path / "warning.py"
    warning.write_text(plugin.read_text().replace('"test": 48', '"test": 50'))
    mine = {**words, "plugins": [warning], "results": tmp_path, "baselines": True}
    for _ in range(2):
        caplog.clear()
        assert len(fb.evaluate(Colours(), "tiny", **mine)) == 2
        said = [record.getMessage() for record in caplog.records]
        assert len([text for text in said if "found 48 test; expected 50" in text]) == 1


def test_images_are_scaled_to_the_size_of_the_model(words: dict[str, Any]) -> None:
    seen: set[tuple[int, ...]] = set()

    def note(images: Tensor) -> Tensor:
        seen.add(tuple(images.shape[1:]))
        assert images.min() >= 0
        assert images.max() <= 1
        return images.flatten(2).mean(dim=2)

    evaluated(Shaped(note), words, name="large", preprocess={"image_size": 48})
    assert seen == {(3, 48, 48)}


def test_a_model_with_a_size_of_its_own_is_compared_with_the_floors(
    words: dict[str, Any], tmp_path: Path
) -> None:
    folder = {**words, "results": tmp_path / "results"}
    own = fb.evaluate(
        Colours(), "tiny", **{**folder, "baselines": True}, preprocess={"image_size": 48}
    )
    mine, floor = own
    assert (mine.spec.extract.image_size, floor.spec.extract.image_size) == (48, 32)
    assert mine.record.task.image_size == 32
    assert floor.record.task.image_size is None
    board = own.leaderboard(tmp_path / "board.txt").read_text()
    assert "at 48 px" in board
    compared = fb.compare(mine, floor)
    assert compared.items == 48
    asked = evaluated(Colours(), folder, settings={**words["settings"], "extract.image_size": 40})
    assert asked.record.task.image_size is None  # the user's, not the model's
    with pytest.raises(StageError, match="size of images 40 and 32"):
        fb.compare(asked, floor)


def test_the_same_weights_are_run_once_and_others_anew(words: dict[str, Any]) -> None:
    model = Colours()
    assert runs_of(model, words) > 0
    assert runs_of(Colours(), words, settings={**words["settings"], "probe.epochs": 4}) == 0
    assert runs_of(Colours(gain=2.0), words) > 0  # no weight, but an attribute
    with torch.no_grad():
        model.layer.bias.add_(0.5)
    assert runs_of(model, words) > 0
    assert runs_of(model, words) == 0
    assert runs_of(model, words, preprocess=HALVES) > 0
    assert runs_of(model, words, name="again") > 0


def test_force_judges_again_from_the_stored_features(words: dict[str, Any]) -> None:
    first = evaluated(Colours(), words)
    again = evaluated(Colours(), words, force=True)
    assert numbers(again) == numbers(first)
    assert again.path == first.path


def test_a_result_says_which_model_it_is_of_and_is_one_like_any_other(
    words: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    found = fb.evaluate(
        Colours(), "tiny", name="Quarter colours", **{**words, "results": folder, "baselines": True}
    )
    mine, floor = found
    assert floor.record.method.name == "random"
    assert mine.record.method.title == "Quarter colours"
    assert mine.path.name.startswith("quarter_colours-Colours-f_s-s0-")
    options = mine.spec.method_options
    assert options["model"] == f"{__name__}.Colours"
    imported = mine.record.pretrain.imported
    assert imported is not None
    assert imported.plain() == {
        "file": f"{__name__}.Colours in memory", "sha256": options["digest"],
    }  # fmt: skip
    assert all(not checked.findings for checked in fb.validate(folder))
    board = fb.load_results(folder).leaderboard(tmp_path / "board.md").read_text()
    assert "Quarter colours" in board
    values, rows = fb.extract(
        floor, data=words["data"], cache=words["cache"], plugins=words["plugins"]
    )
    assert len(values) == len(rows) == 144
    with pytest.raises(UnknownNameError, match="unknown method 'quarter_colours'"):
        fb.extract(mine, data=words["data"], cache=words["cache"], plugins=words["plugins"])


def test_the_model_is_left_as_it_was(words: dict[str, Any]) -> None:
    model = seeded(num_classes=0)
    model.train()
    model.get_submodule("layer1").eval()
    model(torch.rand(2, 3, 32, 32)).sum().backward()
    flags = [module.training for module in model.modules()]
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    places = {name: (id(t), t.data_ptr(), t.stride()) for name, t in tensors.items()}
    values = {name: t.detach().clone() for name, t in tensors.items()}
    grads = [(p.grad.data_ptr(), p.grad.stride()) for p in model.parameters() if p.grad is not None]
    evaluated(model, words, name="trained")
    assert [module.training for module in model.modules()] == flags
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    assert {n: (id(t), t.data_ptr(), t.stride()) for n, t in tensors.items()} == places
    assert all(torch.equal(t.detach(), values[name]) for name, t in tensors.items())
    assert [(p.grad.data_ptr(), p.grad.stride()) for p in model.parameters()
            if p.grad is not None] == grads  # fmt: skip
    assert all(p.requires_grad for p in model.parameters())


def test_the_model_is_left_as_it_was_after_an_error(words: dict[str, Any]) -> None:
    model = Shaped(lambda images: images[:, 0])
    with pytest.raises(ModelError):
        evaluated(model, words)
    assert model.training


def test_weights_that_share_memory_are_stored(words: dict[str, Any]) -> None:
    """They are stored under each of their names, and the scores are those of the model itself."""
    model = Colours()
    model.tied = model.layer
    tied = evaluated(model, words, name="tied")
    same(tied, evaluated(Colours(), words))
    digest = tied.record.stages.checkpoint
    (stored,) = words["cache"].glob(f"checkpoints/{digest}/model.safetensors")
    weights = load_file(stored)
    shared = [
        value for key, value in weights.items() if key.endswith((".tied.weight", ".layer.weight"))
    ]
    assert len(shared) == 2
    assert torch.equal(*shared)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda images: images[:, 0], r"gives \[1, 32, 32\] of images \[1, 3, 32, 32\]"),
        (lambda images: images.mean(), r"gives \[\] of"),
        (lambda images: images.flatten(2).mean(2)[:0], r"gives \[0, 3\] of"),
        (lambda images: (images,), "gives tuple of"),
    ],
)
def test_another_shape_is_an_error_that_names_it(
    words: dict[str, Any], make: Any, found: str
) -> None:
    with pytest.raises(
        ModelError,
        match="trial with a black image: .*" + found + r".*expected \[B, D\] or \[B, C, h, w\]",
    ) as caught:
        evaluated(Shaped(make), words, force=True, name=found[-9:-3] + "x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"name": "SimCLR"}, "method 'simclr' is there already, of facebench"),
        ({"name": "tiny"}, "name is 'tiny', as of a group of options"),
        ({"name": "probe"}, "name is 'probe', as of a group of options"),
        ({"name": "--"}, "expected one with letters or digits"),
        ({"preprocess": {"image_size": -1}}, "image_size is -1; expected 0 or"),
        ({"preprocess": {"mean": HALF}}, "Give both or neither"),
        ({"preprocess": {"mean": (0.5,), "std": (0.5,)}}, "expected three numbers each"),
        ({"preprocess": {"mean": HALF, "std": (1, 0, 1)}}, "std above 0"),
        ({"preprocess": {"meen": HALF}}, "Did you mean 'preprocess.mean'"),
        ({"preprocess": {"values": (1, 0)}}, "expected two numbers, of black and of white"),
        ({"preprocess": {"dtype": "uint8"}}, "Give preprocess.values=0,255"),
        ({"preprocess": {"filter": "lanczos", "antialias": False}}, "antialias=true"),
        (
            {"preprocess": {"image_size": 48}, "settings": {"extract.image_size": 64}},
            r"extract.image_size is 64, and the model takes images of 48 px",
        ),
        ({"settings": {"colours.gain": 1}}, "unknown option 'colours.gain'"),
        ({"settings": {"pretrain.epochs": 1}}, "is learned already"),
    ],
)
def test_a_wrong_word_is_an_error(
    words: dict[str, Any], more: dict[str, Any], message: str
) -> None:
    with pytest.raises(fb.FacebenchError, match=message):
        evaluated(Colours(), words, **more)


def test_what_is_no_module_or_has_state_that_is_no_tensor_is_an_error(
    words: dict[str, Any],
) -> None:
    class Extra(Colours):
        def get_extra_state(self) -> dict[str, int]:
            return {"step": 1}

    wrong: Any = str
    with pytest.raises(SpecError, match="model is of type type; expected a torch.nn.Module, a fun"):
        evaluated(wrong, words)
    with pytest.raises(SpecError, match="_extra_state of type dict; expected tensors alone"):
        evaluated(Extra(), words)
