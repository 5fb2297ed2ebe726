"""The entry point: what this package adds, without importing MindSpore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bert_core import MetricSpec, Task, TaskSpec, hookimpl

from . import metrics
from .options import NerOptions


def _build(options: Any, state: Mapping[str, Any] | None) -> Task:
    from .task import NerTask

    return NerTask(options, state)


@hookimpl
def bertrun_register_tasks() -> Iterable[TaskSpec]:
    """Named-entity recognition."""
    yield TaskSpec(
        name="ner",
        summary="Find names in text: persons, places, and whatever else the data marks.",
        options=NerOptions,
        build=_build,
        defaults={"epochs": 5},
    )


@hookimpl
def bertrun_register_metrics() -> Iterable[MetricSpec]:
    """Scores of spans."""
    yield MetricSpec(
        name="spans",
        summary="Precision, recall and F1 of entities, right in type and both ends (seqeval strict).",
        build=lambda options: metrics.spans,
    )
    yield MetricSpec(
        name="conlleval",
        summary="The same, with the spans that conlleval reads from any tags.",
        build=lambda options: metrics.conlleval,
    )
    yield MetricSpec(
        name="cluener",
        summary="CLUENER's own score: F1 of mentions by type, and their mean.",
        build=lambda options: metrics.cluener,
    )
    yield MetricSpec(
        name="tokens",
        summary="The share of words or characters with the right label.",
        build=lambda options: metrics.tokens,
    )
