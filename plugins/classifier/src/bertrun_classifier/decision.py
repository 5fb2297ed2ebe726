"""Which classes an example has, as a model or an annotator says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_MANY = 20  # predictions of which it is no chance that all are alike


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One class of an example, or any number of them.

    It stands for the number of its class where it has one, so that the scores of class ids take it.

    Args:
        names: The names of all classes, by id.
        chosen: The ids of the example's classes, rising.
        several: Whether an example may have any number of classes.
        probabilities: Of each class, where a model says so.
        common: What examples of the training data have most often, empty where nobody knows.
    """

    names: tuple[str, ...]
    chosen: tuple[int, ...]
    several: bool = False
    probabilities: tuple[float, ...] = ()
    common: tuple[int, ...] | None = None

    def __float__(self) -> float:
        (number,) = self.chosen
        return float(number)


def all_alike(predictions: Sequence[Any]) -> list[str]:
    """A sentence where a model says the same of everything: one class, none, or one number."""
    said = {p.chosen if isinstance(p, Decision) else float(p) for p in predictions}
    if len(said) > 1 or len(predictions) < _MANY:
        return []
    first = predictions[0]
    if isinstance(first, Decision):
        names = ", ".join(repr(first.names[number]) for number in first.chosen)
        what = f"the class {names}" if names else "no class"
    else:
        what = f"the number {float(first):.4f}"
    return [f"{what} was predicted for all of {len(predictions)} texts"]
