"""Which classes an example has, as a model or an annotator says."""

from __future__ import annotations

from dataclasses import dataclass


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
