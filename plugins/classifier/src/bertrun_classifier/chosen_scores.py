"""Which scores an evaluation has, and which of them chooses the best checkpoint."""

from __future__ import annotations

from .options import ClassifierOptions
from .presets import METRICS


def metric_of(options: ClassifierOptions) -> str:
    """The score that counts, by its own name."""
    said = {"mcc": "matthews", "spearman-correlation": "spearman"}.get(options.metric, options.metric)
    if said != "auto":
        return said
    return "spearman" if options.scores else METRICS.get(options.dataset or "", "accuracy")


def metrics_of(options: ClassifierOptions) -> tuple[str, ...]:
    """The metrics of an evaluation."""
    if options.scores:
        return ("pearson", "spearman")
    usual = ("label-sets",) if options.multi_label else ("accuracy", "f1")
    chosen = ("matthews",) if metric_of(options) == "matthews" else ()
    more = (("classes",) if options.per_class else ()) + (("confusion",) if options.confusion else ())
    return (*usual, *chosen, "majority", *more)


def best_of(options: ClassifierOptions, classes: int) -> str:
    """The score that chooses the best checkpoint, by its name among all scores.

    Args:
        options: What the user said.
        classes: How many there are.
    """
    metric, several = metric_of(options), options.multi_label
    if metric == "f1":
        return "micro_f1" if several else "f1" if classes == 2 else "macro_f1"
    if metric == "macro-f1":
        return "macro_f1"
    return "exact" if several else metric
