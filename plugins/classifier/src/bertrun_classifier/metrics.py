"""The scores of classes, of class ids and of numbers, as metrics: functions of predictions and references.

A score is always a finite number. Where a quotient is 0 / 0 it is 0, as in GLUE and scikit-learn; a set without an
example has no score and is an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bert_core import DataError

from .decision import Decision

Numbers = NDArray[np.float64]


def accuracy(predictions: Sequence[float], references: Sequence[float]) -> dict[str, float]:
    """The share of examples whose class id is right.

    Returns:
        `accuracy`.

    Raises:
        DataError: There is no example, or a value is not a class id.
    """
    predicted, gold = _ids(predictions, references)
    return {"accuracy": float((predicted == gold).mean())}


def f1(predictions: Sequence[float], references: Sequence[float]) -> dict[str, float]:
    """F1 of classes, each 2 right / (predicted + gold).

    Returns:
        `macro_f1`, the mean over the classes that occur in either; `weighted_f1`, the mean weighted by how often each
        is right; `micro_f1`, which for one class an example is the accuracy; and, where every id is 0 or 1, `f1`,
        that of class 1, which GLUE reports for MRPC and QQP. 0 where class 1 is in neither.

    Raises:
        DataError: There is no example, or a value is not a class id.
    """
    from sklearn.metrics import f1_score

    predicted, gold = _ids(predictions, references)
    means = ("macro", "micro", "weighted")
    scores = {f"{mean}_f1": float(f1_score(gold, predicted, average=mean)) for mean in means}
    if max(predicted.max(), gold.max()) <= 1:
        scores["f1"] = float(f1_score(gold, predicted, average="binary", zero_division=0))
    return scores


def matthews(predictions: Sequence[float], references: Sequence[float]) -> dict[str, float]:
    """Matthews' correlation coefficient, for more than two classes in Gorodkin's form (R_K).

    Returns:
        `matthews`, from -1 to 1; 0 where all predictions or all references are one class.

    Raises:
        DataError: There is no example, or a value is not a class id.
    """
    from sklearn.metrics import matthews_corrcoef

    predicted, gold = _ids(predictions, references)
    if _constant(predicted) or _constant(gold):
        return {"matthews": 0.0}
    return {"matthews": float(matthews_corrcoef(gold, predicted))}


def pearson(predictions: Sequence[float], references: Sequence[float]) -> dict[str, float]:
    """Pearson's linear correlation coefficient.

    Returns:
        `pearson`, from -1 to 1; 0 where all predictions or all references are equal, where SciPy gives nan: who
        predicts one number knows nothing of the order, and a score that is no number cannot choose a checkpoint.

    Raises:
        DataError: There is no example, or a value is not finite.
    """
    from scipy.stats import pearsonr

    predicted, gold = _numbers(predictions, references)
    if _constant(predicted) or _constant(gold):
        return {"pearson": 0.0}
    return {"pearson": float(pearsonr(_scaled(predicted), _scaled(gold)).statistic)}


def spearman(predictions: Sequence[float], references: Sequence[float]) -> dict[str, float]:
    """Spearman's rank correlation coefficient; equal values share their mean rank.

    Returns:
        `spearman`, from -1 to 1; 0 where all predictions or all references are equal, as in `pearson`.

    Raises:
        DataError: There is no example, or a value is not finite.
    """
    from scipy.stats import spearmanr

    predicted, gold = _numbers(predictions, references)
    if _constant(predicted) or _constant(gold):
        return {"spearman": 0.0}
    return {"spearman": float(spearmanr(predicted, gold).statistic)}


def label_sets(predictions: Sequence[Decision], references: Sequence[Decision]) -> dict[str, float]:
    """Scores where an example has any number of classes.

    Returns:
        `exact`, the share of examples all of whose classes are right; `micro_f1` over all decisions; `macro_f1` and
        `weighted_f1`, means over the classes that occur in either.

    Raises:
        DataError: There is no example.
    """
    counts = _by_class(predictions, references)
    right, said, gold = (sum(column) for column in zip(*counts.values(), strict=True)) if counts else (0, 0, 0)
    ones = {name: _quotient(2 * hits, found + there) for name, (hits, found, there) in counts.items()}
    weighted = sum(ones[name] * there for name, (_, _, there) in counts.items())
    exact = sum(one.chosen == other.chosen for one, other in zip(predictions, references, strict=True))
    return {
        "exact": exact / len(references),
        "micro_f1": _quotient(2 * right, said + gold),
        "macro_f1": _quotient(sum(ones.values()), len(ones)),
        "weighted_f1": _quotient(weighted, gold),
    }


def classes(predictions: Sequence[Decision], references: Sequence[Decision]) -> dict[str, float]:
    """Precision, recall and F1 of each class that occurs in predictions or references.

    Returns:
        `precision/NAME`, `recall/NAME`, `f1/NAME` and `support/NAME`, how many examples have the class; 0 for 0 / 0.

    Raises:
        DataError: There is no example.
    """
    scores: dict[str, float] = {}
    for name, (right, said, gold) in _by_class(predictions, references).items():
        scores[f"precision/{name}"] = _quotient(right, said)
        scores[f"recall/{name}"] = _quotient(right, gold)
        scores[f"f1/{name}"] = _quotient(2 * right, said + gold)
        scores[f"support/{name}"] = float(gold)
    return scores


def confusion(predictions: Sequence[Decision], references: Sequence[Decision]) -> dict[str, float]:
    """What each class is taken for: the rows of a confusion matrix, each over its sum.

    Returns:
        `as OTHER/NAME`: of the examples of the class NAME, the share that is said to be OTHER. Where an example has
        any number of classes, the share that is said to have OTHER too. Only what occurs.

    Raises:
        DataError: There is no example.
    """
    _require_examples(references)
    pairs: Counter[tuple[int, int]] = Counter()
    golds: Counter[int] = Counter()
    for one, other in zip(predictions, references, strict=True):
        golds.update(other.chosen)
        pairs.update((gold, said) for gold in other.chosen for said in one.chosen)
    names = references[0].names
    columns = sorted({said for _, said in pairs})
    return {
        f"as {names[said]}/{names[gold]}": pairs[gold, said] / golds[gold] for gold in sorted(golds) for said in columns
    }


def majority(predictions: Sequence[Decision], references: Sequence[Decision]) -> dict[str, float]:
    """What the same answer for all would score: that which most examples of the training data have.

    Returns:
        `majority_accuracy`, `majority_macro_f1` and, of two classes, `majority_f1`; where an example has any number
        of classes `majority_exact`, `majority_micro_f1` and `majority_macro_f1`; nothing where training is not known.

    Raises:
        DataError: There is no example.
    """
    _require_examples(references)
    common = references[0].common
    if common is None or (not common and not references[0].several):
        return {}
    constant = [replace(one, chosen=common) for one in references]
    if references[0].several:
        scores = label_sets(constant, references)
        return {f"majority_{name}": scores[name] for name in ("exact", "micro_f1", "macro_f1")}
    ids = [float(one) for one in constant], [float(one) for one in references]
    scores = accuracy(*ids) | f1(*ids)
    wanted = ("accuracy", "macro_f1", *(("f1",) if len(references[0].names) == 2 else ()))
    return {f"majority_{name}": scores[name] for name in wanted}


def _by_class(predictions: Sequence[Decision], references: Sequence[Decision]) -> dict[str, tuple[int, int, int]]:
    """For each class how often it is right, how often it is said, and how often it is there."""
    _require_examples(references)
    right: Counter[int] = Counter()
    said: Counter[int] = Counter()
    gold: Counter[int] = Counter()
    for one, other in zip(predictions, references, strict=True):
        said.update(one.chosen)
        gold.update(other.chosen)
        right.update(set(one.chosen) & set(other.chosen))
    names = references[0].names
    return {names[number]: (right[number], said[number], gold[number]) for number in sorted(said | gold)}


def _quotient(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _require_examples(references: Sequence[Decision]) -> None:
    if not references:
        raise DataError("there is no example to score", hint="Is the evaluation data empty?")


def _numbers(predictions: Sequence[float], references: Sequence[float]) -> tuple[Numbers, Numbers]:
    predicted, gold = (np.asarray(values, np.float64) for values in (predictions, references))
    if predicted.ndim != 1 or predicted.shape != gold.shape:
        raise ValueError(f"predictions have the shape {predicted.shape} and references {gold.shape}; one number each")
    if not gold.size:
        raise DataError("there is no example to score", hint="Is the evaluation data empty?")
    for name, values in (("prediction", predicted), ("reference", gold)):
        _require(name, values, np.isfinite(values), "a finite number")
    return predicted, gold


def _ids(predictions: Sequence[float], references: Sequence[float]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    predicted, gold = _numbers(predictions, references)
    for name, values in (("prediction", predicted), ("reference", gold)):
        _require(name, values, (values >= 0) & (values == np.floor(values)), "a class id")
    return predicted.astype(np.int64), gold.astype(np.int64)


def _require(name: str, values: Numbers, right: NDArray[np.bool_], what: str) -> None:
    if not right.all():
        first = int(np.argmin(right))
        raise DataError(f"{name} {first + 1} is {values[first]:g}, which is not {what}")


def _constant(values: NDArray[np.float64] | NDArray[np.int64]) -> bool:
    return bool((values == values[0]).all())


def _scaled(values: Numbers) -> Numbers:
    """At most 1 in size, so that no sum of squares overflows."""
    scaled: Numbers = values / np.abs(values).max()
    return scaled
