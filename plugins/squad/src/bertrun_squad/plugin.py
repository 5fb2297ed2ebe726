"""The entry point: what this package adds, without importing MindSpore."""

from __future__ import annotations

from collections.abc import Iterable

from bert_core import MetricSpec, hookimpl

from . import metrics


@hookimpl
def bertrun_register_metrics() -> Iterable[MetricSpec]:
    """The scores of SQuAD v1.1."""
    yield MetricSpec(
        name="squad",
        summary="Exact match and F1 of answer texts in percent, as SQuAD v1.1 evaluates them.",
        build=lambda options: metrics.squad,
    )
