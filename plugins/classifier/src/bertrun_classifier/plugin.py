"""The entry point: what this package adds, without importing MindSpore."""

from __future__ import annotations

from collections.abc import Iterable

from bert_core import MetricSpec, hookimpl

from . import metrics


@hookimpl
def bertrun_register_metrics() -> Iterable[MetricSpec]:
    """Scores of class ids and of numbers."""
    yield MetricSpec(
        name="accuracy", summary="The share of examples with the right class.", build=lambda options: metrics.accuracy
    )
    yield MetricSpec(
        name="f1",
        summary="F1 of classes: macro, micro, weighted, and of class 1 where the classes are 0 and 1.",
        build=lambda options: metrics.f1,
    )
    yield MetricSpec(
        name="matthews",
        summary="Matthews correlation of two or more classes, from -1 to 1.",
        build=lambda options: metrics.matthews,
    )
    yield MetricSpec(
        name="pearson",
        summary="Pearson's linear correlation of two rows of numbers, from -1 to 1.",
        build=lambda options: metrics.pearson,
    )
    yield MetricSpec(
        name="spearman",
        summary="Spearman's rank correlation with mean ranks for ties, from -1 to 1.",
        build=lambda options: metrics.spearman,
    )
