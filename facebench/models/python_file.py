"""``py:FILE.py:NAME``: a module, or a function from a batch to features, of a Python file.

NAME is a module, a function with one argument (the batch), or something that is called without
arguments and returns one of these. Like a plugin, the file is run.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

from torch import nn

from facebench.errors import ModelError, SpecError, UnknownNameError
from facebench.models.function import FunctionModel
from facebench.models.named import NamedModel, files_digest, first_line, model_file
from facebench.runtime.python_source import run_source


def open_named(kind: str, rest: str) -> NamedModel:
    """Return the model ``py:FILE.py:NAME``.

    Its digest is that of the file. A function's model has the modules that the file holds at its
    top; what else it reads is not covered.

    Raises:
        SpecError: The name has another form, or the file holds no such name.
        ModelError: The file is missing or fails.
    """
    file, colon, name = rest.rpartition(":")
    if not (colon and file and name.isidentifier()):
        raise SpecError(f"py:{rest}: expected py:FILE.py:NAME, for example py:model.py:embed.")
    path = model_file(file, kind)
    shown = f"py:{path.name}:{name}"

    def load() -> nn.Module:
        content = _run(path)
        if name not in vars(content):
            public = [n for n in vars(content) if not n.startswith("_")]
            raise UnknownNameError("name", name, public, where=str(path))
        try:
            return _model(getattr(content, name), content, shown)
        except ModelError:
            raise
        except Exception as error:  # what the user's function raises
            raise ModelError(f"{shown}: cannot be made: {first_line(error)}.") from error

    return NamedModel(shown, load, digest=files_digest(path))


def _model(found: Any, content: Any, shown: str) -> nn.Module:
    if not isinstance(found, nn.Module) and callable(found) and _needs_nothing(found):
        found = found()
    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise ModelError(
            f"{shown}: is of type {type(found).__name__}; expected a torch.nn.Module, or a "
            "function from a batch to features."
        )
    used = {n: value for n, value in vars(content).items() if isinstance(value, nn.Module)}
    return FunctionModel(found, used)


def _needs_nothing(found: Any) -> bool:
    """Return whether something can be called without arguments, and is so meant."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return False
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [p for p in parameters if p.default is p.empty and p.kind not in kinds]
    takes_more = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
    return not needed and not takes_more


def _run(path: Path) -> Any:
    """Import a file under a name of its own, so that sources of its classes can be read."""
    sys.path.insert(0, str(path.parent))  # what lies beside it can be imported, as from a script
    try:
        content = run_source(f"facebench_model_{path.stem}", path)
    except Exception as error:  # whatever the file raises
        raise ModelError(f"{path}: cannot be imported: {first_line(error)}.") from error
    finally:
        sys.path.remove(str(path.parent))
    if content is None:
        raise ModelError(f"{path}: not a Python file; expected a name that ends in .py.")
    return content
