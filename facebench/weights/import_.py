"""Imports foreign weights: tensors are matched by name and shape, and the matches are reported.

A method declares in ``foreign`` how its authors name their modules. Tensors that the file lacks
are filled with NaN, so that features which depend on them are detected: the features that stay
finite are those that the imported weights provide.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from facebench.backbones import Backbone
from facebench.config.options import apply, layer
from facebench.config.spec import PretrainSpec, digest, plain
from facebench.errors import PluginError, SpecError, StageError
from facebench.method import Foreign, Method
from facebench.registry import Registry
from facebench.runtime.atomic import atomic_folder
from facebench.runtime.stage import obtain
from facebench.weights.build import build_method
from facebench.weights.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from facebench.weights.foreign_file import ForeignFile, read_foreign
from facebench.weights.layout import find_layout
from facebench.weights.match import Match, shape_of

IMPORT_VERSION = 1  # raised when the same file would give another checkpoint

_SHOWN = 5  # names in a message


@dataclass(frozen=True)
class _Fitted:
    """A file, the method that takes it, and which tensors are which."""

    source: ForeignFile
    method: Method
    backbone: str
    options: Any
    pretrain: PretrainSpec
    match: Match


def import_target(what: str, registry: Registry) -> tuple[str, str]:
    """Return method and backbone of ``facebench import WHAT``.

    Args:
        what: Name of a method or of a backbone (``timm:resnet18``).
        registry: Registry of methods and backbones.

    Raises:
        SpecError: The method declares no foreign weights, or takes those of any backbone.
        PluginError: No method evaluates a bare backbone, or it is not clear which.
    """
    if what.partition(":")[0] in registry.names("backbone") and what not in registry.names(
        "method"
    ):
        registry.backbone(what)  # raises for an unknown name
        return _bare_method(registry), what
    backbone = _declared(registry.load("method", what)).backbone
    if not backbone:
        raise SpecError(
            f"'{what}' takes the weights of any backbone; name the backbone instead, for example "
            "facebench import timm:resnet18 FILE."
        )
    return what, backbone


def import_weights(
    file: Path, method: str, backbone: str, registry: Registry, *,
    cache: Path, out: Path | None = None, prefix: str | None = None,
) -> Checkpoint:  # fmt: skip
    """Turn a foreign file into a checkpoint of ``method``.

    Args:
        file: As for :func:`facebench.weights.foreign_file.read_foreign`.
        method: Name of the method.
        backbone: Name of the backbone; must be the one that the method declares, if any.
        registry: Registry of methods and backbones.
        cache: Folder of the stages, used if ``out`` is not given.
        out: Folder to create.
        prefix: What the names of the tensors begin with that are imported (``teacher.backbone.``),
            ``.`` for nothing; by default it is found.

    Raises:
        FacebenchError: The file cannot be read, lacks tensors of the backbone or holds several sets
            of them, the method takes no foreign weights or those of another backbone, or ``out``
            exists.
    """
    cls: type[Method] = registry.load("method", method)
    foreign = _declared(cls)
    if foreign.backbone not in ("", backbone):
        raise SpecError(
            f"--backbone {backbone}: the weights that '{method}' imports are those of "
            f"{foreign.backbone}. Leave --backbone out."
        )
    if out is not None and out.exists():
        raise SpecError(f"--out {out}: exists; expected a folder to make.")
    source = read_foreign(file)
    fitted = _fit(source, cls, backbone, registry, prefix)
    if out is not None:
        with atomic_folder(out) as folder:
            _write(folder, fitted)
        return read_checkpoint(out)
    plugins = [registry.find("method", method), registry.find("backbone", backbone.split(":")[0])]
    inputs = {
        "import": IMPORT_VERSION,
        "file": [file.name, source.sha256],
        "method": [method, cls.info.version, plain(foreign)],
        "backbone": backbone,
        "source code": "".join(plugin.digest for plugin in plugins),
    }
    if fitted.match.searched:  # of other files, all of it follows from the above
        inputs["layout"] = _layout(fitted.match)

    def make(folder: Path) -> None:
        with atomic_folder(folder) as temporary:
            _write(temporary, fitted)

    return obtain(cache / "checkpoints" / digest(inputs), make, read_checkpoint)


def _fit(
    source: ForeignFile, cls: type[Method], backbone: str, registry: Registry, prefix: str | None
) -> _Fitted:
    """Build the method and find its tensors in the file.

    Raises:
        FacebenchError: As for :func:`import_weights`.
    """
    foreign, name = _declared(cls), cls.info.name
    recipe = layer(cls.info.recipes.get(foreign.recipe, {}), f"recipe {foreign.recipe}", group=name)
    options = apply(cls.Options(), name, recipe)
    pretrain: PretrainSpec = apply(PretrainSpec(), "pretrain", recipe)
    pretrain = _at_a_size_taken(pretrain, registry.backbone(backbone))
    method = build_method(
        cls, options, partial(registry.backbone, backbone), pretrain.image_size, seed=0
    ).eval()
    try:
        found = find_layout(source, method, foreign, backbone, prefix)
    except StageError as error:
        raise StageError(f"{source.path}: {error}") from error
    _check_backbone(source, method, found, backbone)
    return _Fitted(source, method, backbone, options, pretrain, found)


def _write(folder: Path, fitted: _Fitted) -> None:
    started = time.perf_counter()
    source, method, found = fitted.source, fitted.method, fitted.match
    method.load_state_dict(_filled(source, method, found))
    features = _finite_features(method)
    if not features:
        raise StageError(
            f"{source.path}: gives none of the features {', '.join(method.info.features)}; "
            f"{_listed(list(found.missing))} are missing."
        )
    record = {
        "spec": {
            "method": method.info.name, "backbone": fitted.backbone,
            "method_options": plain(fitted.options), "pretrain": plain(fitted.pretrain), "seed": 0,
        },
        "history": [], "data": None, "images_seen": 0,
        "features": features,
        "imported": {
            "file": source.path.name, "sha256": source.sha256, "matched": found.matched,
            "missing": list(found.missing), "unused": found.unused, "others": list(source.others),
            "placeholders": list(source.placeholders), **_layout(found),
        },
        "seconds": round(time.perf_counter() - started, 2),
    }  # fmt: skip
    write_checkpoint(folder, method, record)


def _at_a_size_taken(pretrain: PretrainSpec, shared: Backbone) -> PretrainSpec:
    """Return the settings with images of a size that the backbone takes.

    Where its weights depend on the size, this is the one that they are published for.
    """
    side = shared.made_for or shared.nearest_size(pretrain.image_size)
    return replace(pretrain, image_size=side)


def _layout(found: Match) -> dict[str, Any]:
    """Return where the tensors were found, and what was changed."""
    return {
        "prefix": found.prefix, "renamed": dict(found.renamed),
        "resampled": dict(found.resampled), "library": found.library,
    }  # fmt: skip


def _check_backbone(source: ForeignFile, method: Method, found: Match, backbone: str) -> None:
    lacking = [name for name in found.missing if name.startswith("backbone.")]
    if not lacking:
        return
    ours = method.state_dict()
    total = sum(name.startswith("backbone.") for name in [*found.matched, *found.missing])
    shapes = [f"{name}, {why}" for name, why in found.unused.items() if why]
    wrong = f" Of another shape: {_listed(shapes)}." if shapes else ""
    under = f", which were looked for under '{found.prefix}'" if found.prefix else ""
    raise StageError(
        f"{source.path}: {len(lacking)} of the {total} tensors of the backbone {backbone} are "
        f"missing: {_listed([f'{name} {shape_of(ours[name])}' for name in lacking])}.{wrong} The "
        f"file holds {_listed(list(source.tensors))}; expected every tensor of the backbone{under}."
        " Give a complete file, or the method or backbone that it belongs to."
    )


def _filled(source: ForeignFile, method: Method, found: Match) -> dict[str, Tensor]:
    """Return all tensors of the method: imported ones, NaN for missing ones, and its constants."""
    filled = dict(method.state_dict())
    for name, theirs in found.matched.items():
        theirs_or_new = found.values[name] if found.values else source.tensors[theirs]
        tensor = theirs_or_new.to(filled[name].dtype)
        odd = ~tensor.isfinite()  # which a bound that clips nothing is, in a new model, too
        if not torch.equal(tensor[odd], filled[name][odd]):
            raise StageError(
                f"{source.path}: {theirs} holds values that are not finite; expected learned "
                "weights. The training has diverged, or the file is damaged."
            )
        filled[name] = tensor
    return filled | {name: torch.full_like(filled[name], torch.nan) for name in found.missing}


def _finite_features(method: Method) -> list[str]:
    """Return the features that do not depend on a missing tensor (which is NaN)."""
    side = method.image_size
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        names = method.info.features
        return [name for name in names if bool(method.features(name, images).isfinite().all())]


def _declared(cls: type[Method]) -> Foreign:
    if cls.foreign is None:
        raise SpecError(
            f"'{cls.info.name}' takes no foreign weights: it declares no names for them. Import "
            "for another method or for a backbone, or write `foreign` (facebench/method.py)."
        )
    return cls.foreign


def _bare_method(registry: Registry) -> str:
    """Return the method that evaluates a backbone with weights from a file."""
    found: list[str] = []
    for name in registry.names("method"):
        try:
            cls: type[Method] = registry.load("method", name)
        except PluginError:  # a defective third-party plugin, which is not needed here
            continue
        if cls.info.needs == "file":
            found.append(name)
    if len(found) != 1:
        raise PluginError(
            f"methods that evaluate a bare backbone: found {', '.join(found) or 'none'}; expected "
            "one. Give the method instead."
        )
    return found[0]


def _listed(names: list[Any]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
