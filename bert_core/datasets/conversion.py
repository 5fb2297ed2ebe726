"""Data as records: a task's examples, or records in another format or under other names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bert_core.abilities import RecordTask
from bert_core.counted import counted
from bert_core.data.columns import Column, Row, reference_name
from bert_core.data.mindrecord_writer import MindRecordWriter, mindrecord_writer
from bert_core.data.records import Format, Records
from bert_core.data.schema import write_schema
from bert_core.data.tfrecord_writer import TFRecordWriter, tfrecord_writer
from bert_core.errors import DataError, UsageError
from bert_core.files import write_text
from bert_core.recorded import columns_of
from bert_core.text.tokenizer import WordPiece

Names = Literal["modelzoo", "bertrun"]
LABELS = "labels.txt"
_CHUNK = 256


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is written.

    Args:
        path: The file.
        format: Its format.
        names: Whose names the columns get; or the name of each, by ours.
    """

    path: Path
    format: Format
    names: Names | Mapping[str, str]

    @property
    def schema(self) -> Path:
        """The schema file beside TFRecords."""
        return schema_beside(self.path)

    def check_free(self) -> None:
        """Refuse to replace anything.

        Raises:
            UsageError: Something is there, or the folder is not.
        """
        for path in (self.path, self.schema) if self.format == "tfrecord" else (self.path,):
            if path.exists():
                raise UsageError("this is there already", where=path, hint="Name another file")
        if not self.path.parent.is_dir():
            raise UsageError("there is no such folder", where=self.path.parent)

    def write(self, rows: Iterable[Row], columns: Sequence[Column]) -> int:
        """Write records and, of TFRecords, their schema; give how many.

        Args:
            rows: Under our names.
            columns: Their columns.

        Raises:
            DataError: They cannot be written; nothing is left.
        """
        with self.opened(columns) as writer:
            for row in rows:
                writer.write(row)
        return writer.count

    @contextmanager
    def opened(self, columns: Sequence[Column]) -> Iterator[TargetWriter]:
        """A writer of records; what it wrote, and the schema of TFRecords, is there when the block ends well.

        Args:
            columns: Those of each record, under our names.

        Raises:
            DataError: They cannot be written; nothing is left.
        """
        stored = [Column(self._name(column.name), self._dtype(column), column.shape) for column in columns]
        with self._writer(stored) as writer:
            named = TargetWriter(writer, {column.name: self._name(column.name) for column in columns})
            yield named
        if self.format == "tfrecord":
            write_schema(self.schema, stored, named.count)

    def _writer(self, columns: Sequence[Column]) -> AbstractContextManager[TFRecordWriter | MindRecordWriter]:
        return tfrecord_writer(self.path) if self.format == "tfrecord" else mindrecord_writer(self.path, columns)

    def _name(self, name: str) -> str:
        if isinstance(self.names, str):
            return reference_name(name) if self.names == "modelzoo" else name
        return self.names[name]

    def _dtype(self, column: Column) -> Any:
        """TFRecord has no int32."""
        return "int64" if self.format == "tfrecord" and column.dtype == "int32" else column.dtype


def schema_beside(path: Path) -> Path:
    """Where the schema of a file of TFRecords lies."""
    return path.with_name(f"{path.stem}.schema.json")


class TargetWriter:
    """Writes rows under the names that a target gives.

    Args:
        writer: Of the format.
        names: Of each column, by ours.
    """

    def __init__(self, writer: TFRecordWriter | MindRecordWriter, names: Mapping[str, str]) -> None:
        self._writer, self._names = writer, names

    def write(self, row: Row) -> None:
        """Write a record.

        Raises:
            DataError: A column is not there, or of another type or shape than was announced.
        """
        self._writer.write({self._names[name]: values for name, values in row.items()})

    @property
    def count(self) -> int:
        """How many were written."""
        return self._writer.count


def convert_examples(
    task: RecordTask, examples: Sequence[Any], text: WordPiece, target: Target, say: Callable[[str], None]
) -> None:
    """Write a task's examples, each row filled up to the tokenizer's length, and the label file beside them.

    Args:
        task: The task, which has learnt its labels.
        examples: What is written.
        text: The tokenizer.
        target: What is written.
        say: Takes the lines that tell what was done.

    Raises:
        DataError: They cannot be written, or other labels are beside them.
    """
    labels = "".join(f"{label}\n" for label in task.record_labels())
    beside = target.path.parent / LABELS
    check_labels(beside, labels)
    columns = columns_of(task, text.max_length)
    count = target.write(_filled(task.to_records(examples, text), columns, text), columns)
    made = f"{counted(count, 'record')} of {text.max_length} pieces from {counted(len(examples), 'example')}"
    say(f"{target.path}: {made}")
    if labels:
        write_text(beside, labels)
        say(f"{beside}: {counted(len(task.record_labels()), 'label')}, in the order of their ids")


def check_labels(path: Path, labels: str) -> None:
    """Refuse to put records beside a label file that is not theirs.

    Args:
        path: The label file that is there, or not.
        labels: What it should hold; empty where the records have none.

    Raises:
        DataError: It holds something else.
    """
    if labels and path.is_file() and path.read_text(encoding="utf-8") != labels:
        hint = "Give it with --label-file, so that ids are the same, or name another folder"
        raise DataError("the labels beside these records are others", where=path, hint=hint)


def convert_records(records: Records, target: Target, say: Callable[[str], None]) -> None:
    """Write records in another format or under other names."""
    columns = list(records.columns.values())
    count = target.write(rows_of(records), columns)
    say(f"{target.path}: {counted(count, 'record')}")


def rows_of(records: Records) -> Iterator[Row]:
    """Every record, in order."""
    for start in range(0, len(records), _CHUNK):
        yield from records.read_many(range(start, min(start + _CHUNK, len(records))))


def _filled(rows: Iterable[Any], columns: Sequence[Column], text: WordPiece) -> Iterator[Row]:
    """Rows as arrays, filled up: pieces with the padding piece, all else with 0."""
    for row in rows:
        filled: dict[str, Any] = {}
        for column in columns:
            values = np.full(column.shape or (), text.pad_id if column.name == "input_ids" else 0, column.dtype)
            values[: len(row[column.name])] = row[column.name]
            filled[column.name] = values
        yield filled
