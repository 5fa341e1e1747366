"""Matches the tensors of a foreign file with those of a method by name and shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from facebench.errors import StageError
from facebench.method import Foreign, Method

# Prefixes that training scripts and wrappers add to tensor names.
_WRAPPERS = ("state_dict", "model_state_dict", "module", "model", "net", "network")
_STATISTICS = (".running_mean", ".running_var")


@dataclass(frozen=True)
class Match:
    """Result of matching the tensors of a file with those of a method.

    Args:
        matched: Name in the method -> name in the file.
        missing: Learned tensors of the method that the file lacks.
        unused: Name in the file -> reason; empty where the method has no tensor of that name.
        prefix: What the names in the file of all tensors of the backbone begin with.
        searched: Whether the prefix or renames beyond known wrappers decided what is matched.
        renamed: Name in the method -> name under the prefix, where another library's names differ.
        resampled: Name in the method -> how its shape was changed.
        values: Name in the method -> tensor, where it is not the file's as it stands.
        library: What renamed and resampled, with its version.
    """

    matched: dict[str, str]
    missing: tuple[str, ...]
    unused: dict[str, str]
    prefix: str = ""
    searched: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)
    resampled: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Tensor] = field(default_factory=dict)
    library: str = ""


def match(
    theirs: Mapping[str, Tensor], method: Method, foreign: Foreign, *, wrapped: bool = True
) -> Match:
    """Match tensors by name and shape.

    Args:
        theirs: Tensors of the file by name.
        method: The method, whose tensors are looked for.
        foreign: How its authors name them.
        wrapped: Whether names may begin with those of known wrappers (``module.``).

    Raises:
        StageError: Two tensors of the file would be the same tensor of the method.
    """
    ours: dict[str, Tensor] = method.state_dict()
    matched: dict[str, str] = {}
    unused: dict[str, str] = {}
    for name, tensor in theirs.items():
        target = _target(name, ours, foreign, wrapped)
        if target is None:
            unused[name] = ""
        elif tensor.shape != ours[target].shape:
            unused[name] = f"{shape_of(tensor)}; {target} is {shape_of(ours[target])}"
        elif target in matched:
            raise StageError(
                f"{name} and {matched[target]} would both be {target}; expected one of them. "
                "Save one model alone."
            )
        else:
            matched[target] = name
    missing = tuple(name for name in expected_tensors(method) if name not in matched)
    return Match(matched, missing, unused)


def expected_tensors(method: Method) -> list[str]:
    """Return the names of the tensors that a file is expected to hold.

    These are the parameters of the method and the running statistics of its batch normalisation;
    other buffers are constants or training state.
    """
    learned = {name for name, _ in method.named_parameters()}
    return [name for name in method.state_dict() if name in learned or name.endswith(_STATISTICS)]


def _target(name: str, ours: Mapping[str, Tensor], foreign: Foreign, wrapped: bool) -> str | None:
    for bare in _unwrapped(name) if wrapped else (name,):
        for there, here in foreign.names:
            if bare.startswith(there) and here + bare.removeprefix(there) in ours:
                return here + bare.removeprefix(there)
    return None


def _unwrapped(name: str) -> Iterator[str]:
    """Yield a name unchanged, then with one wrapper prefix after the other removed."""
    yield name
    first, _, rest = name.partition(".")
    if first in _WRAPPERS:
        yield from _unwrapped(rest)
    elif ".module." in name:  # several models in one file, each in DataParallel
        yield name.replace(".module.", ".", 1)


def shape_of(tensor: Tensor) -> str:
    """Return a tensor's shape as messages show it, ``[64, 3, 7, 7]``."""
    return str(list(tensor.shape))
