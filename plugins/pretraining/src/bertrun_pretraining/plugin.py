"""The entry point: what this package adds, without importing MindSpore."""

from __future__ import annotations

from collections.abc import Iterable

from bert_core import MetricSpec, hookimpl

from . import metrics


@hookimpl
def bertrun_register_metrics() -> Iterable[MetricSpec]:
    """Scores of BERT's two pre-training tasks."""
    yield MetricSpec(
        name="masked-lm",
        summary="The weighted share of masked pieces that are predicted, and how many were counted.",
        build=lambda options: metrics.masked_lm,
    )
    yield MetricSpec(
        name="next-sentence",
        summary="The share of pairs whose next-sentence label is right.",
        build=lambda options: metrics.next_sentence,
    )
