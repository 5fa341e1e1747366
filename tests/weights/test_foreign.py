"""The authors' own weights: every tensor is matched, or the import names those that are not."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

import official_weights as official
from facebench.errors import FacebenchError, SpecError, StageError
from facebench.registry import Registry
from facebench.results.saved_method import saved_method
from facebench.weights.checkpoint import Checkpoint
from facebench.weights.import_ import _filled, import_target, import_weights
from facebench.weights.match import match
from facebench_methods.pcl import PCL
from foreign_world import TOY, naive_pcl, toy_tensors


@pytest.fixture(scope="module")
def registry(plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("toy") / "toy.py"
    file.write_text(TOY)
    return Registry((plugin, file))


def saved(content: Any, folder: Path, name: str = "best.pth", **settings: Any) -> Path:
    torch.save(content, folder / name, **settings)
    return folder / name


def imported(file: Path, registry: Registry, what: str = "toy") -> Checkpoint:
    method, backbone = import_target(what, registry)
    return import_weights(file, method, backbone, registry, cache=file.parent / "cache")


def images(side: int = 64) -> Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1))


def test_pcls_released_checkpoint_is_imported_whole(tmp_path: Path, registry: Registry) -> None:
    tensors = official.fill(official.pcl(), "module.")
    file = saved({"epoch": 6000, "state_dict": tensors}, tmp_path)
    checkpoint = imported(file, registry, "pcl")
    report = checkpoint.record.plain()["imported"]
    assert (report["missing"], report["unused"]) == ([], {})
    assert set(report["matched"].values()) == {f"state_dict.{name}" for name in tensors}
    assert report["others"] == ["epoch"]
    assert checkpoint.record.features == ("f_s", "f_f", "f_p", "f_f+f_p")
    assert checkpoint.record.history == ()

    method: Any = saved_method(checkpoint, registry)
    with torch.inference_mode():
        for name, expected in naive_pcl(tensors, images()).items():
            found = method.features(name, images())
            assert torch.allclose(found.double(), expected, rtol=1e-4, atol=1e-6), name
        f, p = torch.rand(2, 2, 2048, generator=torch.Generator().manual_seed(2))
        assert torch.allclose(method.decoder(f, p), released_decoder(tensors, f, p), atol=1e-5)


def released_decoder(tensors: dict[str, Tensor], f: Tensor, p: Tensor) -> Tensor:
    """Draw faces by the names of the decoder's tensors alone."""
    t = {name.removeprefix("module.decoder."): tensor for name, tensor in tensors.items()}
    x = F.linear(F.normalize(f + p, dim=1), t["fc.weight"], t["fc.bias"])[:, :, None, None]
    for i in range(2, 23, 4):
        x = F.interpolate(x.relu(), scale_factor=2, mode="bilinear")
        x = F.conv2d(x, t[f"model.{i}.weight"], t[f"model.{i}.bias"], padding=1)
        if i < 22:
            mean, var, weight, bias = (
                t[f"model.{i + 1}.{kind}"]
                for kind in ("running_mean", "running_var", "weight", "bias")
            )
            x = F.batch_norm(x, mean, var, weight, bias)
    return x.tanh()


def test_each_tensor_of_pcls_encoder_is_missed_when_it_is_not_there(registry: Registry) -> None:
    method = PCL(registry.backbone("facecycle16"), PCL.Options(), 64)
    shapes = official.pcl_encoder()
    tensors = official.fill(shapes, "encoder.")
    assert PCL.foreign is not None
    for absent in tensors:
        rest = {name: tensor for name, tensor in tensors.items() if name != absent}
        wrong = {**tensors, absent: torch.zeros(3, 1)}
        whole, less, other = (match(t, method, PCL.foreign) for t in (tensors, rest, wrong))
        (lost,) = set(less.missing) - set(whole.missing)
        assert whole.matched[lost] == absent
        assert other.missing == less.missing
        assert list(other.unused) == [absent]
    assert not [name for name in whole.missing if name.startswith(("backbone.", "g_"))]


