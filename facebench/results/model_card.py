"""Results as the metadata of a model card on the Hugging Face Hub (``model-index``).

https://huggingface.co/docs/hub/model-cards#evaluation-results says what the fields are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from facebench.results.stats.statistics import interval_of
from facebench.results.store import Result
from facebench.task import Metric

# Names of the Hub's own tasks; pairs and poses are evaluated on features alone.
_TASKS = {"classification": "image-classification", "multilabel": "image-classification"}
_OTHER_TASK = "image-feature-extraction"


def model_index(results: Iterable[Result]) -> str:
    """Return the YAML for the head of a model card: an entry for each set of weights.

    Each entry has the metrics that tables show of each task, validated, as printed (accuracy in
    per cent, errors in degrees), with their 95 % intervals where they are stored.

    Args:
        results: Results of any tasks; those of the same weights and feature share an entry.
    """
    from huggingface_hub.repocard_data import eval_results_to_model_index

    of_models: dict[str, list[Any]] = {}
    for result in results:
        of_models.setdefault(_name(result), []).extend(_evaluations(result))
    entries = [
        entry
        for name, evaluations in of_models.items()
        for entry in eval_results_to_model_index(name, evaluations)
    ]
    text: str = yaml.safe_dump({"model-index": entries}, sort_keys=False, allow_unicode=True)
    return text


def _name(result: Result) -> str:
    spec = result.spec
    weights = result.record.stages.checkpoint[:8]
    return f"{spec.method} {spec.backbone} {spec.extract.feature}, seed {spec.seed} ({weights})"


def _evaluations(result: Result) -> list[Any]:
    from huggingface_hub import EvalResult

    task, stages = result.record.task, result.record.stages
    protocol = task.protocol[0]
    metrics = {metric.name: metric for metric in (task.main_metric, *task.columns)}
    rows = []
    for metric in metrics.values():
        value = result.scores.honest.value(metric.name)
        if value is None:
            continue
        rows.append(
            EvalResult(
                task_type=_TASKS.get(protocol, _OTHER_TASK),
                task_name=protocol,
                dataset_type=task.name,
                dataset_name=f"{task.title}, SYNTHETIC" if task.synthetic else task.title,
                dataset_split="test",
                dataset_revision=task.fingerprint,
                metric_type=metric.name,
                metric_name=f"{metric.title}, validated",
                metric_value=_printed(metric, value),
                metric_args={
                    **_interval(result, metric),
                    "test_items": result.record.n_scored,
                    **({"limit_of_each_split": result.spec.limit} if result.spec.limit else {}),
                    "protocol_version": task.protocol[1],
                    "facebench": result.record.environment.packages["facebench"],
                    "result": stages.result,
                },
            )
        )
    return rows


def _interval(result: Result, metric: Metric) -> dict[str, Any]:
    ends = interval_of(result, metric)
    return {} if ends is None else {"interval_95": [_printed(metric, end) for end in ends]}


def _printed(metric: Metric, value: float) -> float:
    return round(metric.scale * float(value), 4)
