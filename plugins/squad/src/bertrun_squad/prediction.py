"""What is predicted for a question: an answer, those that come after it, and how far the null answer is from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from .question import Question


class Candidate(NamedTuple):
    """A span of a context that may answer; a tuple, as a whole set has hundreds of thousands.

    Args:
        text: The characters of the context; empty for the null answer.
        start: The first of them; 0 for the null answer.
        start_logit: The score of the first piece.
        end_logit: The score of the last piece.
    """

    text: str
    start: int
    start_logit: float
    end_logit: float

    @property
    def score(self) -> float:
        """What spans are ranked by."""
        return self.start_logit + self.end_logit


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The answer to a question.

    Args:
        text: The answer; empty where there is none.
        n_best: The best spans, the best first; the null answer among them where questions may have no answer.
        null_odds: The null score less the best answer's; None where every question has an answer.
    """

    text: str
    n_best: tuple[Candidate, ...] = ()
    null_odds: float | None = None

    def below(self, threshold: float) -> Prediction:
        """The same, without an answer where the null odds are above a threshold."""
        return self if self.null_odds is None or self.null_odds <= threshold else replace(self, text="")

    @property
    def chosen(self) -> Candidate | None:
        """The span that is the answer, or the null answer; None where there is no span at all."""
        return next((one for one in self.n_best if one.text == self.text), None)

    def probabilities(self) -> list[float]:
        """The softmax of the scores in `n_best`."""
        scores = np.array([one.score for one in self.n_best])
        powers = np.exp(scores - scores.max(initial=-np.inf))
        return [float(share) for share in powers / powers.sum()]


def rendered(question: Question, prediction: Prediction) -> dict[str, Any]:
    """A prediction as a JSON object, with offsets into the context.

    Args:
        question: What was asked.
        prediction: What was found.
    """
    chosen = prediction.chosen
    found = chosen is not None and bool(chosen.text)
    row: dict[str, Any] = {
        "id": question.id,
        "question": question.question,
        "answer": prediction.text,
        "start": chosen.start if chosen is not None and found else None,
        "end": chosen.start + len(chosen.text) if chosen is not None and found else None,
        "score": None if chosen is None else round(chosen.score, 4),
        "n_best": [
            {"text": one.text, "start": one.start, "end": one.start + len(one.text), "probability": round(share, 4)}
            for one, share in zip(prediction.n_best, prediction.probabilities(), strict=True)
        ],
    }
    return row if prediction.null_odds is None else {**row, "null_odds": round(prediction.null_odds, 4)}


def official_files(questions: Sequence[Question], predictions: Sequence[Prediction]) -> dict[str, Mapping[str, Any]]:
    """What the official scripts read, by the names of the files that Google's script writes.

    Args:
        questions: What was asked.
        predictions: What was found.
    """
    pairs = list(zip(questions, predictions, strict=True))
    files: dict[str, Mapping[str, Any]] = {
        "predictions.json": {question.id: found.text for question, found in pairs},
        "nbest_predictions.json": {question.id: _listed(found) for question, found in pairs},
    }
    odds = {question.id: found.null_odds for question, found in pairs if found.null_odds is not None}
    return {**files, "null_odds.json": odds} if odds else files


def _listed(prediction: Prediction) -> list[dict[str, Any]]:
    return [
        {"text": one.text, "probability": share, "start_logit": one.start_logit, "end_logit": one.end_logit}
        for one, share in zip(prediction.n_best, prediction.probabilities(), strict=True)
    ]
