"""What a run would do: its stages, and which of them are on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from facebench.checkpoint import read_checkpoint
from facebench.registry import Registry
from facebench.run import Stages
from facebench.spec import RunSpec
from facebench.workspace import Workspace


@dataclass(frozen=True)
class Step:
    """One stage as ``--dry-run`` shows it.

    Args:
        name: ``pretrain``, ``extract`` or ``probe``.
        key: The hash that names it; empty when it depends on weights that do not exist yet.
        done: Whether it is on disk.
    """

    name: str
    key: str
    done: bool


def plan(spec: RunSpec, workspace: Workspace, registry: Registry) -> list[Step]:
    """Return the stages of a spec and which of them are on disk; computes none of them."""
    stages = Stages(spec, workspace, registry)
    folder = workspace.folder("checkpoints", stages.checkpoint_key())
    if spec.checkpoint:
        folder = Path(spec.checkpoint)
    first = Step("import" if spec.checkpoint else "pretrain", folder.name, folder.exists())
    if not first.done:
        return [first, Step("extract", "", False), Step("probe", "", False)]
    checkpoint = read_checkpoint(folder)
    features_key = stages.features_key(checkpoint)
    result_key = stages.result_key(features_key)
    extracted = workspace.folder("features", features_key).exists()
    judged = stages.store.find(spec, result_key) is not None
    return [first, Step("extract", features_key, extracted), Step("probe", result_key, judged)]
