"""The entry point: what this package adds, without importing MindSpore or NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import click

from bert_core import MetricSpec, hookimpl

from .command import pretrain

Score = Callable[..., Mapping[str, float]]


def _masked_lm(_options: object) -> Score:
    from .metrics import masked_lm

    return masked_lm


def _next_sentence(_options: object) -> Score:
    from .metrics import next_sentence

    return next_sentence


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


@hookimpl
def bertrun_register_commands() -> Iterable[click.Command]:
    """`bertrun data pretrain`."""
    yield pretrain
