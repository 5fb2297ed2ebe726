"""From the scores of windows to answers: the search of Google's `run_squad.py`, many windows at once.

Spans of all windows of a question are ranked by their raw scores, start plus end, since a softmax over one window
would make those of a window without the answer look as good. Two things differ from Google's script: padding is no
candidate, and the text of a span is cut out of the context by its characters, where Google's looks for the pieces'
letters in whole words and may give words back whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bert_core import Window

from .prediction import Candidate, Prediction
from .question import Question

TOGETHER = 256  # windows
NO_SPAN = 1e6  # the null odds of a question without any span, the first value of Google's null score


@dataclass(frozen=True)
class Search:
    """Which spans are answers.

    Args:
        n_best: Starts and ends that each window offers, and answers that are listed.
        max_answer_length: Pieces of the longest answer.
        version2: Whether a question may have no answer.
        null_threshold: The null odds above which it has none.
    """

    n_best: int
    max_answer_length: int
    version2: bool
    null_threshold: float


@dataclass(frozen=True)
class _Found:
    """The spans of one window, the best starts first: places in its part of the context, and scores."""

    window: Window
    starts: NDArray[Any]
    ends: NDArray[Any]
    start_logits: NDArray[np.float64]
    end_logits: NDArray[np.float64]
    null: tuple[float, float]


def search(
    questions: Sequence[Question], windows: Sequence[Window], outputs: Sequence[NDArray[Any]], how: Search
) -> list[Prediction]:
    """The answer to each question.

    Args:
        questions: What was asked.
        windows: Their windows, in order.
        outputs: For each window its scores (pieces or more, 2).
        how: Which spans are answers.
    """
    found: Iterator[_Found] = (
        one
        for start in range(0, len(windows), TOGETHER)
        for one in _spans(windows[start : start + TOGETHER], outputs[start : start + TOGETHER], how)
    )
    predictions: list[Prediction] = []
    following = next(found, None)
    for index, question in enumerate(questions):
        own: list[_Found] = []
        while following is not None and following.window.example == index:
            own.append(following)
            following = next(found, None)
        predictions.append(_best(question, own, how))
    return predictions


def _spans(windows: Sequence[Window], outputs: Sequence[NDArray[Any]], how: Search) -> Iterator[_Found]:
    """The valid spans of each window, in the order of Google's loops: by start, then by end, each by its score."""
    scores = _together(windows, outputs)  # (windows, 2, length)
    order = np.argsort(-scores, axis=-1, kind="stable")[:, :, : how.n_best]
    best = np.take_along_axis(scores, order, -1)
    starts, ends = order[:, 0, :, None], order[:, 1, None, :]
    valid = _offered(windows, scores.shape[-1])
    rows = np.arange(len(windows))[:, None, None]
    good = valid[rows, 0, starts] & valid[rows, 1, ends] & (starts <= ends) & (ends - starts < how.max_answer_length)
    for row, window in enumerate(windows):
        first, last = np.nonzero(good[row])
        yield _Found(
            window,
            order[row, 0, first] - window.place.first,
            order[row, 1, last] - window.place.first,
            best[row, 0, first],
            best[row, 1, last],
            (float(scores[row, 0, 0]), float(scores[row, 1, 0])),
        )


def _together(windows: Sequence[Window], outputs: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """Scores (windows, 2, length), the least for padding."""
    lengths = [len(window.input_ids) for window in windows]
    scores = np.full((len(windows), 2, max(lengths)), -np.inf)
    for row, (length, logits) in enumerate(zip(lengths, outputs, strict=True)):
        scores[row, :, :length] = logits[:length].T
    return scores


def _offered(windows: Sequence[Window], length: int) -> NDArray[np.bool_]:
    """Which pieces may be starts and ends, (windows, 2, length): of the context, and a start where it is best shown."""
    offered = np.zeros((len(windows), 2, length), bool)
    for row, window in enumerate(windows):
        first, count = window.place.first, len(window.place.spans)
        offered[row, 0, first : first + count] = window.place.best
        offered[row, 1, first : first + count] = True
    return offered


def _best(question: Question, found: Sequence[_Found], how: Search) -> Prediction:
    null = min((one.null for one in found), key=sum, default=(0.0, 0.0))
    n_best = _listed(question, found, null if how.version2 else None, how.n_best)
    answer = next((one for one in n_best if one.text), None)
    if not how.version2:
        return Prediction(text=answer.text if answer else "", n_best=n_best)
    odds = sum(null) - answer.score if answer else NO_SPAN
    return Prediction(text=answer.text if answer and odds <= how.null_threshold else "", n_best=n_best, null_odds=odds)


def _listed(
    question: Question, found: Sequence[_Found], null: tuple[float, float] | None, count: int
) -> tuple[Candidate, ...]:
    """The best spans of a question, none of a text that a better one has; the null answer always where there is one."""
    candidates: dict[str, Candidate] = {}
    for one in _ranked(found, null):
        candidate = _candidate(question, one)
        candidates.setdefault(candidate.text, candidate)
        if len(candidates) == count:
            break
    if null is not None:
        candidates.setdefault("", Candidate(text="", start=0, start_logit=null[0], end_logit=null[1]))
    return tuple(candidates.values())


_Ranked = tuple[int, int, float, float] | tuple[None, None, float, float]


def _ranked(found: Sequence[_Found], null: tuple[float, float] | None) -> Iterator[_Ranked]:
    """The characters and scores of spans, the best first; of equal ones the first that Google's loops meet."""
    if found:
        spans = [one.window.place.spans for one in found]
        begins = np.concatenate([own[one.starts, 0] for one, own in zip(found, spans, strict=True)])
        ends = np.concatenate([own[one.ends, 1] for one, own in zip(found, spans, strict=True)])
        start_logits = np.concatenate([one.start_logits for one in found])
        end_logits = np.concatenate([one.end_logits for one in found])
    else:
        begins, ends = np.zeros(0, np.int32), np.zeros(0, np.int32)
        start_logits, end_logits = np.zeros(0), np.zeros(0)
    order = np.argsort(-(start_logits + end_logits), kind="stable")
    rows = zip(*(values[order].tolist() for values in (begins, ends, start_logits, end_logits)), strict=True)
    waiting = null
    for begin, end, start_logit, end_logit in rows:
        if waiting is not None and waiting[0] + waiting[1] > start_logit + end_logit:
            yield None, None, *waiting
            waiting = None
        yield begin, end, start_logit, end_logit
    if waiting is not None:
        yield None, None, *waiting


def _candidate(question: Question, ranked: _Ranked) -> Candidate:
    start, end, start_logit, end_logit = ranked
    if start is None:
        return Candidate("", 0, start_logit, end_logit)
    return Candidate(question.context[start:end], start, start_logit, end_logit)
