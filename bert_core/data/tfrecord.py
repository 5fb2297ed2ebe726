"""TFRecord files: their records read at random, every checksum compared."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from bert_core.crc32c import masked_crc32c
from bert_core.data import example
from bert_core.data.columns import Column, Row, as_column, our_names
from bert_core.data.opened import read_at, read_parts
from bert_core.data.tfrecord_index import HEAD, TAIL, location, open_index, said_length
from bert_core.errors import DataError
from bert_core.names import listed
from bert_core.protobuf import WireError

_GZIP = 16 + zlib.MAX_WBITS
_PACKINGS = {b"\x1f\x8b": ("GZIP", _GZIP), b"\x78": ("ZLIB", zlib.MAX_WBITS)}
_NO_EXAMPLE = "The record is no tf.train.Example"
_HINT = "Write the file again, or say --on-bad-record skip:1 to leave the record out"


def is_tfrecord(head: bytes) -> bool:
    """Whether a file that starts with these bytes, at least 12, is a TFRecord."""
    return len(head) >= HEAD and said_length(head) is not None


def packing(head: bytes) -> str | None:
    """`GZIP` or `ZLIB` where the first bytes of a file are those of a compressed TFRecord."""
    for start, (name, bits) in _PACKINGS.items():
        if head.startswith(start):
            try:
                unpacked = zlib.decompressobj(bits).decompress(head, HEAD)
            except zlib.error:
                continue
            return name if is_tfrecord(unpacked) else None
    return None


class TFRecordFile:
    """A file of `tf.train.Example`.

    Args:
        path: The file.
        columns: What each record is to hold, by our names; None takes it from the first record that is whole.

    Raises:
        DataError: It cannot be read, or not be cut into records.
    """

    def __init__(self, path: Path, columns: Mapping[str, Column] | None = None) -> None:
        self.path = path
        self._index = open_index(path)
        self._damaged = frozenset(self._index.damaged.tolist())
        first = self._first()
        self._stored = our_names(first, str(path))
        self._columns = columns if columns is not None else _columns(first, self._stored)

    def __len__(self) -> int:
        return len(self._index)

    @property
    def columns(self) -> Mapping[str, Column]:
        """See `RecordFile`."""
        return self._columns

    @property
    def stored(self) -> Mapping[str, str]:
        """See `RecordFile`."""
        return self._stored

    @property
    def damaged(self) -> Sequence[int]:
        """See `RecordFile`."""
        return sorted(self._damaged)

    def where(self, number: int) -> str:
        """See `RecordFile`."""
        return location(self.path, number + 1, int(self._index.offsets[number]))

    def read_many(self, numbers: Sequence[int]) -> list[Row]:
        """See `RecordFile`."""
        contents = self._contents(numbers)
        try:
            return self._rows(contents)
        except ValueError:
            for number, content in zip(numbers, contents, strict=True):
                self._row(number, content)
            raise

    def _row(self, number: int, content: bytes) -> Row:
        try:
            return self._rows([content])[0]
        except ValueError as error:
            hint = _NO_EXAMPLE if isinstance(error, WireError) else None
            raise DataError(str(error), where=self.where(number), hint=hint) from None

    def _rows(self, contents: Sequence[bytes]) -> list[Row]:
        stored = [(self._stored.get(name, name), column) for name, column in self._columns.items()]
        parsed = [example.parse(content) for content in contents]
        decoded = example.decode(parsed, [name for name, _ in stored])
        rows: list[Row] = []
        for record, found in zip(parsed, decoded, strict=True):
            if len(found) != len(stored):
                raise ValueError(_missing(record, [name for name, _ in stored if name not in found]))
            rows.append({column.name: as_column(found[name], column) for name, column in stored})
        return rows

    def _contents(self, numbers: Sequence[int]) -> list[bytes]:
        """The Examples, their checksums compared."""
        for number in self._damaged.intersection(numbers):
            raise self._is_damaged(number)
        parts = [self._part(number) for number in numbers]
        records = read_parts(self.path, self._index.version, parts)
        return [self._content(number, record) for number, record in zip(numbers, records, strict=True)]

    def _part(self, number: int) -> tuple[int, int]:
        """Where a record starts and ends."""
        offsets = self._index.offsets
        return int(offsets[number]), int(offsets[number + 1])

    def _content(self, number: int, record: bytes) -> bytes:
        content = record[HEAD:-TAIL]
        if said_length(record) != len(content) or masked_crc32c(content) != int.from_bytes(record[-TAIL:], "little"):
            raise self._is_damaged(number)
        return content

    def _is_damaged(self, number: int) -> DataError:
        start, end = self._part(number)
        head = read_at(self.path, self._index.version, start, min(end - start, HEAD))
        if len(head) < HEAD or HEAD + (said_length(head) or 0) + TAIL > end - start:
            return DataError("the file ends inside the record", where=self.where(number), hint=_HINT)
        what = "the record's content does not have the checksum that was written"
        return DataError(what, where=self.where(number), hint=_HINT)

    def _first(self) -> example.Parsed:
        """The first record that is whole and an Example; nothing where all are damaged."""
        refused = None
        for number in range(len(self)):
            if number not in self._damaged:
                try:
                    return example.parse(self._contents([number])[0])
                except ValueError as error:
                    refused = refused or DataError(str(error), where=self.where(number), hint=_NO_EXAMPLE)
        if refused is not None:
            raise refused
        return {}


def _columns(record: example.Parsed, stored: Mapping[str, str]) -> dict[str, Column]:
    """The columns of numbers that a record has, as lists of any length."""
    columns = {}
    for name, spelled in sorted(stored.items()):
        kind = record[spelled][0]
        if kind != example.BYTES_LIST:
            columns[name] = Column(name, "float32" if kind == example.FLOAT_LIST else "int64")
    return columns


def _missing(record: example.Parsed, names: Sequence[str]) -> str:
    """Why columns of a record were not read."""
    name = names[0]
    if name in record:
        return f"the column '{name}' holds bytes, where numbers belong"
    return f"the record has no column '{name}'; it has {listed(record)}"
