"""Learned models: checkpoints as modules, and the import of foreign weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from facebench.api.places import optional_path, paths
from facebench.backbones import Backbone
from facebench.errors import SpecError
from facebench.method import Method
from facebench.registry import Registry
from facebench.results.saved_method import find_checkpoint, saved_method
from facebench.results.store import Result
from facebench.runtime.workspace import default_cache
from facebench.weights.checkpoint import RECORD, WEIGHTS, Checkpoint
from facebench.weights.import_ import import_target
from facebench.weights.import_ import import_weights as import_file

Learned = Checkpoint | Result | str | Path  # what holds learned weights, or leads to them


def load_backbone(
    learned: Learned, *, cache: str | Path | None = None, plugins: Sequence[str | Path] = ()
) -> Backbone:
    """Return the backbone of a checkpoint with its weights.

    Args:
        learned: A checkpoint, its folder, a result that was computed from it, or its JSON file.
        cache: Folder of the checkpoints of results; by default ``FACEBENCH_CACHE``.
        plugins: Python files with the method or backbone, if it is in none that is installed.

    Returns:
        A ``torch.nn.Module`` in ``eval()`` on the CPU, from images ``[B, 3, H, W]`` in [0, 1], RGB,
        to a feature map ``[B, C, h, w]``. It normalises images itself, where it wants that.

    Raises:
        StageError: There is no such checkpoint, or a tensor does not fit.
        SpecError: The method has no shared backbone; see :func:`load_method`.
        PluginError: The method or the backbone cannot be loaded.
    """
    method = load_method(learned, cache=cache, plugins=plugins)
    if not method.info.backbone:
        raise SpecError(
            f"'{method.info.name}' has no shared backbone; expected a method that has one. "
            "Use load_method() and its features()."
        )
    return method.backbone


def load_method(
    learned: Learned, *, cache: str | Path | None = None, plugins: Sequence[str | Path] = ()
) -> Method:
    """Return the method of a checkpoint with its weights: backbone, heads and features.

    Args:
        learned: As for :func:`load_backbone`.
        cache: Folder of the checkpoints of results; by default ``FACEBENCH_CACHE``.
        plugins: Python files with the method or backbone, if it is in none that is installed.

    Returns:
        A ``torch.nn.Module`` in ``eval()`` on the CPU; ``method.features("f_s", images)`` gives
        ``[B, D]`` of images ``[B, 3, H, W]`` in [0, 1].

    Raises:
        StageError: There is no such checkpoint, or a tensor does not fit.
        PluginError: The method or the backbone cannot be loaded.
    """
    return saved_method(find_learned(learned, optional_path(cache)), Registry(paths(plugins)))


def import_weights(
    what: str,
    file: str | Path,
    *,
    prefix: str | None = None,
    out: str | Path | None = None,
    cache: str | Path | None = None,
    plugins: Sequence[str | Path] = (),
) -> Checkpoint:
    """Turn weights of other code into a checkpoint: ``facebench import``.

    Tensors are matched by name and shape; nothing in the file is run.

    Args:
        what: Name of a method, or a backbone (``timm:resnet18``).
        file: A file of ``torch.save`` (a state dict, or a whole model) or ``torch.jit.save``, of
            safetensors or an index of several, or ``.npz`` of arrays, whatever its name is.
        prefix: What the names of the imported tensors begin with (``"teacher.backbone."``), ``"."``
            for nothing; by default it is found.
        out: Folder to create; by default one in the cache.
        cache: Folder of the stages; by default ``FACEBENCH_CACHE``.
        plugins: Python files with the method or backbone.

    Raises:
        FacebenchError: The file cannot be read, lacks tensors of the backbone or holds several
            sets of them with different values, or ``out`` exists.
    """
    registry = Registry(paths(plugins))
    method, backbone = import_target(what, registry)
    return import_file(
        Path(file), method, backbone, registry,
        cache=optional_path(cache) or default_cache(), out=optional_path(out), prefix=prefix,
    )  # fmt: skip


def find_learned(learned: Learned, cache: Path | None) -> Checkpoint:
    """Return the checkpoint that holds learned weights.

    Args:
        learned: A checkpoint, its folder, a result that was computed from it, or its JSON file.
        cache: Folder of the checkpoints of results; None: the default one.

    Raises:
        StageError: There is none, or it is not the one that the result was computed from.
        SpecError: It is a file of another kind.
    """
    if isinstance(learned, Checkpoint):
        return learned
    path = learned.path if isinstance(learned, Result) else Path(learned)
    if path.name in (WEIGHTS, RECORD):
        path = path.parent
    if path.is_file() and path.suffix != ".json":
        raise SpecError(
            f"{path}: expected a checkpoint's folder or a result's JSON file. Turn weights of "
            "other code into a checkpoint with import_weights()."
        )
    return find_checkpoint(path, cache or default_cache())
