"""The entry point: what this package adds, without importing MindSpore or NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from bert_core import MetricSpec, Task, TaskSpec, hookimpl

from .command import pretrain
from .options import PretrainOptions

Score = Callable[..., Mapping[str, float]]


def _build(options: Any, _state: Mapping[str, Any] | None) -> Task:
    from .task import PretrainTask

    return PretrainTask(options)


def _pretraining(_options: object) -> Score:
    from .metrics import pretraining

    return pretraining


def _masked_lm(_options: object) -> Score:
    from .metrics import masked_lm

    return masked_lm


def _next_sentence(_options: object) -> Score:
    from .metrics import next_sentence

    return next_sentence


@hookimpl
def bertrun_register_tasks() -> Iterable[TaskSpec]:
    """BERT's pre-training."""
    yield TaskSpec(
        name="pretrain",
        summary="Pre-train an encoder: find masked pieces, and say whether one text follows another.",
        options=PretrainOptions,
        build=_build,
        defaults={"epochs": 40, "learning_rate": 1e-4},
    )


@hookimpl
def bertrun_register_metrics() -> Iterable[MetricSpec]:
    """Scores of BERT's two pre-training tasks."""
    yield MetricSpec(
        name="masked-lm",
        summary="The weighted share of masked pieces that are predicted, and how many were counted.",
        build=_masked_lm,
    )
    yield MetricSpec(
        name="next-sentence",
        summary="The share of pairs whose next-sentence label is right.",
        build=_next_sentence,
    )
    yield MetricSpec(
        name="pretraining",
        summary="Loss, perplexity and accuracy of masked pieces, and loss and accuracy of next sentences.",
        build=_pretraining,
    )


@hookimpl
def bertrun_register_commands() -> Iterable[click.Command]:
    """`bertrun data pretrain`."""
    yield pretrain
