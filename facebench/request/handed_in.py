"""A checkpoint that the user hands in, instead of learning one: ``run --checkpoint PATH``.

PATH is a folder that facebench wrote, or a file of other code, which is imported into the cache.
Backbone, options of the method and image size are then those of the checkpoint.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from facebench.config.options import Overrides, apply, check_keys, keys_of, layer
from facebench.config.spec import PretrainSpec
from facebench.errors import SpecError, StageError
from facebench.method import Method
from facebench.registry import Registry
from facebench.weights.checkpoint import RECORD, WEIGHTS, Checkpoint, read_checkpoint
from facebench.weights.import_ import import_weights

_SPEC = ("method", "backbone", "method_options", "pretrain", "seed")  # what is read of a record


def open_given(
    path: Path, method: str, backbone: str, registry: Registry, cache: Path,
    prefix: str | None = None,
) -> Checkpoint:  # fmt: skip
    """Return the checkpoint at ``path``, imported if it is a file of other code.

    Args:
        path: A checkpoint's folder, or a file of weights.
        method: Name of the method that it must be of.
        backbone: As ``--backbone`` named it; empty if it did not.
        registry: Where both are found.
        cache: Folder of the stages.
        prefix: What the names of the tensors of a file begin with; None: found.

    Raises:
        FacebenchError: There is nothing at ``path``, it cannot be read or imported, or it is of
            another method or backbone.
    """
    where = f"--checkpoint {path}"
    if not path.exists():
        raise StageError(f"{where}: no such file or folder; expected a checkpoint or weights.")
    if path.name == WEIGHTS and (path.parent / RECORD).is_file():
        path = path.parent
    cls: type[Method] = registry.load("method", method)
    if path.is_dir():
        if prefix is not None:
            raise SpecError(
                f"--prefix {prefix}: {path} is a checkpoint of facebench, which has one set of "
                "tensors. Leave --prefix out."
            )
        checkpoint = _read_whole(path)
    else:
        declared = cls.foreign.backbone if cls.foreign else ""
        if cls.foreign and not (backbone or declared):
            raise SpecError(
                f"{where}: '{method}' takes the weights of any backbone. Name it: --backbone "
                "timm:NAME."
            )
        checkpoint = import_weights(
            path, method, backbone or declared, registry, cache=cache, prefix=prefix
        )
    found = checkpoint.spec
    for key, asked in (("method", method), ("backbone", backbone if cls.info.backbone else "")):
        if asked and found[key] != asked:
            raise SpecError(
                f"{where}: is of the {key} '{found[key]}'; --{key} {asked} was asked for. "
                f"Give --{key} {found[key]}, or another checkpoint."
            )
    return checkpoint


def _read_whole(folder: Path) -> Checkpoint:
    checkpoint = read_checkpoint(folder)
    spec = checkpoint.spec
    lacking = [key for key in _SPEC if not isinstance(spec, dict) or key not in spec]
    if lacking:
        raise StageError(
            f"{folder / RECORD}: its spec has no {', '.join(lacking)}; expected the record that "
            "facebench wrote. Copy the folder again."
        )
    return checkpoint


def given_settings(checkpoint: Checkpoint, method: type[Method]) -> tuple[Any, PretrainSpec]:
    """Return the method's options and the pretraining that a checkpoint was made with.

    Raises:
        SpecError: Its record names an option that this version of the method does not have.
    """
    spec, where = checkpoint.spec, str(checkpoint.folder / RECORD)
    overrides: Overrides = {}
    for group, values in ((method.info.name, "method_options"), ("pretrain", "pretrain")):
        overrides |= layer(spec[values], where, group=group)
    groups = {method.info.name: keys_of(method.Options), "pretrain": keys_of(PretrainSpec)}
    check_keys(overrides, groups)
    options = apply(method.Options(), method.info.name, overrides)
    return options, apply(PretrainSpec(), "pretrain", overrides)


def check_nothing_learns(checkpoint: Checkpoint, method: str, overrides: Overrides) -> None:
    """Refuse what would have to be known before a checkpoint was made.

    Raises:
        SpecError: An option of the method or of pretraining is set.
    """
    for key, override in overrides.items():
        if key.partition(".")[0] in (method, "pretrain"):
            raise SpecError(
                f"{override.where}: sets {key}, and --checkpoint {checkpoint.folder} is learned "
                "already; expected options of extract, probe or the task. Leave one of them out."
            )
