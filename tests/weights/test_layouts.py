"""The layouts in which checkpoints are published: the backbone is found under any prefix."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import Tensor

from facebench.errors import FacebenchError, SpecError, StageError
from facebench.method import Foreign, Method
from facebench.registry import Registry
from facebench.timm_backbone import Timm
from facebench.weights.build import build_method
from facebench.weights.foreign_file import read_foreign
from facebench.weights.import_ import import_weights
from facebench.weights.layout import find_layout
from facebench.weights.match import Match
from facebench.weights.renames import renamed
from facebench.weights.summary import import_summary, import_table
from facebench_methods.imported import Imported

Tensors = dict[str, Tensor]
NAMES = Foreign(names=(("", "backbone."), ("", "backbone.model.")))


def model_of(name: str, seed: int = 5, **settings: Any) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return timm.create_model(name, **settings).eval()


@pytest.fixture(scope="module")
def methods() -> dict[str, Method]:
    registry = Registry()

    def method(name: str) -> Method:
        return build_method(
            Imported, Imported.Options(), partial(registry.backbone, f"timm:{name}"), 64, seed=0
        )

    return {name: method(name) for name in ("test_resnet", "test_vit")}


@pytest.fixture(scope="module")
def resnet() -> Tensors:
    return dict(model_of("test_resnet", num_classes=3).state_dict())


@pytest.fixture(scope="module")
def vit() -> Tensors:
    return dict(model_of("test_vit", num_classes=3).state_dict())


def timm_backbone(name: str, model: Any) -> Timm:
    """Return a backbone of timm with another model in it, for one that timm has in large alone."""
    backbone = Timm(name)
    backbone.model = model
    return backbone


def under(prefix: str, tensors: Tensors, factor: float = 1) -> Tensors:
    return {prefix + name: tensor * factor for name, tensor in tensors.items()}


def bare(tensors: Tensors) -> Tensors:
    return {name: t for name, t in tensors.items() if not name.startswith(("fc.", "head."))}


def found(content: Any, method: Method, folder: Path, prefix: str | None = None) -> Match:
    torch.save(content, folder / "file.pth")
    source = read_foreign(folder / "file.pth")
    return find_layout(source, method, NAMES, "timm:test", prefix)


def sequential(tensors: Tensors) -> Tensors:
    """Name tensors as those of ``nn.Sequential(*list(model.children())[:-1])``."""
    children = [name for name, _ in model_of("test_resnet").named_children()]
    return {
        ".".join([str(children.index(name.split(".")[0])), *name.split(".")[1:]]): tensor
        for name, tensor in tensors.items()
    }


# What is published -> the prefix of the backbone, and the content without a second copy of it.
LAYOUTS: dict[str, tuple[str, Callable[[Tensors], Any]]] = {
    "bare": ("", lambda t: t),
    "no classifier": ("", bare),
    "DDP": ("state_dict.module.", lambda t: {"epoch": 3, "state_dict": under("module.", t)}),
    "Lightning": ("state_dict.model.", lambda t: {"state_dict": under("model.", t)}),
    "Lightning backbone": ("state_dict.backbone.", lambda t: {
        "state_dict": under("backbone.", bare(t)) | {"head.weight": torch.ones(2, 2)},
        "hparams_name": "kwargs", "callbacks": {}}),
    "compiled": ("_orig_mod.", lambda t: under("_orig_mod.", t)),
    "compiled DDP": ("model._orig_mod.module.", lambda t: {"model": under("_orig_mod.module.", t)}),
    "MoCo v2": ("state_dict.module.encoder_q.", lambda t: {
        "state_dict": under("module.encoder_q.", t) | {"module.queue": torch.ones(4, 2)}}),
    "MoCo v3": ("state_dict.module.base_encoder.", lambda t: {
        "state_dict": under("module.base_encoder.", bare(t))
        | {"module.predictor.0.weight": torch.ones(2, 2)}}),
    "SimSiam": ("state_dict.module.encoder.", lambda t: {
        "state_dict": under("module.encoder.", bare(t))
        | {"module.encoder.fc.0.weight": torch.ones(2, 2)}}),
    "SimCLR": ("encoder.", lambda t: (
        under("encoder.", bare(t)) | {"projector.0.bias": t["bn1.bias"]})),
    "BYOL, FRA": (
        "module.online_net.backbone.", lambda t: under("module.online_net.backbone.", t)),
    "Bulat et al.": ("state_dict.module.base_net.", lambda t: {
        "state_dict": under("module.base_net.", t) | {"module.proj.bias": t["bn1.bias"]}}),
    "DINO teacher": ("teacher.backbone.", lambda t: {
        "teacher": under("backbone.", bare(t)), "epoch": 1}),
    "DINO student": ("student.module.backbone.", lambda t: {
        "student": under("module.backbone.", t)}),
    "mmselfsup": ("state_dict.backbone.", lambda t: {
        "meta": {"epoch": 200},
        "state_dict": under("backbone.", bare(t)) | {"neck.fc0.weight": t["bn1.bias"]}}),
    "fp16": ("model.", lambda t: {"model": {n: x.half() for n, x in t.items()}}),
    "the same twice": ("state_dict.", lambda t: {"state_dict": t, "state_dict_ema": dict(t)}),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_backbone_is_found_under_its_prefix(
    tmp_path: Path, methods: dict[str, Method], resnet: Tensors, name: str
) -> None:
    prefix, content = LAYOUTS[name]
    match = found(content(resnet), methods["test_resnet"], tmp_path)
    assert match.prefix == prefix
    assert match.missing == ()
    assert match.matched == {f"backbone.model.{name}": prefix + name for name in bare(resnet)}
    if name not in ("bare", "no classifier", "the same twice"):
        given = found(content(resnet), methods["test_resnet"], tmp_path, prefix.rstrip("."))
        assert given.matched == match.matched


COPIES = {
    "MoCo v2": ("module.encoder_q.", "module.encoder_k."),
    "MoCo v3": ("module.base_encoder.", "module.momentum_encoder."),
    "BYOL, FRA": ("module.online_net.backbone.", "module.target_net.backbone."),
    "DINO": ("teacher.backbone.", "student.module.backbone."),
    "timm with EMA": ("state_dict.", "state_dict_ema."),
    "a known wrapper and EMA": ("model.", "model_ema.module."),
    "top and EMA": ("", "ema."),
}


@pytest.mark.parametrize("name", COPIES)
def test_two_sets_with_different_values_are_an_error_that_names_both(
    tmp_path: Path, methods: dict[str, Method], resnet: Tensors, name: str
) -> None:
    first, second = COPIES[name]
    content = under(first, bare(resnet)) | under(second, bare(resnet), 0.5)
    with pytest.raises(StageError, match=r"2 sets of tensors fit .* different values") as caught:
        found(content, methods["test_resnet"], tmp_path)
    for prefix in (first, second):
        assert f"'{prefix or '.'}'" in str(caught.value)
        match = found(content, methods["test_resnet"], tmp_path, prefix or ".")
        assert match.matched["backbone.model.conv1.0.weight"] == f"{prefix}conv1.0.weight"
        assert match.missing == ()


def test_a_prefix_that_is_not_there_is_told_the_nearest(
    tmp_path: Path, methods: dict[str, Method], resnet: Tensors
) -> None:
    method = methods["test_resnet"]
    content = {
        "state_dict": under("module.encoder_q.", resnet),
        "ema": under("module.encoder_q.", resnet, 2),
    }
    with pytest.raises(SpecError, match=r"Did you mean '(state_dict|ema)\.module\.encoder_q\.'"):
        found(content, method, tmp_path, "state_dict.module.encoder")
    with pytest.raises(SpecError, match=r"is in ema\.module\.encoder_q\., state_dict\.module"):
        found(content, method, tmp_path, "module.encoder_q")
    match = found(content, method, tmp_path, "ema.module.encoder_q")
    assert match.prefix == "ema.module.encoder_q."
    lacking = found(content, method, tmp_path, "ema.module")  # a prefix, but not of the backbone
    assert "backbone.model.conv1.0.weight" in lacking.missing


def test_children_by_position_are_lightlys(
    tmp_path: Path, methods: dict[str, Method], resnet: Tensors
) -> None:
    content = {"state_dict": under("backbone.", sequential(bare(resnet)))}
    match = found(content, methods["test_resnet"], tmp_path)
    assert match.prefix == "state_dict.backbone."
    assert match.renamed["backbone.model.conv1.0.weight"] == "0.0.weight"
    assert match.missing == ()
    assert match.resampled == {}
    for name, tensor in bare(resnet).items():
        assert torch.equal(match.values[f"backbone.model.{name}"], tensor)


def test_mae_with_its_decoder_is_found(
    tmp_path: Path, methods: dict[str, Method], vit: Tensors
) -> None:
    decoder = {"mask_token": torch.ones(1, 1, 32)} | under("decoder_", vit)
    match = found({"model": bare(vit) | decoder, "epoch": 9}, methods["test_vit"], tmp_path)
    assert (match.prefix, match.missing, dict(match.renamed)) == ("model.", (), {})
    assert set(match.unused) == {f"model.{name}" for name in decoder}


def test_mae_fine_tuned_has_its_last_normalisation_renamed(
    tmp_path: Path, methods: dict[str, Method], vit: Tensors
) -> None:
    tuned = {("fc_" if n.startswith("norm.") else "") + n: t for n, t in vit.items()}
    match = found({"model": tuned}, methods["test_vit"], tmp_path)
    assert match.renamed == {
        f"backbone.model.norm.{part}": f"fc_norm.{part}" for part in ("weight", "bias")
    }
    assert match.missing == ()
    assert match.prefix == "model."
    assert match.library.startswith("timm ")


def test_position_embeddings_of_another_size_are_resampled_by_timm(
    tmp_path: Path, methods: dict[str, Method]
) -> None:
    large = dict(model_of("test_vit", img_size=384, num_classes=0).state_dict())
    assert large["pos_embed"].shape == (1, 577, 64)
    content = {"teacher": under("module.backbone.", large)}
    match = found(content, methods["test_vit"], tmp_path)
    name = "backbone.model.pos_embed"
    assert match.resampled == {name: "[1, 577, 64] → [1, 101, 64]"}
    assert match.renamed == {}
    expected = resample_abs_pos_embed(large["pos_embed"], [10, 10], num_prefix_tokens=1)
    assert torch.equal(match.values[name], expected)
    assert torch.equal(match.values["backbone.model.cls_token"], large["cls_token"])


def test_clips_names_are_read_as_timm_reads_them(tmp_path: Path) -> None:
    """FaRL and CLIP: the image tower under ``visual.`` beside the one for text."""
    name = "vit_tiny_patch16_224"
    settings = {"depth": 2, "pre_norm": True, "num_classes": 0, "dynamic_img_size": True}
    model = model_of(name, **settings)
    t = dict(model_of(name, seed=6, **settings).state_dict())
    clip = {"class_embedding": t["cls_token"][0, 0], "positional_embedding": t["pos_embed"][0],
            "conv1.weight": t["patch_embed.proj.weight"], "proj": torch.ones(192, 8)}  # fmt: skip
    for part in ("weight", "bias"):
        clip |= {f"ln_pre.{part}": t[f"norm_pre.{part}"], f"ln_post.{part}": t[f"norm.{part}"]}
        for i in range(2):
            there, here = f"transformer.resblocks.{i}", f"blocks.{i}"
            clip |= {
                f"{there}.attn.in_proj_{part}": t[f"{here}.attn.qkv.{part}"],
                f"{there}.attn.out_proj.{part}": t[f"{here}.attn.proj.{part}"],
                f"{there}.mlp.c_fc.{part}": t[f"{here}.mlp.fc1.{part}"],
                f"{there}.mlp.c_proj.{part}": t[f"{here}.mlp.fc2.{part}"],
                f"{there}.ln_1.{part}": t[f"{here}.norm1.{part}"],
                f"{there}.ln_2.{part}": t[f"{here}.norm2.{part}"],
            }
    text = under("transformer.resblocks.0.", {"ln_1.weight": torch.ones(4)})
    tower = under("visual.", clip) | text | {"token_embedding.weight": torch.ones(4, 4)}
    whole = [
        one for one in renamed(tower, name, model)
        if all(n in one.tensors and one.tensors[n].shape == t[n].shape for n in t)
    ]  # fmt: skip
    assert len(whole) >= 1
    for n, tensor in t.items():
        assert torch.equal(whole[0].tensors[n], tensor), n
    method = build_method(
        Imported, Imported.Options(), lambda: timm_backbone(name, model), 64, seed=0
    )
    match = found({"model": tower}, method, tmp_path)
    fc1 = "backbone.model.blocks.0.mlp.fc1.weight"
    assert match.renamed[fc1] == "visual.transformer.resblocks.0.mlp.c_fc.weight"
    assert torch.equal(match.values[fc1], t["blocks.0.mlp.fc1.weight"])
    assert match.missing == ()
    assert set(match.unused) == {
        f"model.{n}" for n in ("visual.proj", "token_embedding.weight", *text)
    }


def test_the_key_of_an_import_has_its_prefix_and_renames(tmp_path: Path, resnet: Tensors) -> None:
    registry, file = Registry(), tmp_path / "weights.bin"
    save_file(under("encoder_q.", resnet) | under("encoder_k.", resnet, 2), file)

    def imported(**settings: Any) -> Any:
        return import_weights(
            file, "imported", "timm:test_resnet", registry, cache=tmp_path, **settings
        )

    with pytest.raises(FacebenchError, match="Say which: --prefix encoder_"):
        imported()
    one, other = (imported(prefix=prefix) for prefix in ("encoder_q.", "encoder_k"))
    assert one.folder != other.folder
    assert one.weights_digest != other.weights_digest
    assert imported(prefix="encoder_q").folder == one.folder
    assert one.imported.prefix == "encoder_q."
    notes = " ".join(import_table(one).notes)
    assert "the backbone is under encoder_q." in notes
    assert import_summary(one.imported).endswith("tensors, under encoder_q.")
