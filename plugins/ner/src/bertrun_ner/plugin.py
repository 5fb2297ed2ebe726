"""The entry point: what this package adds, without importing MindSpore or NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from bert_core import MetricSpec, Task, TaskSpec, hookimpl

from .commands import score
from .options import NerOptions

METRICS = {
    "spans": "Precision, recall and F1 of entities, right in type and both ends (seqeval strict).",
    "conlleval": "Precision, recall and F1 of the entities that conlleval reads from any tags.",
    "cluener": "CLUENER's own score: F1 of mentions by type, and their mean.",
    "tokens": "The share of words or characters with the right label.",
}


def _build(options: Any, state: Mapping[str, Any] | None) -> Task:
    from .task import NerTask

    return NerTask(options, state)


def _metric(name: str) -> Callable[[Any], Any]:
    def build(_options: Any) -> Any:
        from . import metrics

        return getattr(metrics, name)

    return build


@hookimpl
def bertrun_register_tasks() -> Iterable[TaskSpec]:
    """Named-entity recognition."""
    yield TaskSpec(
        name="ner",
        summary="Find names in text: persons, places, and whatever else the data marks.",
        options=NerOptions,
        build=_build,
        defaults={"epochs": 5},
        sample={"epochs": 6, "learning_rate": 3e-4},
        sample_weights="minilm-l6",
    )


@hookimpl
def bertrun_register_metrics() -> Iterable[MetricSpec]:
    """Scores of spans."""
    for name, summary in METRICS.items():
        yield MetricSpec(name=name, summary=summary, build=_metric(name))


@hookimpl
def bertrun_register_commands() -> Iterable[click.Command]:
    """`bertrun score ner`."""
    yield score