def test_facecycles_released_checkpoints_give_trunk_and_codes(
    tmp_path: Path, registry: Registry
) -> None:
    code = official.fill(official.facecycle_encoder(), "module.")
    identity = {name: tensor * 1.1 for name, tensor in code.items()}
    stages = {
        "one.tar": {"epoch": 39, "codegeneration": code},
        "two.tar": {"codegeneration": code, "idcodegen": identity},
    }
    for (name, content), features in zip(
        stages.items(), (["f_s", "code"], ["f_s", "code", "id_code"]), strict=True
    ):
        file = saved(content, tmp_path, name, _use_new_zipfile_serialization=False)
        checkpoint = imported(file, registry, "facecycle")
        assert checkpoint.record.features == tuple(features)
        assert not checkpoint.record.plain()["imported"]["unused"]
        method: Any = saved_method(checkpoint, registry)
        assert torch.equal(method.backbone.layer3_2[2].bias, code["module.layer3_2.2.bias"])
        f_s = method.features("f_s", images())
        hidden = F.linear(
            f_s, code["module.expresscode.0.weight"], code["module.expresscode.0.bias"]
        )
        hidden = torch.where(hidden > 0, hidden, 0.1 * hidden)
        expected = (
            hidden @ code["module.expresscode.2.weight"].T + code["module.expresscode.2.bias"]
        )
        with torch.inference_mode():
            assert torch.allclose(method.features("code", images()), expected.tanh(), atol=1e-5)
    wide = {name: tensor for name, tensor in code.items() if "layer3_2.2.bias" not in name}
    with pytest.raises(StageError, match=r"missing: backbone.layer3_2.2.bias \[128\]"):
        imported(saved({"codegeneration": wide}, tmp_path), registry, "facecycle")


def test_a_missing_or_misshapen_backbone_is_an_error(tmp_path: Path, registry: Registry) -> None:
    tensors = toy_tensors()
    del tensors["module.encoder.layers.2.bias"]
    with pytest.raises(StageError, match=r"1 of the 4 .* missing: backbone.layers.2.bias \[8\]"):
        imported(saved(tensors, tmp_path), registry)
    tensors = toy_tensors() | {"module.encoder.layers.0.weight": torch.zeros(8, 3, 5, 5)}
    with pytest.raises(StageError, match=r"\[8, 3, 5, 5\]; backbone.layers.0.weight is \[8, 3, 7"):
        imported(saved(tensors, tmp_path), registry)
    assert not list((tmp_path / "cache/checkpoints").glob("*/*"))


def test_a_feature_whose_weights_are_missing_is_not_offered(
    tmp_path: Path, registry: Registry
) -> None:
    for absent in ("encoder.branch.bias", "norm.running_mean"):
        tensors = toy_tensors("")
        del tensors[absent]
        checkpoint = imported(saved(tensors, tmp_path, f"{absent}.pth"), registry)
        assert checkpoint.record.features == ("f_s",)
        (missing,) = checkpoint.record.plain()["imported"]["missing"]
        assert load_file(checkpoint.folder / "model.safetensors")[missing].isnan().all()
        assert list(checkpoint.record.plain()["imported"]["unused"]) == ["head.weight"]


def test_wrappers_and_file_formats_give_the_same_weights(
    tmp_path: Path, registry: Registry
) -> None:
    save_file(toy_tensors("module."), tmp_path / "bare.safetensors")
    files = [
        saved(toy_tensors(""), tmp_path, "plain.pt"),
        saved({"net": toy_tensors("module.")}, tmp_path, "wrapped.tar"),
        saved({"state_dict": toy_tensors("model.")}, tmp_path, "lightning.ckpt"),
        saved(toy_tensors("module."), tmp_path, "old.pth", _use_new_zipfile_serialization=False),
        tmp_path / "bare.safetensors",
    ]
    made = [imported(file, registry) for file in files]
    assert len({checkpoint.weights_digest for checkpoint in made}) == 1
    assert {checkpoint.record.plain()["imported"]["file"] for checkpoint in made} == {
        f.name for f in files
    }
    assert imported(files[0], registry).folder == made[0].folder
    half = {name: tensor.half() for name, tensor in toy_tensors().items()}
    method: Any = saved_method(imported(saved(half, tmp_path), registry), registry)
    assert method.g.bias.dtype == torch.float32
    assert method.options.scale == 2.0  # the recipe of the authors


