"""Whether records hold what a task reads: columns, types, shapes, and ids that the model has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bert_core.data.columns import Column, Row, as_column, reference_name
from bert_core.data.records import Records
from bert_core.errors import DataError
from bert_core.names import listed

VOCABULARY = ("input_ids", "masked_lm_ids")  # columns of ids of pieces
_CHUNK = 256


def check_columns(
    records: Records,
    wanted: Sequence[Column],
    *,
    vocab_size: int | None = None,
    limits: Mapping[str, int] | None = None,
) -> None:
    """Read all records and refuse the first one that a task could not read.

    Args:
        records: What is read.
        wanted: What the task reads, by our names. int32 and int64 serve each other where no number is too great.
        vocab_size: How many pieces the vocabulary has; ids of pieces are below it.
        limits: For other columns what their numbers are below; no number is negative.

    Raises:
        DataError: A column is missing, or of another type or shape, or holds a number out of range, with the file, the
            record and the column.
    """
    check_names(records, wanted)
    below = limits_of(vocab_size, limits)
    for start in range(0, len(records), _CHUNK):
        numbers = range(start, min(start + _CHUNK, len(records)))
        check_rows(records, numbers, records.read_many(numbers), wanted, below)


def check_names(records: Records, wanted: Sequence[Column]) -> None:
    """Refuse records without a column that a task reads; see `check_columns`."""
    for column in wanted:
        if column.name not in records.columns:
            named = {column.name, reference_name(column.name)}
            what = f"there is no column {' or '.join(map(repr, sorted(named)))}; there are {listed(records.columns)}"
            raise DataError(what, where=records.where(0) if len(records) else None)


def check_rows(
    records: Records,
    numbers: Sequence[int],
    rows: Sequence[Row],
    wanted: Sequence[Column],
    limits: Mapping[str, int],
) -> None:
    """Refuse the first of some records that a task could not read; see `check_columns`.

    Args:
        records: What they were read from.
        numbers: Theirs.
        rows: What was read.
        wanted: What the task reads.
        limits: What the numbers of columns are below.
    """
    for column in wanted:
        _check(column, rows, records, numbers, limits.get(column.name))


def limits_of(vocab_size: int | None, limits: Mapping[str, int] | None = None) -> dict[str, int]:
    """What the numbers of columns are below: those of pieces, and others that are given."""
    below = {} if vocab_size is None else dict.fromkeys(VOCABULARY, vocab_size)
    return {**below, **(limits or {})}


def _check(column: Column, rows: Sequence[Row], records: Records, numbers: Sequence[int], limit: int | None) -> None:
    for number, row in zip(numbers, rows, strict=True):
        try:
            as_column(row[column.name], column)
        except ValueError as error:
            raise DataError(str(error), where=records.where(number)) from None
    if limit is None or _within(np.concatenate([row[column.name].ravel() for row in rows]), limit):
        return
    for number, row in zip(numbers, rows, strict=True):
        values = row[column.name]
        if not _within(values, limit):
            wrong = values[(values < 0) | (values >= limit)].ravel()[0]
            raise DataError(_beyond(column.name, int(wrong), limit), where=records.where(number))


def _within(values: NDArray[Any], limit: int) -> bool:
    return not values.size or bool(values.min() >= 0 and values.max() < limit)


def _beyond(name: str, wrong: int, limit: int) -> str:
    of_pieces = f"and the vocabulary has {limit} pieces" if name in VOCABULARY else f"and should hold 0 to {limit - 1}"
    return f"the column '{name}' holds {wrong}, {of_pieces}"
