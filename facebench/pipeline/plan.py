"""What a run would do: its stages, and which of them are on disk; nothing is computed."""

from __future__ import annotations

from dataclasses import dataclass

from facebench.pipeline.stages import Stages
from facebench.weights.checkpoint import read_checkpoint


@dataclass(frozen=True)
class Step:
    """One stage of one run.

    Args:
        name: ``pretrain`` (``start`` if nothing is trained, ``import`` if the weights are given),
            ``extract`` or ``probe``.
        key: The hash that names it, equal for two runs that share the stage. Before the weights
            exist, what depends on them is named by what they will be made of.
        done: Whether it is on disk.
    """

    name: str
    key: str
    done: bool


def plan(stages: Stages) -> tuple[Step, Step, Step]:
    """Return what makes the checkpoint, the features and the result of a run.

    Where results are to be overwritten (``--force``) none counts as done.

    Raises:
        FacebenchError: Landmarks cannot be read, or a crop shows next to nothing of the images.
    """
    if stages.alignment is not None:
        stages.alignment.check()
    spec, workspace = stages.spec, stages.workspace
    folder = stages.checkpoint_folder()
    learned = folder.exists()
    weights = read_checkpoint(folder).weights_digest if learned else f"of {folder.name}"
    features = stages.features_key(weights)
    result = stages.result_key(features)
    judged = learned and not workspace.force and stages.store.find(spec, result) is not None
    first = "import" if spec.checkpoint else "start" if stages.source is None else "pretrain"
    return (
        Step(first, folder.name, learned),
        Step("extract", features, learned and workspace.folder("features", features).exists()),
        Step("probe", result, judged),
    )
