"""Records as examples and windows that are made when they are asked for: a corpus is never in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from bert_core import Arrays, DataError, Feature, Window

from .dynamic import DynamicMasking
from .example import Example
from .pieces import PieceEncoder
from .words import WholeWords

_CHUNK = 256  # records at once
MASKED = ("masked_lm_positions", "masked_lm_ids", "masked_lm_weights")
COLUMNS = {
    "masked_lm_positions": Feature(optional=True),
    "masked_lm_ids": Feature(optional=True),
    "masked_lm_weights": Feature(dtype="float32", optional=True),
    "word_starts": Feature(optional=True),
    "next_sentence_labels": Feature(ragged=False, optional=True),
}


class Rows(Protocol):
    """Records as the host gives them: `bert_core.abilities.Rows`."""

    @property
    def columns(self) -> Sequence[str]:
        """Which columns they have."""

    def __len__(self) -> int:
        """How many there are."""

    def __iter__(self) -> Iterator[tuple[str, Arrays]]:
        """Each with its place."""

    def take(self, numbers: Sequence[int]) -> list[Arrays]:
        """Some of them, by their numbers."""

    def where(self, number: int) -> str:
        """Where one stands."""

    def remembered(self, what: str, make: Callable[[], Mapping[str, NDArray[Any]]]) -> Mapping[str, NDArray[Any]]:
        """What was learnt of all of them, now or in an earlier run."""


class StoredMasks:
    """Takes the masks that records were stored with."""

    def examples(self, rows: Sequence[Arrays], *, seed: int, epoch: int, indexes: Sequence[int]) -> list[Example]:
        """An example of each row."""
        return [_example(row) for row in rows]


class DrawnMasks:
    """Masks records that were stored unmasked.

    Args:
        encoder: The tokenizer.
        width: To which rows are filled up, so that a mask depends on nothing else in a batch.
        masked_share: See `DynamicMasking`.
        max_predictions: See `DynamicMasking`.
        whole_words: See `DynamicMasking`.
    """

    def __init__(
        self,
        encoder: PieceEncoder,
        width: int,
        *,
        masked_share: float,
        max_predictions: int,
        whole_words: WholeWords,
    ) -> None:
        self._masking = DynamicMasking(
            encoder, masked_share=masked_share, max_predictions=max_predictions, whole_words=whole_words
        )
        self._width = width

    def examples(self, rows: Sequence[Arrays], *, seed: int, epoch: int, indexes: Sequence[int]) -> list[Example]:
        """An example of each row, masked as the seed, the epoch and the row's number say."""
        names = {"input_ids": "input_ids", "input_mask": "attention_mask", "segment_ids": "token_type_ids"}
        if "word_starts" in rows[0]:
            names["word_starts"] = "word_starts"
        columns = {ours: np.stack([self._filled(row[name]) for row in rows]) for ours, name in names.items()}
        absent = np.zeros(1, np.int32)
        columns["next_sentence_labels"] = np.stack([row.get("next_sentence_labels", absent) for row in rows])
        masked = self._masking.mask(columns, seed=seed, epoch=epoch, indexes=indexes)
        masked["attention_mask"], masked["token_type_ids"] = masked["input_mask"], masked["segment_ids"]
        return [_example({name: values[place] for name, values in masked.items()}) for place in range(len(rows))]

    def _filled(self, values: NDArray[Any]) -> NDArray[Any]:
        return np.pad(values, (0, self._width - len(values)))


def _example(row: Arrays) -> Example:
    length = int(np.count_nonzero(row["attention_mask"]))
    counted = np.flatnonzero(row["masked_lm_weights"])
    predictions = int(counted[-1]) + 1 if counted.size else 0
    return Example(
        input_ids=row["input_ids"][:length],
        token_type_ids=row["token_type_ids"][:length],
        positions=row["masked_lm_positions"][:predictions],
        ids=row["masked_lm_ids"][:predictions],
        weights=row["masked_lm_weights"][:predictions],
        label=int(row["next_sentence_labels"][0]) if "next_sentence_labels" in row else 0,
    )


class RecordedExamples(Sequence[Example]):
    """A corpus of records; one by one, or all in order, they are masked as for scores.

    Args:
        rows: The records.
        masks: Where their masks come from.
        lengths: How many pieces each has.
        numbers: Which of the rows these are; None for all.
    """

    def __init__(
        self,
        rows: Rows,
        masks: StoredMasks | DrawnMasks,
        lengths: NDArray[np.int32],
        numbers: NDArray[np.int64] | None = None,
    ) -> None:
        self._rows = rows
        self._masks = masks
        self._numbers = numbers
        self.lengths = lengths

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        if isinstance(index, slice):
            return self.take(range(len(self))[index], seed=0, epoch=0)
        return self.take([range(len(self))[index]], seed=0, epoch=0)[0]

    def __iter__(self) -> Iterator[Example]:
        for start in range(0, len(self), _CHUNK):
            yield from self[start : start + _CHUNK]

    def take(self, numbers: Sequence[int], *, seed: int, epoch: int) -> list[Example]:
        """Some of them, by their numbers, masked for a seed and an epoch."""
        if not numbers:
            return []
        places = numbers if self._numbers is None else self._numbers[np.asarray(numbers)].tolist()
        return self._masks.examples(self._rows.take(places), seed=seed, epoch=epoch, indexes=places)

    def evenly(self, count: int) -> RecordedExamples:
        """So many of them, evenly taken, masked as they are among all."""
        chosen = np.linspace(0, len(self) - 1, count).round().astype(np.int64)
        numbers = chosen if self._numbers is None else self._numbers[chosen]
        return RecordedExamples(self._rows, self._masks, self.lengths[chosen], numbers)


