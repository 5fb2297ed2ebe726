"""Shards of records that plugins write, in any process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from numpy.typing import NDArray

from bert_core.data.columns import Column, Dtype
from bert_core.data.mindrecord_index import index_of
from bert_core.data.mindrecord_writer import MindRecordWriter, mindrecord_writer
from bert_core.data.records import Format
from bert_core.data.tfrecord_writer import TFRecordWriter, tfrecord_writer

Writer = TFRecordWriter | MindRecordWriter


class Described(Protocol):
    """A column as a plugin describes it: the type of its values, and how many a record has."""

    @property
    def type(self) -> str:
        """`int32` or `float32`."""

    @property
    def length(self) -> int:
        """Values in a record."""


@dataclass(frozen=True)
class RecordSinks:
    """Opens shards of a format; it can be sent to other processes."""

    format: Format

    @property
    def suffix(self) -> str:
        """How a shard's file name ends."""
        return f".{self.format}"

    def __call__(self, path: Path, columns: Mapping[str, Described]) -> RecordSink:
        """Begin a shard that will stand at the path.

        Raises:
            DataError: It cannot be written.
        """
        described = [Column(name, cast(Dtype, column.type), (column.length,)) for name, column in columns.items()]
        if self.format == "tfrecord":
            return RecordSink([path], tfrecord_writer(path))
        return RecordSink([path, index_of(path)], mindrecord_writer(path, described))


class _Aborted(Exception):
    """The shard is not wanted."""


class RecordSink:
    """One shard that is being written; nothing stands at its path before `commit`.

    Args:
        files: What it will be made of.
        context: Its writer, which writes whole files or none.
    """

    def __init__(self, files: Sequence[Path], context: AbstractContextManager[Writer]) -> None:
        self._files = list(files)
        self._context = context
        self._writer = context.__enter__()

    def write(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Append records: for each column (records, length)."""
        if isinstance(self._writer, TFRecordWriter):
            self._writer.write_many(columns)
            return
        for values in zip(*columns.values(), strict=True):
            self._writer.write(dict(zip(columns, values, strict=True)))

    def commit(self) -> list[Path]:
        """Put the shard in its place, whole and on the disk; give its files.

        Raises:
            DataError: It cannot be written; nothing is left.
        """
        self._context.__exit__(None, None, None)
        return self._files

    def abort(self) -> None:
        """Remove what was written."""
        aborted = _Aborted()
        try:
            self._context.__exit__(_Aborted, aborted, None)
        except _Aborted:
            return
