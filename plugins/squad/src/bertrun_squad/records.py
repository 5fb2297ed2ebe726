"""Windows as records, and records as windows; a record is one window, with the columns of the ModelZoo's converter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bert_core import Arrays, DataError, Feature, TextEncoder, Window

from .question import Answer, Question
from .windows import Shown, Windows, window

COLUMNS: Mapping[str, Feature] = {
    name: Feature(ragged=False) for name in ("start_positions", "end_positions", "unique_ids", "is_impossible")
}
FIRST_ID = 1_000_000_000  # Google's and the ModelZoo's scripts count windows from here
GLUE = "##"


@dataclass(frozen=True, kw_only=True)
class RecordWindow(Question):
    """A window out of a record: a question about the part of a context that it shows, both spelled as its pieces are.

    Args:
        input_ids: Its pieces.
        token_type_ids: Of each.
        positions: The answer's first and last piece; 0 and 0 where it is not in the window.
        shown: Where the context is.
    """

    input_ids: NDArray[np.int32]
    token_type_ids: NDArray[np.int32]
    positions: tuple[int, int]
    shown: Shown

    def window(self, example: int) -> Window:
        """It, as a window of an example."""
        return window(example, self.input_ids, self.token_type_ids, self.positions, self.shown)


def from_records(rows: Iterable[tuple[str, Arrays]], text: TextEncoder) -> Iterator[RecordWindow]:
    """A window of each record.

    Args:
        rows: For each record where it stands, for messages, and its columns.
        text: The tokenizer of the vocabulary that the records were made with.

    Raises:
        DataError: An answer is not within the context of its window.
    """
    for where, row in rows:
        kept = row["attention_mask"] > 0
        ids, types = row["input_ids"][kept], row["token_type_ids"][kept]
        positions = (int(row["start_positions"].item()), int(row["end_positions"].item()))
        context = np.flatnonzero(types > 0)
        context = context[: len(context) - int(ids[-1:].tolist() == [text.sep_id])]
        first = int(context[0]) if context.size else len(ids)
        _check(positions, first, first + len(context), where)
        yield _window(where, row, ids, types, positions, first, len(context), text)


def _check(positions: tuple[int, int], first: int, end: int, where: str) -> None:
    if positions != (0, 0) and not first <= positions[0] <= positions[1] < end:
        what = f"the answer is said to be the pieces {positions[0]} to {positions[1]}"
        raise DataError(f"{what}, and the text of the window is {first} to {end - 1}", where=where)


def _window(
    where: str, row: Arrays, ids: Any, types: Any, positions: tuple[int, int], first: int, count: int, text: TextEncoder
) -> RecordWindow:
    context, spans = _spelled(text.spelled(ids[first : first + count].tolist()))
    impossible = bool(row["is_impossible"].item())
    answers: tuple[Answer, ...] = ()
    if positions != (0, 0):
        start, end = int(spans[positions[0] - first, 0]), int(spans[positions[1] - first, 1])
        answers = (Answer(context[start:end], start),)
    return RecordWindow(
        id=str(int(row["unique_ids"].item())),
        question=_spelled(text.spelled(ids[1 : max(first - 1, 1)].tolist()))[0],
        context=context,
        answers=answers,
        is_impossible=impossible,
        where=where,
        input_ids=ids,
        token_type_ids=types,
        positions=positions,
        shown=Shown(first, spans, np.ones(count, bool)),
    )


def _spelled(pieces: Sequence[str]) -> tuple[str, NDArray[np.int32]]:
    """The text of pieces, with a blank before each that begins a word, and the characters of each."""
    text = ""
    spans: list[tuple[int, int]] = []
    for piece in pieces:
        text += "" if piece.startswith(GLUE) or not text else " "
        letters = piece.removeprefix(GLUE)
        spans.append((len(text), len(text) + len(letters)))
        text += letters
    return text, np.array(spans, np.int32).reshape(-1, 2)


def to_records(questions: Iterable[Question], windows: Windows) -> Iterator[dict[str, Any]]:
    """A record of each window of each question.

    Args:
        questions: What is asked.
        windows: How contexts are cut.
    """
    number = FIRST_ID
    for question in questions:
        for one in windows.of(0, question):
            yield {
                "input_ids": one.input_ids,
                "attention_mask": one.features["piece_mask"],
                "token_type_ids": one.token_type_ids,
                "start_positions": [one.features["start_positions"]],
                "end_positions": [one.features["end_positions"]],
                "unique_ids": [number],
                "is_impossible": [int(question.is_impossible)],
            }
            number += 1
