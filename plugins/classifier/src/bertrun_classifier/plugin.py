"""The entry point: what this package adds, without importing MindSpore or NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from bert_core import MetricSpec, Task, TaskSpec, hookimpl

from .commands import score
from .options import ClassifierOptions

METRICS = {
    "accuracy": "The share of examples with the right class.",
    "f1": "F1 of classes: macro, micro, weighted, and of class 1 where the classes are 0 and 1.",
    "matthews": "Matthews correlation of two or more classes, from -1 to 1.",
    "pearson": "Pearson's linear correlation of two rows of numbers, from -1 to 1.",
    "spearman": "Spearman's rank correlation with mean ranks for ties, from -1 to 1.",
    "label-sets": "Exact match and F1 where an example has any number of classes.",
    "classes": "Precision, recall and F1 of each class.",
    "confusion": "What each class is taken for, as shares of its examples.",
    "majority": "What the most frequent answer of the training data would score.",
}


def _build(options: Any, state: Mapping[str, Any] | None) -> Task:
    from .task import ClassifierTask

    return ClassifierTask(options, state)


def _metric(name: str) -> Callable[[Any], Any]:
    def build(_options: Any) -> Any:
        from . import metrics

        return getattr(metrics, name.replace("-", "_"))

    return build


@hookimpl
def bertrun_register_tasks() -> Iterable[TaskSpec]:
    """Classification and regression."""
    yield TaskSpec(
        name="classifier",
        summary="Give texts, or pairs of texts, a class, several classes or a number.",
        options=ClassifierOptions,
        build=_build,
        defaults={"epochs": 3},
        sample={"epochs": 4, "learning_rate": 2e-4, "batch_size": 16},
        sample_weights="minilm-l6",
    )


@hookimpl
def bertrun_register_metrics() -> Iterable[MetricSpec]:
    """Scores of classes and of numbers."""
    for name, summary in METRICS.items():
        yield MetricSpec(name=name, summary=summary, build=_metric(name))


@hookimpl
def bertrun_register_commands() -> Iterable[click.Command]:
    """`bertrun score classification`."""
    yield score
