"""The metrics of this package: functions of predictions and of the texts of acceptable answers."""

from __future__ import annotations

from collections.abc import Sequence

from . import cmrc as chinese
from . import metrics, unanswerable
from .prediction import Prediction


def squad(predictions: Sequence[Prediction], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Scores as SQuAD v1.1 defines them."""
    return metrics.squad([one.text for one in predictions], references)


def squad2(predictions: Sequence[Prediction], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Scores as SQuAD v2.0 defines them, with the best thresholds where every question has null odds."""
    odds = [one.null_odds for one in predictions if one.null_odds is not None]
    known = odds if len(odds) == len(predictions) else None
    return unanswerable.squad2([one.text for one in predictions], references, known)


def cmrc(predictions: Sequence[Prediction], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Scores as CMRC 2018 defines them."""
    return chinese.cmrc([one.text for one in predictions], references)
