"""Published models: ``zoo:NAME``, and the records of what is known of them."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from facebench.api.models import import_weights, load_backbone
from facebench.backbones import Backbone
from facebench.errors import ModelError
from facebench.models.named import NamedModel, files_digest, named_model
from facebench.runtime.sha256 import sha256_of
from facebench.runtime.workspace import default_cache
from facebench.timm_backbone import Timm
from facebench.zoo.catalogue import zoo_names, zoo_record
from facebench.zoo.record import UNVERIFIED, OfLibrary, OfWeights, ZooFile, ZooRecord

KIND = "zoo"

_log = logging.getLogger(__name__)


class FlatMap(nn.Module):
    """Returns the flattened feature map of a backbone.

    Args:
        backbone: From images ``[B, 3, S, S]`` in [0, 1] to a map ``[B, C, h, w]``.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> Tensor:
        """Return ``[B, C*h*w]``."""
        found: Tensor = self.backbone(images).flatten(1)
        return found


def list_zoo() -> tuple[ZooRecord, ...]:
    """Return the records of published models, by their names: ``facebench zoo list``."""
    return tuple(zoo_record(name) for name in zoo_names())


def zoo_info(name: str) -> ZooRecord:
    """Return what is known of one published model: ``facebench zoo info``.

    Raises:
        UnknownNameError: There is no such record.
    """
    return zoo_record(name.removeprefix(f"{KIND}:"))


def zoo_file(file: ZooFile) -> Path:
    """Return where a file of weights must lie: in ``zoo/`` of the default cache."""
    return default_cache() / "zoo" / file.name


def any_named_model(text: str) -> NamedModel:
    """Return the model that a name stands for, one of the zoo's among them.

    Args:
        text: ``zoo:NAME``, or a name as :func:`facebench.models.named.named_model` takes it.

    Raises:
        SpecError: There is no such name.
        ModelError: It cannot be opened, or its file is missing.
    """
    kind, _, name = text.partition(":")
    return _of_record(zoo_record(name)) if kind == KIND else named_model(text)


def _of_record(record: ZooRecord) -> NamedModel:
    shown, opens = f"{KIND}:{record.name}", record.opens
    own: dict[str, Any] = {
        "align": record.align, "overlaps": record.notes(), "title": record.title,
    }  # fmt: skip
    entered = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in record.preprocess.values.items()
    }
    if isinstance(opens, OfLibrary):
        found = named_model(opens.model)
        return replace(found, name=shown, preprocess={**found.preprocess, **entered}, **own)
    if record.file is None or opens.by == "nothing":
        raise ModelError(f"{shown}: facebench does not open this model: {_reason(record)}.")
    path, file = zoo_file(record.file), record.file

    def load() -> nn.Module:
        _check(file, path, shown)
        if isinstance(opens, OfWeights):
            return _with_weights(opens, path)
        return named_model(f"onnx:{path}").load()

    digest = files_digest(path) if path.is_file() else ""
    return NamedModel(shown, load, entered, digest, **own)


def _reason(record: ZooRecord) -> str:
    return getattr(record.opens, "reason", "its record names no file")


def _check(file: ZooFile, path: Path, shown: str) -> None:
    """Check that a file is there, and the one that is meant.

    Raises:
        ModelError: It is not.
    """
    if not path.is_file():
        raise ModelError(
            f"{shown}: found no {path}; expected the file of its weights. Download it from "
            f"{file.url} (address {UNVERIFIED}: {file.source}) and place it there."
        )
    found = sha256_of(path)
    if file.sha256 == UNVERIFIED:
        _log.warning("%s: the digest of %s is not known; here it is %s", shown, path.name, found)
    elif found != file.sha256:
        raise ModelError(
            f"{shown}: {path} has the SHA-256 {found}; expected {file.sha256}. Download it again "
            f"from {file.url}."
        )


def _with_weights(opens: OfWeights, path: Path) -> nn.Module:
    """Return a backbone with the weights of a file: timm's own model, or the flattened map."""
    backbone = load_backbone(import_weights(opens.model, path, prefix=opens.prefix))
    if isinstance(backbone, Timm):
        model: nn.Module = backbone.model
        return model
    return FlatMap(backbone)
