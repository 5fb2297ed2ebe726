"""A task's data as records: read for it, and written of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from .abilities import BuildingTask, RecordTask, SamplingTask
from .cache import cache_folder
from .data.bad_records import BadRecords
from .data.checks import check_names, check_rows, limits_of
from .data.columns import Column, Dtype, Row
from .data.records import Records, is_records, open_records
from .data.remembered import Found, digest_of, remembered
from .data.schema import Schema
from .data.sinks import RecordSinks
from .errors import DataError, UsageError
from .protocols import Task
from .text.tokenizer import WordPiece
from .text_files import read_text
from .types import Arrays, Feature, Reading, Split, Workbench

PIECES = ("input_ids", "attention_mask", "token_type_ids")
REAL = "is_real_example"
_CHUNK = 256  # records at once


def as_record_task(task: Task, name: str) -> RecordTask:
    """The task, where its data may be records.

    Raises:
        UsageError: It may not.
    """
    if not isinstance(task, RecordTask):
        raise UsageError(
            f"the task '{name}' takes no records, only the files that `bertrun describe task {name}` tells"
        )
    return task


def columns_of(task: RecordTask, length: int | None = None, *, there: Container[str] | None = None) -> list[Column]:
    """The columns of a task's records.

    Args:
        task: The task.
        length: Of each record's rows; None where they differ.
        there: Names of stored columns: those that records may lack are left out where they are not among them.
    """
    shape = None if length is None else (length,)
    pieces = [Column(name, "int32", shape) for name in PIECES]
    wanted = {
        name: column
        for name, column in task.record_columns.items()
        if there is None or name in there or not column.optional
    }
    own = [
        Column(name, cast(Dtype, column.dtype), shape if column.ragged else _fixed(column))
        for name, column in wanted.items()
    ]
    return [*pieces, *own]


def _fixed(column: Feature) -> tuple[int, ...] | None:
    return None if column.size is None else (column.size,)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """How records are read.

    Args:
        text: The tokenizer of the vocabulary that they were made with.
        schema: The schema file of TFRecords.
        on_bad: What is done about records that cannot be read.
        say: Where it is said that records are made of text, which takes a while.
    """

    text: WordPiece
    schema: Path | None = None
    on_bad: BadRecords = field(default_factory=BadRecords)
    say: Callable[[str], None] = lambda _: None

    def data(self, task: Task, name: str, source: Path | None, split: Split) -> Reading:
        """A task's examples, from records or from whatever else it reads.

        Args:
            task: The task.
            name: Its name.
            source: A file; of records, and of text to train on, also a folder or a glob; None for the task's sample.
            split: What they are for.

        Raises:
            DataError: It cannot be read.
            UsageError: These are records, and the task takes none.
        """
        reading = self._read(task, name, source, split)
        return task.scored(reading) if split != "train" and isinstance(task, SamplingTask) else reading

    def _read(self, task: Task, name: str, source: Path | None, split: Split) -> Reading:
        if source is not None and is_records(source):
            return self.records(as_record_task(task, name), source)
        if source is not None and isinstance(task, BuildingTask):
            reading = self._built(task, source, split)
        else:
            reading = read_text(task, source, split)
        unused = () if self.schema is None else (f"--schema {self.schema} is not used: this is text, not records",)
        return replace(reading, notes=(*reading.notes, *unused))

    def _built(self, task: BuildingTask, source: Path, split: Split) -> Reading:
        """A task's examples of text that is made into records first."""
        bench = Workbench(
            text=self.text, sinks=RecordSinks("tfrecord"), cache=cache_folder(), digest=digest_of, say=self.say
        )
        folder, files = task.build_records(source, split, bench)
        return replace(replace(self, schema=None).records(task, folder), files=tuple(files))

    def records(self, task: RecordTask, source: Path) -> Reading:
        """A task's examples from TFRecords or MindRecords: a file, a folder or a glob.

        Raises:
            DataError: They are no records of this task, with file, record and column.
        """
        schema = None if self.schema is None else Schema.read(self.schema)
        records = open_records(source, schema=schema, on_bad=self.on_bad)
        columns = columns_of(task, there=records.columns)
        check_names(records, columns)
        real, notes = _real(records, source)
        rows = RecordRows(records, columns, limits_of(self.text.vocab_size), real)
        reading = task.from_records(rows, self.text, source)
        return replace(reading, notes=(*records.notes, *notes, *reading.notes), files=tuple(records.paths))


def _real(records: Records, source: Path) -> tuple[Sequence[int], tuple[str, ...]]:
    """The numbers of the records that are examples, and what there is to say of the others.

    Google's run_classifier.py fills the last batch of an evaluation up with records whose `is_real_example` is 0.
    """
    numbers = range(len(records))
    if REAL not in records.columns:
        return numbers, ()
    chunks = (numbers[start : start + _CHUNK] for start in range(0, len(numbers), _CHUNK))
    flags = [bool(np.any(row[REAL])) for chunk in chunks for row in records.read_many(chunk)]
    real = [number for number, flag in zip(numbers, flags, strict=True) if flag]
    if not real:
        raise DataError(f"the column '{REAL}' says of every record that it is padding", where=source)
    padding = len(numbers) - len(real)
    return real, (f"{padding:,} records of padding, whose '{REAL}' is 0, are left out",) if padding else ()


class RecordRows:
    """The rows of `bert_core.abilities.Rows`; each is checked when it is first read.

    Args:
        records: Where they are read from.
        columns: What is read of each, in the task's types.
        limits: What the numbers of columns are below.
        numbers: Which of the records there are; None for all.
    """

    def __init__(
        self,
        records: Records,
        columns: Sequence[Column],
        limits: Mapping[str, int],
        numbers: Sequence[int] | None = None,
    ) -> None:
        self._records = records
        self._columns = columns
        self._limits = limits
        self._numbers = np.asarray(range(len(records)) if numbers is None else numbers, np.int64)
        self._checked = np.zeros(len(records), np.bool_)

    @property
    def columns(self) -> Sequence[str]:
        """See `Rows`."""
        return [column.name for column in self._columns]

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[tuple[str, Arrays]]:
        for start in range(0, len(self), _CHUNK):
            numbers = range(start, min(start + _CHUNK, len(self)))
            for number, row in zip(numbers, self.take(numbers), strict=True):
                yield self.where(number), row

    def take(self, numbers: Sequence[int]) -> list[Arrays]:
        """See `Rows`."""
        stored = self._numbers[np.asarray(numbers, np.int64)]
        rows = self._records.read_many(stored.tolist())
        self._check(stored, rows)
        return [{column.name: np.asarray(row[column.name], column.dtype) for column in self._columns} for row in rows]

    def remembered(self, what: str, make: Callable[[], Found]) -> Found:
        """See `Rows`; what is remembered of records says that all of them were checked."""
        records = self._records
        kept = None if records.kept is None else hashlib.sha256(records.kept.tobytes()).hexdigest()
        stored, wanted = ([str(column) for column in some] for some in (records.columns.values(), self._columns))
        found = remembered([what, stored, wanted, dict(self._limits), kept], records.paths, make)
        self._checked[:] = True
        return found

    def _check(self, numbers: NDArray[np.int64], rows: Sequence[Row]) -> None:
        new = np.flatnonzero(~self._checked[numbers]).tolist()
        if new:
            some = numbers[new]
            check_rows(self._records, some.tolist(), [rows[place] for place in new], self._columns, self._limits)
            self._checked[some] = True

    def where(self, number: int) -> str:
        """See `Rows`."""
        return self._records.where(int(self._numbers[number]))
