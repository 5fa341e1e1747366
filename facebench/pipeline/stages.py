"""The pipeline: a spec becomes a checkpoint, becomes features, becomes a result.

Each stage is a function of the stages before it. Its folder is named by the hash of its inputs
and appears only when it is complete, so nothing is computed twice, a killed run goes on where it
was, and runs share what they have in common.
"""

from __future__ import annotations

import glob
import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from facebench.audit.label_rows import refuse_test_labels
from facebench.audit.leak_search import find_leaks
from facebench.config.spec import ExtractSpec, RunSpec, plain, spec_record
from facebench.data.align.alignment import Alignment, alignment
from facebench.data.dataset import Dataset
from facebench.data.packed import PackedFaces, pack
from facebench.data.sources import Source
from facebench.evaluation.cautions import cautions
from facebench.evaluation.extract import Wanted, extract
from facebench.evaluation.protocol import judge, judging
from facebench.evaluation.store import Features, read_features
from facebench.method import Method
from facebench.pipeline import keys
from facebench.pipeline.copies import Copies
from facebench.pipeline.left_over import devices_record, left_by_others
from facebench.pipeline.opening import open_judged_data, open_pretraining_data
from facebench.pipeline.passes import in_one_pass
from facebench.request.loaded import LoadedRun
from facebench.results.records import (
    judgement_record,
    method_record,
    pretrain_record,
    published_spec,
    source_record,
    task_record,
)
from facebench.results.store import Result, ResultStore, now, result_key
from facebench.results.validation import usable
from facebench.runtime.atomic import sweep
from facebench.runtime.environment import environment
from facebench.runtime.stage import alone, spare
from facebench.runtime.workspace import Workspace
from facebench.targets import Targets
from facebench.weights.build import backbone_parameters, build_method, make_heads
from facebench.weights.checkpoint import Checkpoint, load_weights, read_checkpoint, write_checkpoint

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stages:
    """The stages of one run: the key of each, and its computation.

    ``dataclasses.replace`` gives the stages of another run on the data that are open here, or the
    same kept elsewhere.

    Args:
        run: The spec and the classes that it names.
        workspace: Folders of stages and results, device and progress reporter.
        dataset: Opened dataset of the task.
        source: Opened pretraining data; None if nothing is learned.
        beside: Features of other runs, which an extraction writes by the same pass over the images
            if they are not on disk.
    """

    run: LoadedRun
    workspace: Workspace
    dataset: Dataset
    source: Source | None
    beside: tuple[ExtractSpec, ...] = ()

    @property
    def spec(self) -> RunSpec:
        """Return the spec of the run."""
        return self.run.spec

    @property
    def store(self) -> ResultStore:
        """Return the folder of results."""
        return ResultStore(self.workspace.results)

    # spec -> checkpoint -----------------------------------------------------------------------

    def checkpoint_key(self) -> str:
        """Return the hash of everything that the weights depend on."""
        return keys.checkpoint_key(self.run, self.source, self.workspace)

    def checkpoint_folder(self) -> Path:
        """Return the folder of the weights, which may not be there yet."""
        if self.spec.checkpoint:
            return Path(self.spec.checkpoint)
        return self.workspace.folder("checkpoints", self.checkpoint_key())

    def checkpoint(self) -> Checkpoint:
        """Return the supplied checkpoint, or pretrain unless it exists; resume if interrupted."""
        folder = self.checkpoint_folder()
        if self.spec.checkpoint:
            given = read_checkpoint(folder)
            if given.targets is not None and given.record.data is not None:
                refuse_test_labels(given.record.data.name, self.dataset, self.spec.method)
            return given
        helps = self.source is not None and self.workspace.rank > 0
        return Copies(self.workspace).obtain(folder, self._pretrain, read_checkpoint, helps=helps)

    def _pretrain(self, folder: Path) -> None:
        from facebench.pretrain.engine import train
        from facebench.pretrain.resume import RESUME_FILE

        spec, started = self.spec, time.perf_counter()
        partial = folder.with_name(folder.name + ".partial")
        partial.mkdir(parents=True, exist_ok=True)
        method = self._new_method()
        method.load_published()
        learned: dict[str, Any] = {"history": [], "data": None, "images_seen": 0}
        if self.source is not None:
            faces = pack(
                self.source, spec.pretrain.image_size, self.workspace.cache,
                skip_broken=spec.skip_broken, progress=self.workspace.progress,
            )  # fmt: skip
            targets = self._targets(faces)
            if targets is not None:
                make_heads(method, targets.form, seed=spec.seed)
            others = None
            if not (partial / RESUME_FILE).exists():
                others = left_by_others(self.run, self.source, self.workspace)
            learned = train(
                method, faces, spec.pretrain,
                seed=spec.seed, workspace=self.workspace, precision=spec.precision, folder=partial,
                resume=others, targets=targets,
            )  # fmt: skip
            if targets is not None:
                learned["targets"] = targets.form.record()
            learned["data"] = source_record(self.source) | {"broken": faces.broken}
            learned |= devices_record(learned.pop("devices"), spec.pretrain)
        learned["seconds"] = round(time.perf_counter() - started, 2)
        write_checkpoint(partial, method, {"spec": spec_record(spec), **learned})
        (partial / RESUME_FILE).unlink(missing_ok=True)
        partial.rename(folder)

    def _targets(self, faces: PackedFaces) -> Targets | None:
        """Return the labels of the packed images, which lack those that are broken."""
        if self.source is None or self.source.targets is None:
            return None
        packed = ~self.source.frames["path"].isin(faces.broken)
        return self.source.targets.take(np.flatnonzero(packed))

    # checkpoint -> features -------------------------------------------------------------------

    def features_key(self, weights_digest: str) -> str:
        """Return the hash of everything that the features depend on.

        Args:
            weights_digest: The checkpoint's digest of its weights.
        """
        return keys.features_key(self.run, self.dataset, self.alignment, weights_digest)

    @cached_property
    def alignment(self) -> Alignment | None:
        """Return how the images are aligned; None: as the task crops them."""
        workspace = self.workspace
        return alignment(self.spec.align, self.dataset, workspace.cache, workspace.progress)

    def features_folder(self, checkpoint: Checkpoint) -> Path:
        """Return the folder of the features, which may not be there yet."""
        return self.workspace.folder("features", self.features_key(checkpoint.weights_digest))

    def features(self, checkpoint: Checkpoint) -> Features:
        """Return the features of the task's images, extracted unless they exist."""

        def make(folder: Path) -> None:
            method = self._new_method()
            load_weights(method, checkpoint)
            shown = self.dataset if self.alignment is None else self.alignment.aligned()

            def write(beside: Sequence[Wanted]) -> None:
                extract(
                    method, shown, self.spec.extract, folder,
                    record=self._features_record(), workspace=self.workspace,
                    precision=self.spec.precision, skip_broken=self.spec.skip_broken,
                    beside=beside,
                )  # fmt: skip

            with ExitStack() as locks:
                in_one_pass(write, self._wanted_beside(checkpoint, locks))

        folder, count = self.features_folder(checkpoint), len(self.dataset)
        found = Copies(self.workspace).obtain(folder, make, lambda at: read_features(at, count))
        return replace(found, device=self.workspace.device)

    def _features_record(self) -> dict[str, Any]:
        return {"extract": plain(self.spec.extract), "data": self.dataset.fingerprint}

    def _wanted_beside(self, checkpoint: Checkpoint, locks: ExitStack) -> list[Wanted]:
        """Return the features of other runs that are not on disk, and lock their folders."""
        wanted = []
        for spec in self.beside:
            other = replace(self, run=self.run.with_spec(extract=spec), beside=())
            folder = other.features_folder(checkpoint)
            if locks.enter_context(spare(folder)):
                wanted.append(Wanted(spec, folder, other._features_record()))
        return wanted

    # features -> result -----------------------------------------------------------------------

    def result_key(self, features_key: str) -> str:
        """Return the hash of everything that the scores depend on."""
        spec, protocol = self.spec, judging(self.dataset.task.info, self.spec.probe)
        return result_key(
            (protocol.name, protocol.version), features_key, spec.probe,
            seed=spec.seed, dedup_test=spec.dedup_test,
        )  # fmt: skip

    def result(self, checkpoint: Checkpoint, features: Features) -> Result:
        """Evaluate the features unless the result exists; ``force`` evaluates again."""
        key = self.result_key(self.features_key(checkpoint.weights_digest))
        path = self.store.path(self.spec, key)
        with alone(self.workspace.cache / "locks" / key):
            copies = Copies(self.workspace)
            found = None if self.workspace.force else copies.find(self.store, self.spec, key)
            if found is not None and usable(found):
                return found
            for suffix in (".json", ".parquet"):
                sweep(path.parent, glob.escape(path.with_suffix(suffix).name))
            return copies.keep(self._judged(checkpoint, features, key))

    def _judged(self, checkpoint: Checkpoint, features: Features, key: str) -> Result:
        """Evaluate the features, and write the result."""
        noted = self.run.method.info.overlaps.get(self.dataset.task.info.name)
        doubts = (*cautions(self.dataset, features), *([] if noted is None else [noted]))
        for doubt in doubts:
            _log.warning("%s", doubt)
        started = time.perf_counter()
        judgement = judge(
            self.dataset, features, self.spec.probe,
            seed=self.spec.seed, progress=self.workspace.progress,
        )  # fmt: skip
        seconds = round(time.perf_counter() - started, 2)
        leaks = find_leaks(self.dataset, self.workspace.cache, self.workspace.progress)
        record = {
            "spec": published_spec(self.spec),
            "stages": {
                "checkpoint": checkpoint.folder.name,
                "weights_digest": checkpoint.weights_digest,
                "features": self.features_key(checkpoint.weights_digest),
                "result": key,
            },
            "method": method_record(self.run.method),
            "pretrain": pretrain_record(checkpoint, self.source, self.dataset),
            "task": task_record(
                self.dataset,
                self.spec.probe,
                leaks,
                doubts,
                own_size=self._own_size(),
                alignment=self.alignment,
            ),
            **judgement_record(judgement, leaks if self.spec.dedup_test else None),
            "broken_images": len(features.broken),
            "feature_length": features.values.shape[1],
            "backbone_parameters": backbone_parameters(self._new_method()),
            "seconds": {
                "pretrain": checkpoint.seconds,
                "extract": features.seconds,
                "probe": seconds,
            },
            "environment": environment(self.workspace.device),
            "created": now(),
        }
        return self.store.write(self.spec, key, record, judgement.predictions)

    # what they share --------------------------------------------------------------------------

    def _own_size(self) -> bool:
        """Return whether the size of the images is the model's own, and not that of the task."""
        spec = self.spec
        declared = self.run.method.input_size(spec.method_options)
        return declared == spec.extract.image_size != self.dataset.task.info.image_size

    def _new_method(self) -> Method:
        """Build backbone and method, initialised from the seed only."""
        spec, loaded = self.spec, self.run
        return build_method(
            loaded.method, spec.method_options, loaded.new_backbone, spec.pretrain.image_size,
            seed=spec.seed,
        )  # fmt: skip


def open_stages(run: LoadedRun, workspace: Workspace) -> Stages:
    """Open the data of a run, for the task and for pretraining.

    Raises:
        FacebenchError: The data cannot be opened.
    """
    dataset = open_judged_data(run, workspace)
    source = open_pretraining_data(run, workspace, dataset) if run.learns else None
    return Stages(run, workspace, dataset, source)
