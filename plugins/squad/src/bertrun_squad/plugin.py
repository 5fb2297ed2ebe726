"""The entry point: what this package adds, without importing MindSpore or NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from bert_core import MetricSpec, Task, TaskSpec, hookimpl

from .commands import score
from .options import SquadOptions

METRICS = {
    "squad": "Exact match and F1 of answer texts in percent, as SQuAD v1.1 evaluates them.",
    "squad2": "Exact match and F1 in percent where questions may have no answer, as SQuAD v2.0 evaluates them.",
    "cmrc": "Exact match and F1 of Chinese answers by character in percent, as CMRC 2018 evaluates them.",
}


def _build(options: Any, state: Mapping[str, Any] | None) -> Task:
    from .task import SquadTask

    return SquadTask(options, state)


def _metric(name: str) -> Callable[[Any], Any]:
    def build(_options: Any) -> Any:
        from . import scores

        return getattr(scores, name)

    return build


@hookimpl
def bertrun_register_tasks() -> Iterable[TaskSpec]:
    """Extractive question answering."""
    yield TaskSpec(
        name="squad",
        summary="Answer questions about a text with a piece of that text.",
        options=SquadOptions,
        build=_build,
        defaults={"epochs": 2, "max_length": 384, "batch_size": 32, "learning_rate": 5e-5},
        sample={"epochs": 6, "max_length": 160, "batch_size": 8, "learning_rate": 2e-4},
        sample_weights="minilm-l6",
    )


@hookimpl
def bertrun_register_metrics() -> Iterable[MetricSpec]:
    """Scores of answers."""
    for name, summary in METRICS.items():
        yield MetricSpec(name=name, summary=summary, build=_metric(name))


@hookimpl
def bertrun_register_commands() -> Iterable[click.Command]:
    """`bertrun score squad`."""
    yield score