class RecordedWindows(Sequence[Window]):
    """The window of each record: `bert_core.protocols.LazyWindows`.

    Args:
        examples: The records.
        next_sentence: Whether windows hold the next-sentence label.
    """

    def __init__(self, examples: RecordedExamples, *, next_sentence: bool) -> None:
        self._examples = examples
        self._next_sentence = next_sentence

    @property
    def lengths(self) -> NDArray[np.int32]:
        """How many pieces each has."""
        return self._examples.lengths

    def __len__(self) -> int:
        return len(self._examples)

    @overload
    def __getitem__(self, index: int) -> Window: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Window]: ...
    def __getitem__(self, index: int | slice) -> Window | Sequence[Window]:
        if isinstance(index, slice):
            return self.cut(range(len(self))[index], seed=0, epoch=0)
        return self.cut([range(len(self))[index]], seed=0, epoch=0)[0]

    def __iter__(self) -> Iterator[Window]:
        for start in range(0, len(self), _CHUNK):
            yield from self[start : start + _CHUNK]

    def cut(self, rows: Sequence[int], *, seed: int, epoch: int) -> list[Window]:
        """Some of them, masked for a seed and an epoch."""
        examples = self._examples.take(rows, seed=seed, epoch=epoch)
        return [
            example.window(number, next_sentence=self._next_sentence)
            for number, example in zip(rows, examples, strict=True)
        ]


def checked_lengths(rows: Rows, max_length: int) -> tuple[NDArray[np.int32], int]:
    """How many pieces each record has, and the greatest number of places.

    They are found in one pass over all records, and remembered with that each is as it must be.

    Args:
        rows: The records.
        max_length: Of a window.

    Raises:
        DataError: A record's columns do not belong together, or it is too long, with its place.
    """
    found = rows.remembered("lengths of pre-training 1", lambda: _lengths(rows))
    lengths: NDArray[np.int32] = found["lengths"]
    longest = int(lengths.argmax())
    if lengths[longest] > max_length:
        what = f"it has {lengths[longest]} pieces, and --max-length is {max_length}"
        raise DataError(what, where=rows.where(longest), hint=f"Say --max-length {lengths[longest]} or more")
    return lengths, int(found["width"])


def _lengths(rows: Rows) -> dict[str, NDArray[np.int32]]:
    """The lengths, and the greatest number of places, of records that are all as they must be."""
    lengths = np.empty(len(rows), np.int32)
    width = 0
    for start in range(0, len(rows), _CHUNK):
        numbers = range(start, min(start + _CHUNK, len(rows)))
        chunk = rows.take(numbers)
        lengths[start : numbers.stop] = [np.count_nonzero(row["attention_mask"]) for row in chunk]
        width = max(width, *(len(row["input_ids"]) for row in chunk))
        for number, row in zip(numbers, chunk, strict=True):
            problem = _problem(row, int(lengths[number]))
            if problem is not None:
                raise DataError(problem[0], where=rows.where(number), hint=problem[1])
    return {"lengths": lengths, "width": np.array(width, np.int32)}


def _problem(row: Arrays, length: int) -> tuple[str, str | None] | None:
    """What is wrong with a record, and what to do."""
    places = {name: len(row[name]) for name in ("input_ids", "attention_mask", "token_type_ids")}
    if len(set(places.values())) > 1:
        return "its columns have " + ", ".join(f"{count} {name}" for name, count in places.items()), None
    if not length or not row["attention_mask"][:length].all():
        return "its input_mask is not ones and then zeros", None
    if "next_sentence_labels" in row and row["next_sentence_labels"][0] not in (0, 1):
        return f"its next_sentence_labels is {row['next_sentence_labels'][0]}, not 0 or 1", None
    return _masked_problem(row, length) if MASKED[0] in row else None


def _masked_problem(row: Arrays, length: int) -> tuple[str, str | None] | None:
    positions, ids, weights = (row[name] for name in MASKED)
    if not len(positions) == len(ids) == len(weights):
        return f"it has {len(positions)} masked positions, {len(ids)} ids and {len(weights)} weights", None
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        return "a weight of a masked position is negative or not finite", None
    if positions.size and (positions.min() < 0 or positions.max() >= length):
        return f"a masked position is not one of its {length} pieces", None
    return None
