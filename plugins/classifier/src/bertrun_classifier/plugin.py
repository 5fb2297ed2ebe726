"""The entry point: what this package adds, without importing MindSpore or NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from bert_core import MetricSpec, hookimpl

Score = Callable[..., Mapping[str, float]]


def _accuracy(_options: object) -> Score:
    from .metrics import accuracy

    return accuracy


def _f1(_options: object) -> Score:
    from .metrics import f1

    return f1


def _matthews(_options: object) -> Score:
    from .metrics import matthews

    return matthews


def _pearson(_options: object) -> Score:
    from .metrics import pearson

    return pearson


def _spearman(_options: object) -> Score:
    from .metrics import spearman

    return spearman


@hookimpl
def bertrun_register_metrics() -> Iterable[MetricSpec]:
    """Scores of class ids and of numbers."""
    yield MetricSpec(name="accuracy", summary="The share of examples with the right class.", build=_accuracy)
    yield MetricSpec(
        name="f1",
        summary="F1 of classes: macro, micro, weighted, and of class 1 where the classes are 0 and 1.",
        build=_f1,
    )
    yield MetricSpec(
        name="matthews",
        summary="Matthews correlation of two or more classes, from -1 to 1.",
        build=_matthews,
    )
    yield MetricSpec(
        name="pearson",
        summary="Pearson's linear correlation of two rows of numbers, from -1 to 1.",
        build=_pearson,
    )
    yield MetricSpec(
        name="spearman",
        summary="Spearman's rank correlation with mean ranks for ties, from -1 to 1.",
        build=_spearman,
    )
