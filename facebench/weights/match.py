"""Which tensor of a foreign file is which of a method: by name and shape, nothing by position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from facebench.errors import StageError
from facebench.method import Foreign, Method

# What training scripts and wrappers put before the names of a model's tensors.
_WRAPPERS = ("state_dict", "model_state_dict", "module", "model", "net", "network")
_STATISTICS = (".running_mean", ".running_var")


@dataclass(frozen=True)
class Match:
    """Which tensor of a file is which of the method.

    Args:
        matched: Ours -> theirs.
        missing: Ours that the file lacks, and that are learned.
        unused: Theirs -> why: empty where nothing of ours has that name.
    """

    matched: dict[str, str]
    missing: tuple[str, ...]
    unused: dict[str, str]


def match(theirs: Mapping[str, Tensor], method: Method, foreign: Foreign) -> Match:
    """Match tensors by name and shape.

    What is expected in the file are the parameters of the method and the running statistics of its
    batch normalisation; its other buffers are constants, or belong to learning.

    Raises:
        StageError: Two tensors of the file would be the same tensor of the method.
    """
    ours: dict[str, Tensor] = method.state_dict()
    matched: dict[str, str] = {}
    unused: dict[str, str] = {}
    for name, tensor in theirs.items():
        target = _target(name, ours, foreign)
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
    learned = {name for name, _ in method.named_parameters()}
    expected = [name for name in ours if name in learned or name.endswith(_STATISTICS)]
    return Match(matched, tuple(name for name in expected if name not in matched), unused)


def _target(name: str, ours: Mapping[str, Tensor], foreign: Foreign) -> str | None:
    for bare in _unwrapped(name):
        for there, here in foreign.names:
            if bare.startswith(there) and here + bare.removeprefix(there) in ours:
                return here + bare.removeprefix(there)
    return None


def _unwrapped(name: str) -> Iterator[str]:
    """Yield a name as it stands, then without one wrapper after the other."""
    yield name
    first, _, rest = name.partition(".")
    if first in _WRAPPERS:
        yield from _unwrapped(rest)
    elif ".module." in name:  # a model of several, each in DataParallel
        yield name.replace(".module.", ".", 1)


def shape_of(tensor: Tensor) -> str:
    """Return a tensor's shape as messages show it, ``[64, 3, 7, 7]``."""
    return str(list(tensor.shape))
