"""Questions as windows: `[CLS] question [SEP] part of the context [SEP]`, sliding over the context.

The parts are those of Google's `run_squad.py` (github.com/google-research/bert), and so are the pieces that count in
each. Answers are found by their characters: Google's script takes whole words first, and keeps them where the answer
begins or ends inside of one; here it is the pieces that the answer has characters of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bert_core import TextEncoder, UsageError, Window

from .question import Question

SPECIAL = 3  # [CLS], [SEP] and [SEP]


@dataclass(frozen=True, eq=False)
class Shown:
    """What of a context a window shows.

    Args:
        first: Where in the window its first piece is.
        spans: The characters [start, end) of each piece in the context, (pieces, 2).
        best: Whether the window is the one that shows the piece with the most context, (pieces,).
    """

    first: int
    spans: NDArray[np.int32]
    best: NDArray[np.bool_]


@dataclass(frozen=True)
class Cut:
    """How contexts are cut.

    Args:
        stride: Pieces from the start of a part to the start of the next.
        question: Pieces of the longest question.
    """

    stride: int
    question: int

    def check(self, length: int) -> None:
        """Refuse windows that hold no context beside a question.

        Raises:
            UsageError: They are so short.
        """
        if length <= self.question + SPECIAL:
            what = f"--max-length {length} leaves no piece for the text beside --max-query-length {self.question}"
            raise UsageError(what, hint=f"Give --max-length more than {self.question + SPECIAL}")


def parts(pieces: int, room: int, stride: int) -> list[tuple[int, int]]:
    """The parts [start, end) of a context of so many pieces; the last one is the first that reaches its end."""
    found: list[tuple[int, int]] = []
    start = 0
    while start < pieces:
        end = min(start + room, pieces)
        found.append((start, end))
        if end == pieces:
            break
        start += min(end - start, stride)
    return found


def homes(shown: Sequence[tuple[int, int]], pieces: int) -> NDArray[np.int32]:
    """For each piece the part that shows it with the most context on its poorer side, the first of several.

    Equal sides are told apart by a hundredth of the part's length, as in Google's script.
    """
    best = np.full(pieces, -np.inf)
    home = np.zeros(pieces, np.int32)
    for number, (start, end) in enumerate(shown):
        place = np.arange(start, end)
        score = np.minimum(place - start, end - 1 - place) + 0.01 * (end - start)
        better = score > best[start:end]
        best[start:end][better] = score[better]
        home[start:end][better] = number
    return home


def aligned(start: int, end: int, spans: NDArray[np.int32]) -> tuple[int, int] | None:
    """The first and the last piece that have any of the characters [start, end); None where no piece has."""
    inside = np.flatnonzero((spans[:, 0] < end) & (spans[:, 1] > start))
    return (int(inside[0]), int(inside[-1])) if inside.size else None


@dataclass(frozen=True)
class _Pieces:
    ids: NDArray[np.int32]
    spans: NDArray[np.int32]


class Windows:
    """The windows of questions; those about one context after another share its pieces.

    Args:
        text: The tokenizer.
        cut: How contexts are cut.

    Raises:
        UsageError: The tokenizer's length holds no context.
    """

    def __init__(self, text: TextEncoder, cut: Cut) -> None:
        cut.check(text.max_length)
        self._text, self._cut = text, cut
        self._context: str | None = None
        self._pieces = _Pieces(np.zeros(0, np.int32), np.zeros((0, 2), np.int32))

    def of(self, example: int, question: Question) -> Iterator[Window]:
        """The windows of a question, none where its context has no pieces.

        Args:
            example: Its index.
            question: It; its first answer is the one that is learnt.
        """
        asked = self._text.encode(question.question)[0][: self._cut.question]
        pieces = self._pieces_of(question.context)
        answer = self.answer(question)
        shown = parts(len(pieces.ids), self._text.max_length - len(asked) - SPECIAL, self._cut.stride)
        home = homes(shown, len(pieces.ids))
        head = np.array([self._text.cls_id, *asked, self._text.sep_id], np.int32)
        for number, (start, end) in enumerate(shown):
            ids = np.concatenate([head, pieces.ids[start:end], [self._text.sep_id]], dtype=np.int32)
            types = (np.arange(len(ids)) >= len(head)).astype(np.int8)
            place = Shown(len(head), pieces.spans[start:end], home[start:end] == number)
            yield window(example, ids, types, _moved(answer, start, end, len(head)), place)

    def answer(self, question: Question) -> tuple[int, int] | None:
        """The first and the last piece of the answer that is learnt; None where there is none."""
        if not question.answers:
            return None
        first = question.answers[0]
        return aligned(first.start, first.start + len(first.text), self._pieces_of(question.context).spans)

    def _pieces_of(self, context: str) -> _Pieces:
        if context != self._context:
            ids, spans = self._text.encode(context)
            self._pieces = _Pieces(np.array(ids, np.int32), np.array(spans, np.int32).reshape(-1, 2))
            self._context = context
        return self._pieces


def window(example: int, ids: Any, types: Any, answer: tuple[int, int], place: Shown) -> Window:
    """A window with the features of the task."""
    features = {
        "piece_mask": np.ones(len(ids), np.int8),
        "start_positions": answer[0],
        "end_positions": answer[1],
    }
    return Window(example=example, input_ids=ids, token_type_ids=types, features=features, place=place)


def _moved(answer: tuple[int, int] | None, start: int, end: int, first: int) -> tuple[int, int]:
    """Where an answer is in the window that shows [start, end); at `[CLS]` where it is not whole in it."""
    if answer is None or answer[0] < start or answer[1] >= end:
        return 0, 0
    return answer[0] - start + first, answer[1] - start + first
