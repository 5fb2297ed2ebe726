"""The kinds of labels: one class, any number of classes, a number. Each knows its loss and how logits become it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from bert_core import Arrays, Feature

from .class_weights import balanced, balanced_sets
from .decision import Decision
from .example import Example, Label

SCORE = "score"
NUMBER = Feature(ragged=False, dtype="float32")


class Targets(Protocol):
    """One kind of labels, with the classes that there are."""

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each logit."""

    @property
    def features(self) -> Mapping[str, Feature]:
        """`labels` and `weights` of a window."""

    @property
    def column(self) -> Feature:
        """The column of records."""

    def target(self, label: Label | None) -> Mapping[str, Any]:
        """The features of a label; of no label, values that are never looked at."""

    def loss(self, smoothing: float) -> Any:
        """The cell."""

    def total(self, batch: Arrays) -> float:
        """What the loss of a batch is divided by."""

    def predicted(self, logits: NDArray[np.float32]) -> Any:
        """A prediction from (outputs,) logits."""

    def said(self, label: Label | None) -> Any:
        """What metrics compare a prediction with."""

    def recorded(self, label: Label | None) -> list[float]:
        """The numbers in a record."""

    def from_record(self, values: NDArray[Any]) -> Label:
        """The label of a record.

        Raises:
            ValueError: It has none; the text is a sentence.
        """


@dataclass(frozen=True, kw_only=True)
class Classes:
    """One class an example.

    Args:
        labels: The names of the classes, by id.
        weights: Of each class in the loss.
        common: The class that most training examples have.
    """

    labels: tuple[str, ...]
    weights: tuple[float, ...] = ()
    common: tuple[int, ...] = ()

    features: ClassVar[Mapping[str, Feature]] = {"labels": Feature(ragged=False), "weights": NUMBER}
    column: ClassVar[Feature] = Feature(ragged=False)

    def target(self, label: Label | None) -> Mapping[str, Any]:
        """The id and the weight of the class."""
        number = 0 if label is None else self._id(label)
        return {"labels": number, "weights": self.weights[number] if self.weights else 1.0}

    def loss(self, smoothing: float) -> Any:
        """Cross entropy."""
        from .heads import ClassLoss

        return ClassLoss(len(self.labels), smoothing)

    def total(self, batch: Arrays) -> float:
        """The weights of the examples."""
        return float(batch["weights"].sum())

    def predicted(self, logits: NDArray[np.float32]) -> Decision:
        """The class with the greatest logit; of equal ones the first."""
        powers = np.exp(logits.astype(np.float64) - logits.max())
        chosen = (int(np.argmax(logits)),)
        shares = tuple((powers / powers.sum()).tolist())
        return Decision(names=self.labels, chosen=chosen, probabilities=shares, common=self.common)

    def said(self, label: Label | None) -> Decision:
        """The class of the annotation."""
        chosen = () if label is None else (self._id(label),)
        return Decision(names=self.labels, chosen=chosen, common=self.common)

    def recorded(self, label: Label | None) -> list[float]:
        """The id."""
        return [0 if label is None else self._id(label)]

    def from_record(self, values: NDArray[Any]) -> Label:
        """The name of an id."""
        return _named(int(values[0]), self.labels)

    def _id(self, label: Label) -> int:
        return self.labels.index(str(label))


