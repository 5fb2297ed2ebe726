"""A task's data as records: read for it, and written of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from .data.bad_records import BadRecords
from .data.checks import check_columns
from .data.columns import Column, Dtype
from .data.records import Records, open_records
from .data.schema import Schema
from .errors import UsageError
from .protocols import RecordTask, Task
from .text.tokenizer import WordPiece
from .types import Arrays, Reading

PIECES = ("input_ids", "attention_mask", "token_type_ids")
_CHUNK = 256  # records at once


def as_record_task(task: Task, name: str) -> RecordTask:
    """The task, where its data may be records.

    Raises:
        UsageError: It may not.
    """
    if not isinstance(task, RecordTask):
        raise UsageError(f"the task '{name}' takes no records, only the files that `bertrun describe task {name}` tells")
    return task


def columns_of(task: RecordTask, length: int | None = None) -> list[Column]:
    """The columns of a task's records.

    Args:
        task: The task.
        length: Of each record's rows; None where they differ.
    """
    shape = None if length is None else (length,)
    pieces = [Column(name, "int32", shape) for name in PIECES]
    own = task.record_columns.items()
    return [*pieces, *(Column(name, cast(Dtype, column.dtype), shape if column.ragged else (1,)) for name, column in own)]


def read_records(
    task: RecordTask, source: Path, text: WordPiece, *, schema: Path | None, on_bad: BadRecords
) -> Reading:
    """A task's examples from TFRecords or MindRecords.

    Args:
        task: The task.
        source: A file, a folder or a glob.
        text: The tokenizer of the vocabulary that they were made with.
        schema: The schema file of TFRecords.
        on_bad: What is done about records that cannot be read.

    Raises:
        DataError: They are no records of this task, with file, record and column.
    """
    records = open_records(source, schema=None if schema is None else Schema.read(schema), on_bad=on_bad)
    check_columns(records, columns_of(task), vocab_size=text.vocab_size)
    reading = task.from_records(_rows(records, columns_of(task)), text, source)
    return replace(reading, notes=(*records.notes, *reading.notes), files=tuple(records.paths))


def _rows(records: Records, columns: Sequence[Column]) -> Iterator[tuple[str, Arrays]]:
    """Each record with its place, in the task's types."""
    for start in range(0, len(records), _CHUNK):
        numbers = range(start, min(start + _CHUNK, len(records)))
        for number, row in zip(numbers, records.read_many(numbers), strict=True):
            yield records.where(number), {c.name: np.asarray(row[c.name], c.dtype) for c in columns}
