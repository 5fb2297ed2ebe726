"""The scores of BERT's two pre-training tasks, as metrics: functions of predictions and references."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bert_core import DataError

from .example import Guess, Truth

Numbers = Sequence[float] | NDArray[Any]


class MaskedPieces(NamedTuple):
    """What stood at an example's masked positions.

    Args:
        ids: The piece id of each position (`masked_lm_ids`).
        weights: How much each counts (`masked_lm_weights`): 1, and 0 for positions that fill a record up.
    """

    ids: Numbers
    weights: Numbers


def masked_lm(predictions: Sequence[Numbers], references: Sequence[MaskedPieces]) -> dict[str, float]:
    """The accuracy of masked pieces over a whole set: sum of w [predicted = id] / sum of w.

    Every position weighs alike wherever it stands; it is not the mean of the examples' accuracies.

    Args:
        predictions: For each example, a piece id for each of its masked positions; what is at a position of weight
            0 is not looked at.
        references: For each example, the right ids and the weights, as `MaskedPieces` or a plain pair.

    Returns:
        `masked_lm_accuracy`, from 0 to 1, and `masked_lm_count`, the number of positions of a weight above 0.

    Raises:
        DataError: No position counts, or a weight is negative or not finite.
    """
    _check_lengths(predictions, references)
    found = _joined(predictions)
    wanted = _joined([ids for ids, _ in references])
    weights = _joined([weights for _, weights in references])
    _check_weights(weights)
    return {
        "masked_lm_accuracy": float(weights[found == wanted].sum() / weights.sum()),
        "masked_lm_count": float((weights > 0).sum()),
    }


def next_sentence(predictions: Sequence[int], references: Sequence[int]) -> dict[str, float]:
    """The accuracy of next-sentence labels.

    Args:
        predictions: For each pair 0 where the second text follows the first, 1 where it is from elsewhere.
        references: The right labels (`next_sentence_labels`).

    Returns:
        `next_sentence_accuracy`, from 0 to 1.

    Raises:
        DataError: There is no pair.
    """
    pairs = list(zip(predictions, references, strict=True))
    if not pairs:
        raise DataError("there is no sentence pair to score", hint="Is the evaluation data empty?")
    return {"next_sentence_accuracy": sum(bool(label == right) for label, right in pairs) / len(pairs)}


def pretraining(predictions: Sequence[Guess], references: Sequence[Truth]) -> dict[str, float]:
    """The scores of both tasks, or of masked pieces alone, as the loss of a whole set in one batch.

    Args:
        predictions: For each example.
        references: For each example.

    Returns:
        `masked_lm_accuracy`, `masked_lm_loss`, the weighted mean of minus the logarithm of the probability of the right
        piece, `perplexity`, the exponential of it, and `masked_lm_count`. Where next sentences were predicted also
        `next_sentence_accuracy` and `next_sentence_loss`. `loss` is what training lowers, their sum.

    Raises:
        DataError: No position counts.
    """
    scores = masked_lm([guess.ids for guess in predictions], [MaskedPieces(t.ids, t.weights) for t in references])
    weights = _joined([truth.weights for truth in references])
    surprise = -float((_joined([guess.right for guess in predictions]) * weights).sum() / weights.sum())
    scores |= {"masked_lm_loss": surprise, "perplexity": _exponential(surprise), "loss": surprise}
    labels = [guess.label for guess in predictions if guess.label is not None]
    if labels:
        missed = -sum(guess.label_right for guess in predictions) / len(predictions)
        scores |= next_sentence(labels, [truth.label for truth in references])
        scores |= {"next_sentence_loss": missed, "loss": surprise + missed}
    return scores


def _exponential(value: float) -> float:
    """Infinite beyond the greatest number."""
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _check_lengths(predictions: Sequence[Numbers], references: Sequence[MaskedPieces]) -> None:
    for number, (found, (ids, weights)) in enumerate(zip(predictions, references, strict=True), 1):
        if not len(found) == len(ids) == len(weights):
            counts = f"{len(found)} predictions, {len(ids)} ids and {len(weights)} weights"
            raise ValueError(f"example {number} has {counts}; a masked position has one of each")


def _joined(rows: Sequence[Numbers]) -> NDArray[np.float64]:
    """All rows in one; ids are exact in float64."""
    return np.concatenate([np.empty(0), *rows])


def _check_weights(weights: NDArray[np.float64]) -> None:
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise DataError("a weight of a masked position is negative or not finite")
    if not (weights > 0).any():
        raise DataError("there is no masked position to score", hint="Is the evaluation data empty?")
