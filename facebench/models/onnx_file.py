"""``onnx:FILE``: a model in an ONNX file, run by onnxruntime (``facebench[onnx]``).

It has one input, images ``[B, 3, S, S]`` or ``[B, S, S, 3]``. Of several outputs one is named:
``onnx:FILE:OUTPUT``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from facebench.errors import ModelError, UnknownNameError
from facebench.models.function import FunctionModel, in_batches_of
from facebench.models.named import NamedModel, files_digest, first_line, library, model_file

_TYPES = {
    "tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}  # fmt: skip


def open_named(kind: str, rest: str) -> NamedModel:
    """Return the model ``onnx:FILE``; its digest is of the file and those with its weights.

    Raises:
        ModelError: A library is not installed, a file is missing, or it is not such a model.
        UnknownNameError: It has no such output.
    """
    head, _, tail = rest.rpartition(":")
    file, output = (head, tail) if head and not Path(rest).is_file() else (rest, "")
    path = model_file(file, kind)
    shown = f"onnx:{path.name}" + (f":{output}" if output else "")
    session = _session(path, shown)
    entry = _input(session, shown)
    names = [one.name for one in session.get_outputs()]
    if output and output not in names:
        raise UnknownNameError("output", output, names, where=shown)
    if not output and len(names) > 1:
        raise ModelError(
            f"{shown}: has the outputs {', '.join(names)}; expected one. Name it: "
            f"onnx:{file}:{names[0]}."
        )
    output = output or names[0]
    sides = entry.shape[1:3] if _channels_last(entry) else entry.shape[2:]
    preprocess: dict[str, Any] = {}
    if isinstance(sides[0], int) and sides[0] == sides[1]:
        preprocess["image_size"] = sides[0]
    if entry.type == "tensor(uint8)":
        preprocess |= {"values": (0.0, 255.0), "dtype": "uint8"}

    def load() -> nn.Module:
        fixed, call = entry.shape[0], _call(session, entry, output)
        return FunctionModel(in_batches_of(call, fixed) if isinstance(fixed, int) else call)

    return NamedModel(shown, load, preprocess, files_digest(path, *_beside(path, shown)))


def _session(path: Path, shown: str) -> Any:
    runtime = library("onnxruntime", "onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # errors are raised, too
    try:
        return runtime.InferenceSession(
            str(path), options, providers=runtime.get_available_providers()
        )
    except Exception as error:  # types of its own for each cause
        raise ModelError(f"{shown}: onnxruntime cannot open it: {first_line(error)}.") from error


def _input(session: Any, shown: str) -> Any:
    entries = session.get_inputs()
    if len(entries) != 1 or len(entries[0].shape) != 4 or entries[0].type not in _TYPES:
        found = ", ".join(f"{one.name} {one.shape} {one.type}" for one in entries)
        raise ModelError(
            f"{shown}: its input is {found}; expected one, images [B, 3, S, S] or [B, S, S, 3]."
        )
    return entries[0]


def _channels_last(entry: Any) -> bool:
    return bool(entry.shape[3] == 3 and entry.shape[1] != 3)


def _call(session: Any, entry: Any, output: str) -> Any:
    kind, last = _TYPES[entry.type], _channels_last(entry)

    def call(images: Tensor) -> Tensor:
        batch = images.permute(0, 2, 3, 1) if last else images
        array = np.ascontiguousarray(batch.cpu().numpy()).astype(kind, copy=False)
        (given,) = session.run([output], {entry.name: array})
        return torch.from_numpy(given)

    return call


def _beside(path: Path, shown: str) -> list[Path]:
    """Return the files beside an ONNX file that hold its weights."""
    onnx = library("onnx", "onnx")
    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except Exception as error:  # of the parser
        raise ModelError(f"{shown}: onnx cannot read it: {first_line(error)}.") from error
    places = {
        entry.value
        for tensor in _tensors(graph)
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return [model_file(str(path.parent / place), "onnx") for place in sorted(places)]


def _tensors(graph: Any) -> Iterator[Any]:
    """Yield the stored tensors of a graph and of the graphs within it."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                if inner.node or inner.initializer:
                    yield from _tensors(inner)
