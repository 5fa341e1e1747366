"""``export:FILE.pt2``: a program of ``torch.export``, with its weights."""

from __future__ import annotations

import zipfile
from typing import Any

import torch
from torch import Tensor, nn

from facebench.errors import ModelError
from facebench.models.function import FunctionModel, in_batches_of
from facebench.models.named import NamedModel, files_digest, first_line, model_file


def open_named(kind: str, rest: str) -> NamedModel:
    """Return the model ``export:FILE.pt2``; its digest is that of the file.

    Raises:
        ModelError: The file is missing, or is no program from images to features.
    """
    path = model_file(rest, kind)
    shown = f"export:{path.name}"
    if not zipfile.is_zipfile(path):  # torch would try older formats, with longer messages
        raise ModelError(f"{shown}: not a file of torch.export.save. Export the model again.")
    try:
        program = torch.export.load(path)
    except Exception as error:  # torch raises many types of errors
        raise ModelError(f"{shown}: torch.export cannot load it: {first_line(error)}.") from error
    shape = _input_shape(program, shown)
    preprocess = {}
    if isinstance(shape[2], int) and shape[2] == shape[3]:
        preprocess["image_size"] = shape[2]

    def load() -> nn.Module:
        call = _call(program)
        return FunctionModel(in_batches_of(call, shape[0]) if isinstance(shape[0], int) else call)

    return NamedModel(shown, load, preprocess, files_digest(path))


def _input_shape(program: Any, shown: str) -> list[Any]:
    """Return the shape of the one input; a side that is not fixed is no ``int``."""
    names = program.graph_signature.user_inputs
    shapes = [list(node.meta["val"].shape) for node in program.graph.nodes if node.name in names]
    if len(shapes) != 1 or len(shapes[0]) != 4:
        raise ModelError(f"{shown}: its inputs are {shapes}; expected one, images [B, 3, S, S].")
    return shapes[0]


def _call(program: Any) -> Any:
    modules: dict[torch.device, Any] = {}  # a program is of one device

    def call(images: Tensor) -> Any:
        from torch.export.passes import move_to_device_pass

        if images.device not in modules:
            modules[images.device] = move_to_device_pass(program, images.device).module()
        given = modules[images.device](images)
        return given[0] if isinstance(given, (tuple, list)) and len(given) == 1 else given

    return call