@dataclass(frozen=True, kw_only=True)
class LabelSets:
    """Any number of classes an example; arguments as for `Classes`, `common` what most training examples have."""

    labels: tuple[str, ...]
    weights: tuple[float, ...] = ()
    common: tuple[int, ...] = ()

    features: ClassVar[Mapping[str, Feature]] = {"labels": NUMBER, "weights": NUMBER}

    @property
    def column(self) -> Feature:
        """A number for each class."""
        return Feature(ragged=False, size=len(self.labels) or None)

    def target(self, label: Label | None) -> Mapping[str, Any]:
        """1 for the classes that it has; their weights, and 1 for each that it has not."""
        row = self.recorded(label)
        weights = self.weights or (1.0,) * len(row)
        return {"labels": row, "weights": [w if yes else 1.0 for yes, w in zip(row, weights, strict=True)]}

    def loss(self, smoothing: float) -> Any:
        """Binary cross entropy."""
        from .heads import SetLoss

        return SetLoss(smoothing)

    def total(self, batch: Arrays) -> float:
        """How many questions of yes and no there are."""
        return float(batch["labels"].size)

    def predicted(self, logits: NDArray[np.float32]) -> Decision:
        """The classes whose probability is above a half."""
        with np.errstate(over="ignore"):
            shares = 1 / (1 + np.exp(-logits.astype(np.float64)))
        chosen = tuple(np.flatnonzero(logits > 0).tolist())
        return Decision(
            names=self.labels,
            chosen=chosen,
            several=True,
            probabilities=tuple(shares.tolist()),
            common=self.common,
        )

    def said(self, label: Label | None) -> Decision:
        """The classes of the annotation."""
        chosen = tuple(np.flatnonzero(self.recorded(label)).tolist())
        return Decision(names=self.labels, chosen=chosen, several=True, common=self.common)

    def recorded(self, label: Label | None) -> list[float]:
        """1 for the classes that it has, and 0 for the others."""
        has = label if isinstance(label, tuple) else ()
        return [int(name in has) for name in self.labels]

    def from_record(self, values: NDArray[Any]) -> Label:
        """The names of the classes whose number is 1."""
        if len(values) != len(self.labels):
            raise ValueError(f"the column 'labels' has {len(values)} numbers, and there are {len(self.labels)} classes")
        if not ((values == 0) | (values == 1)).all():
            raise ValueError("the column 'labels' should have 1 for the classes of the example and 0 for others")
        return tuple(name for name, yes in zip(self.labels, values, strict=True) if yes)


@dataclass(frozen=True)
class Scores:
    """A number an example."""

    labels: ClassVar[tuple[str, ...]] = (SCORE,)
    features: ClassVar[Mapping[str, Feature]] = {"labels": NUMBER, "weights": NUMBER}
    column: ClassVar[Feature] = NUMBER

    def target(self, label: Label | None) -> Mapping[str, Any]:
        """The number itself."""
        return {"labels": self.said(label), "weights": 1.0}

    def loss(self, smoothing: float) -> Any:
        """The squared error."""
        from .heads import SquareLoss

        return SquareLoss()

    def total(self, batch: Arrays) -> float:
        """The number of examples, a window of several counted as its share."""
        return float(batch["weights"].sum())

    def predicted(self, logits: NDArray[np.float32]) -> float:
        """The logit."""
        return float(logits[0])

    def said(self, label: Label | None) -> float:
        """The number of the annotation."""
        return float(label) if isinstance(label, (int, float)) else 0.0

    def recorded(self, label: Label | None) -> list[float]:
        """The number."""
        return [self.said(label)]

    def from_record(self, values: NDArray[Any]) -> Label:
        """The number, where it is finite."""
        if not np.isfinite(values[0]):
            raise ValueError(f"the score is {values[0]}, which is no number")
        return float(values[0])


def _named(number: int, labels: Sequence[str]) -> str:
    if not 0 <= number < len(labels):
        raise ValueError(f"the label id {number} is beyond the {len(labels)} classes")
    return labels[number]


def most_common(examples: Sequence[Example], labels: Sequence[str]) -> tuple[int, ...]:
    """The ids of what most examples have; of equals, what comes first among the classes."""
    ids = {name: number for number, name in enumerate(labels)}
    counts = Counter(tuple(sorted(ids[name] for name in names_of(example.label))) for example in examples)
    return min(counts, key=lambda chosen: (-counts[chosen], chosen))


def balanced_for(examples: Sequence[Example], labels: Sequence[str], *, several: bool) -> tuple[float, ...]:
    """Weights of classes by how rare they are in examples."""
    counted = Counter(name for example in examples for name in names_of(example.label))
    counts = [counted[name] for name in labels]
    return balanced_sets(counts, len(examples)) if several else balanced(counts)


def names_of(label: Label | None) -> tuple[str, ...]:
    """The names of the classes of a label; none of a number."""
    if isinstance(label, tuple):
        return label
    return (label,) if isinstance(label, str) else ()