def test_tensors_that_cannot_be_used_are_refused(tmp_path: Path, registry: Registry) -> None:
    tensors = toy_tensors()
    twice = {"state_dict": tensors, "model": {name: 2 * t for name, t in tensors.items()}}
    with pytest.raises(StageError, match="under 'state_dict.module.', 'model.module.' .*Say which"):
        imported(saved(twice, tmp_path), registry)
    tensors["module.encoder.layers.0.bias"][3] = torch.inf
    with pytest.raises(StageError, match="encoder.layers.0.bias holds values that are not finite"):
        imported(saved(tensors, tmp_path), registry)


def test_a_timm_backbone_takes_weights_from_a_file(tmp_path: Path, registry: Registry) -> None:
    with torch.random.fork_rng():
        model: Any = timm.create_model("test_resnet", num_classes=3).eval()
    for buffer in model.buffers():  # fresh running statistics would hide that they are not read
        if buffer.is_floating_point():
            buffer.add_(0.5)
    file = saved({"model": model.state_dict(), "epoch": 1}, tmp_path)
    checkpoint = imported(file, registry, "timm:test_resnet")
    assert checkpoint.spec["method"] == "imported"
    assert set(checkpoint.record.plain()["imported"]["unused"]) == {
        "model.fc.weight",
        "model.fc.bias",
    }
    config = model.pretrained_cfg
    mean, std = (torch.tensor(config[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode():
        expected = model.forward_features((images() - mean) / std).flatten(1)
        found = saved_method(checkpoint, registry).features("f_s", images())
    assert torch.allclose(found, expected, atol=1e-5)
    other = {k: v for k, v in model.state_dict().items() if not k.endswith("running_mean")}
    with pytest.raises(StageError, match="backbone timm:test_resnet are missing.*running_mean"):
        imported(saved(other, tmp_path, "less.pth"), registry, "timm:test_resnet")


def test_what_can_be_imported_for_what(tmp_path: Path, registry: Registry) -> None:
    assert import_target("pcl", registry) == ("pcl", "facecycle16")
    assert import_target("timm:resnet18", registry) == ("imported", "timm:resnet18")
    for what, message in (
        ("simclr", "'simclr' takes no foreign weights"),
        ("imported", "name the backbone instead"),
        ("timm:resnte18", "unknown timm model"),
        ("pcll", "Did you mean 'pcl'"),
    ):
        with pytest.raises(FacebenchError, match=message):
            import_target(what, registry)
    file = saved(toy_tensors(), tmp_path)
    with pytest.raises(SpecError, match="--backbone facecycle16: the weights that 'toy' imports"):
        import_weights(file, "toy", "facecycle16", registry, cache=tmp_path)
    made = import_weights(file, "toy", "tinynet", registry, cache=tmp_path, out=tmp_path / "mine")
    assert made.folder == tmp_path / "mine"
    with pytest.raises(SpecError, match="mine: exists"):
        import_weights(file, "toy", "tinynet", registry, cache=tmp_path, out=tmp_path / "mine")


def test_an_infinite_bound_of_the_model_itself_is_no_divergence() -> None:
    """Clipping bounds of timm's gemma4_vit are infinite until they are calibrated."""
    method = nn.Module()
    method.register_buffer("bound", torch.tensor([1.0, torch.inf]))

    def filled(values: list[float]) -> torch.Tensor:
        source: Any = SimpleNamespace(path="w.pth", tensors={"b": torch.tensor(values)})
        match: Any = SimpleNamespace(matched={"bound": "b"}, values={}, missing=())
        return _filled(source, method, match)["bound"]  # type: ignore[arg-type]

    assert filled([2.0, torch.inf]).tolist() == [2.0, torch.inf]
    for odd in ([torch.inf, torch.inf], [2.0, -torch.inf], [2.0, torch.nan], [torch.nan, 1.0]):
        with pytest.raises(StageError, match="not finite"):
            filled(odd)
