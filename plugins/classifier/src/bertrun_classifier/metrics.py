"""The scores of class ids and of numbers, as metrics: functions of predictions and references.

A score is always a finite number. Where a quotient is 0 / 0 it is 0, as in GLUE and scikit-learn; a set without an
example has no score and is an error.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bert_core import DataError

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
