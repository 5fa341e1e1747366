"""``hf:``: models of transformers, small ones with random weights from a folder."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import facebench as fb
from facebench.errors import ModelError
from facebench.models.features import OF_TOKENS, offered
from facebench.models.hugging_face import open_named
from facebench.progress import Silent

transformers = pytest.importorskip("transformers")

SIDE, PATCH, WIDTH = 32, 8, 16


def vit() -> Any:
    return transformers.ViTModel(
        transformers.ViTConfig(
            hidden_size=WIDTH, num_hidden_layers=4, num_attention_heads=2, intermediate_size=32,
            image_size=SIDE, patch_size=PATCH,
        ),
        add_pooling_layer=False,
    )  # fmt: skip


def resnet() -> Any:
    return transformers.ResNetModel(
        transformers.ResNetConfig(
            embedding_size=8, hidden_sizes=[8, WIDTH], depths=[1, 1], layer_type="basic"
        )
    )


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Any]]:
    """Return a folder of each model, as its authors would publish it, and the model."""
    made = {}
    for name, build in (("vit", vit), ("resnet", resnet)):
        folder = tmp_path_factory.mktemp("hub") / name
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = build().eval()
        model.save_pretrained(folder)
        transformers.ViTImageProcessor(
            size={"height": SIDE, "width": SIDE}, image_mean=[0.5, 0.4, 0.3],
            image_std=[0.2, 0.3, 0.4], resample=3,
        ).save_pretrained(folder)  # fmt: skip
        made[name] = (folder, model)
    return made


def expected(model: Any, images: Tensor, feature: str) -> Tensor:
    """Return a feature by calls of transformers alone."""
    with torch.inference_mode():
        given = model(pixel_values=images, output_hidden_states=True)
        if feature == "f_s" and given.last_hidden_state.ndim == 4:
            pooled: Tensor = given.pooler_output.flatten(1)
            return pooled
        tokens = given.last_hidden_state
        classes = [model.layernorm(hidden)[:, 0] for hidden in given.hidden_states[1:]]
        mean = tokens[:, 1:].mean(1)
        blocks = [model.layernorm(hidden)[:, 1:].mean(1) for hidden in given.hidden_states[1:]]
        features: dict[str, Tensor] = {
            "f_s": tokens[:, 0],
            "cls": tokens[:, 0],
            "mean": mean,
            "cls+mean": torch.cat([tokens[:, 0], mean], 1),
            "last4": torch.cat(classes[-4:], 1),
            "layers": torch.cat(blocks, 1),
        }
        return features[feature]  # fmt: skip


@pytest.mark.parametrize("name", ["vit", "resnet"])
def test_a_model_gives_what_transformers_gives(
    stored: dict[str, tuple[Path, Any]], name: str
) -> None:
    folder, model = stored[name]
    named = open_named("hf", str(folder))
    assert named.name == f"hf:{name}"
    assert named.preprocess == {
        "filter": "bicubic", "image_size": SIDE, "antialias": True, "values": (0.0, 1.0),
        "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4),
    }  # fmt: skip
    opened: Any = named.load().eval()
    assert offered(opened) == ("f_s", *(OF_TOKENS if name == "vit" else ()))
    images = torch.rand(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(opened(images), expected(model, images, "f_s"))
        for feature in offered(opened)[1:]:
            found = opened.several(("f_s", feature), images)
            torch.testing.assert_close(found[feature], expected(model, images, feature))


@pytest.mark.parametrize("name", ["vit", "resnet"])
def test_a_model_is_judged(
    stored: dict[str, tuple[Path, Any]], name: str, data: Path, plugin: Path, tmp_path: Path
) -> None:
    folder, model = stored[name]
    (result,) = fb.evaluate(
        f"hf:{folder}", "tiny", data=data, plugins=[plugin], floors=False, device="cpu",
        precision="32", cache=tmp_path / "cache", results=tmp_path / "results",
        settings={"probe.epochs": 2, "probe.resamples": 100, "extract.dtype": "float32"},
        progress=Silent(),
    )  # fmt: skip
    assert result.spec.backbone == f"hf:{name}"
    assert str(folder.parent) not in result.path.read_text()
    assert 0 <= result.scores.honest.value("accuracy") <= 1
    (file,) = (tmp_path / "cache").glob("features/*/features.npy")
    found = np.load(file)
    assert found.shape == (144, WIDTH)
    sheet = fb.show_input(
        "tiny", model=f"hf:{folder}", out=tmp_path / "sheet.png", data=data, plugins=[plugin],
        cache=tmp_path / "cache",
    )  # fmt: skip
    rows = np.unique(np.linspace(0, 143, len(sheet.images)).astype(int))
    theirs = expected(model, sheet.batch, "f_s").numpy()
    np.testing.assert_allclose(found[rows], theirs, atol=1e-4)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="transformers cannot load it"):
        open_named("hf", str(tmp_path))


@pytest.fixture
def listening() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("reached", [True, False])
def test_without_a_hub_only_the_cache_is_asked(
    listening: str, reached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[dict[str, Any]]()

    def load(name: str, **options: Any) -> Any:
        asked.append(options)
        raise OSError("no copy")

    for proxy in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    monkeypatch.setattr(transformers.AutoImageProcessor, "from_pretrained", load)
    hub = listening if reached else "http://127.0.0.1:9"  # where no server listens
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub)
    if not reached:
        with pytest.raises(ModelError, match=r"hf:org/name: .*:9 took no connection within 5 s"):
            open_named("hf", "org/name")
        with pytest.raises(ModelError, match=r"hf:a/b/c: .*Expected hf:ORG/NAME"):
            open_named("hf", "a/b/c")
        monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: "config.json")
        assert asked == []
    with pytest.raises(ModelError, match="transformers cannot load it: OSError: no copy"):
        open_named("hf", "org/name")
    assert asked == [{} if reached else {"local_files_only": True}]
    monkeypatch.setenv("http_proxy", listening)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://hub.invalid")
    with pytest.raises(ModelError):
        open_named("hf", "org/name")
    assert asked[-1] == {}
