"""Records of method, task and data in checkpoints and results, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from facebench.audit.leak_free import leak_free_scores
from facebench.audit.leaks import Leaks
from facebench.audit.overlap import identity_overlap, overlap_warning
from facebench.config.spec import ProbeSpec, RunSpec, plain, spec_record
from facebench.data.align.alignment import Alignment
from facebench.data.dataset import Dataset
from facebench.data.sources import Source
from facebench.evaluation.judgement import Judgement
from facebench.evaluation.protocol import judging
from facebench.method import Method
from facebench.weights.checkpoint import Checkpoint


def published_spec(spec: RunSpec) -> dict[str, Any]:
    """Return the spec of a result, whose files and folders have names, and no place on a machine.

    What is in them is named by digests: ``stages.weights_digest``, ``pretrain.data.fingerprint``
    and ``task.alignment.identity``.
    """
    record = spec_record(spec)
    record["checkpoint"] = PurePath(spec.checkpoint).name
    kind, colon, place = spec.pretrain.data.rpartition(":")
    record["pretrain"]["data"] = f"{kind}{colon}{PurePath(place).name}"
    if "align" in record:
        record["align"]["landmarks"] = PurePath(spec.align.landmarks).name
    return record


def method_record(method: type[Method]) -> dict[str, Any]:
    """Return the record of a result's method; addresses are there if it declares them."""
    info = method.info
    addresses = {"paper_url": info.paper_url, "code_url": info.code_url}
    return {
        **{name: address for name, address in addresses.items() if address},
        "name": info.name,
        "title": info.title,
        "version": info.version,
        "paper": info.paper,
        "needs": info.needs,
    }


def task_record(
    dataset: Dataset,
    probe: ProbeSpec,
    leaks: Leaks,
    cautions: Sequence[str] = (),
    *,
    own_size: bool = False,
    alignment: Alignment | None = None,
) -> dict[str, Any]:
    """Return the record of a result's task, data and leaks, and of what lessens its scores.

    Args:
        dataset: Dataset of the test.
        probe: How it was evaluated.
        leaks: Its leaks.
        cautions: What lessens its scores.
        own_size: Whether features are of images of the size that the model declares.
        alignment: How images were aligned; None: as the task crops them, which is not recorded.
    """
    info = dataset.task.info
    protocol = judging(info, probe)
    main, columns = protocol.recorded_metrics(info, probe)
    aligned = {} if alignment is None else {"alignment": alignment.record()}
    notes = () if alignment is None else alignment.warnings()
    return {
        **({"image_size": info.image_size} if own_size else {}),
        **aligned,
        **({"classes": list(info.classes)} if len(info.classes) > 1 else {}),
        "name": info.name,
        "title": info.title,
        "version": info.version,
        "protocol": [protocol.name, protocol.version],
        "family": info.family,
        "main_metric": plain(main),
        "columns": [plain(column) for column in columns],
        "synthetic": dataset.synthetic,
        "fingerprint": dataset.fingerprint,
        "counts": dict(dataset.counts),
        "leaks": leaks.record(),
        "warnings": [*dataset.warnings, *notes, *leaks.warnings(), *cautions],
    }


def pretrain_record(
    checkpoint: Checkpoint, source: Source | None, dataset: Dataset
) -> dict[str, Any]:
    """Return the record of pretraining, and the overlap of persons with the test data.

    Args:
        checkpoint: Checkpoint, whose record names the data.
        source: The pretraining data; ``None`` if nothing was learned.
        dataset: Dataset of the test.
    """
    whole = checkpoint.record.plain()
    record = {key: whole[key] for key in ("data", "images_seen", "history")}
    record |= {key: whole[key] for key in ("devices", "compiled") if key in whole}
    if checkpoint.imported is not None:
        record["imported"] = {key: whole["imported"][key] for key in ("file", "sha256")}
    if source is None or record["data"] is None:
        targets = checkpoint.targets
        if targets is not None and targets.kind == "identities" and "subject" in dataset.table:
            note = f"whether people of the test of {dataset.task.info.title} are among them is not"
            warnings = [*record["data"]["warnings"], f"{note} known: the checkpoint was given"]
            record["data"] = {**record["data"], "warnings": warnings}
        return record
    overlap = identity_overlap(source, dataset)
    warnings = [*record["data"]["warnings"], *overlap_warning(overlap, source)]
    record["data"] = {**record["data"], "identity_overlap": overlap, "warnings": warnings}
    return record


def judgement_record(judgement: Judgement, leaks: Leaks | None) -> dict[str, Any]:
    """Return what a result says about scores, also without what leaks if ``leaks`` is given.

    Raises:
        DataError: Too little is left to be scored without leaks.
    """
    without = {} if leaks is None else leak_free_scores(judgement, leaks)
    return {
        "n_test": judgement.n_test,
        "n_scored": judgement.n_scored,
        "scores": {**judgement.scores, **without},
        "details": judgement.details,
        "floors": judgement.floors,
    }


def source_record(source: Source) -> dict[str, Any]:
    """Return what a checkpoint says about the images that it learned from."""
    record: dict[str, Any] = {
        "name": source.name,
        "synthetic": source.synthetic,
        "images": len(source),
        "fingerprint": source.fingerprint,
        "warnings": list(source.warnings),
    }
    if source.targets is not None:
        form = source.targets.form
        record["labels"] = {"kind": form.kind, "outputs": form.outputs}
    return record
