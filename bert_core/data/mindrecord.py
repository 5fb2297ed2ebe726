"""MindRecord files: their records read at random, straight from the pages.

MindSpore's `MindDataset` is a pipeline and gives no record by its number, and its `FileReader` gives all in turn. There
are no checksums in the format: what can be told is that a record's sizes do not fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bert_core.data.columns import DTYPES, Column, Dtype, Row, as_column, our_names
from bert_core.data.mindrecord_blob import arrays, decode_lists, scalars
from bert_core.data.mindrecord_index import SIZE, read_header, read_index
from bert_core.data.opened import Version, read_parts
from bert_core.data.tfrecord_index import location
from bert_core.errors import DataError


class MindRecordFile:
    """A file of MindRecord with its index.

    Args:
        path: The file.

    Raises:
        DataError: It is damaged, or its index is not there or of another file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version = Version.of(path)
        header = read_header(path, self._version)
        self._blob, self._fields = header.blob, header.fields
        self._parts = read_index(path, header, self._version)  # (records, 4)
        read = [name for name, (dtype, _) in self._fields.items() if dtype in DTYPES]
        self._stored = our_names(sorted(read), str(path))
        self._columns = {ours: _column(ours, *self._fields[name]) for ours, name in self._stored.items()}
        self._scalars = any(name not in self._blob for name in read)

    def __len__(self) -> int:
        return len(self._parts)

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
        """None: there are no checksums."""
        return ()

    def where(self, number: int) -> str:
        """See `RecordFile`."""
        return location(self.path, number + 1, int(self._parts[number, 0]))

    def read_many(self, numbers: Sequence[int]) -> list[Row]:
        """See `RecordFile`."""
        parts = self._parts[np.asarray(numbers, np.int64)].tolist()
        blobs = read_parts(self.path, self._version, [(start, end) for start, end, _, _ in parts])
        raws: Sequence[bytes] = [b""] * len(parts)
        if self._scalars:
            raws = read_parts(self.path, self._version, [(start, end) for _, _, start, end in parts])
        try:
            return self._rows(blobs, raws)
        except ValueError:
            for number, blob, raw in zip(numbers, blobs, raws, strict=True):
                self._row(number, blob, raw)
            raise

    def _row(self, number: int, blob: bytes, raw: bytes) -> Row:
        try:
            return self._rows([blob], [raw])[0]
        except ValueError as error:
            hint = "The file is damaged, or its .db is of another one: write the records again"
            raise DataError(str(error), where=self.where(number), hint=hint) from None

    def _rows(self, blobs: Sequence[bytes], raws: Sequence[bytes]) -> list[Row]:
        stored = [dict(zip(self._blob, arrays(_content(blob), len(self._blob)), strict=True)) for blob in blobs]
        integers = [name for name in self._blob if self._fields[name][0] in ("int32", "int64")]
        lists = iter(decode_lists([record[name] for record in stored for name in integers]))
        rows: list[Row] = []
        for record, raw in zip(stored, raws, strict=True):
            values: dict[str, Any] = scalars(_content(raw)) if self._scalars else {}
            values.update({name: next(lists) for name in integers})
            rows.append({ours: self._values(ours, name, record, values) for ours, name in self._stored.items()})
        return rows

    def _values(self, ours: str, name: str, record: Mapping[str, bytes], values: Mapping[str, Any]) -> NDArray[Any]:
        """The values of a column of a record."""
        dtype, shape = self._fields[name]
        if name in record:
            array = as_column(values[name] if name in values else _floats(record[name]), self._columns[ours])
            return array.reshape(shape) if shape is not None and len(shape) > 1 else array
        if not isinstance(values.get(name), int | float):
            raise ValueError(f"the record has no number '{name}'")
        return np.array(values[name], dtype)


def _content(stored: bytes) -> bytes:
    """What is behind the size of a record."""
    size = int.from_bytes(stored[:SIZE], "little")
    if size != len(stored) - SIZE:
        raise ValueError(f"the record says that it has {size} bytes, and the index {len(stored) - SIZE}")
    return stored[SIZE:]


def _floats(stored: bytes) -> NDArray[np.float32]:
    if len(stored) % 4:
        raise ValueError(f"a list of float32 has {len(stored)} bytes")
    return np.frombuffer(stored, "<f4")


def _column(ours: str, dtype: str, shape: tuple[int, ...] | None) -> Column:
    fixed = () if shape is None else None if -1 in shape else shape
    return Column(ours, cast(Dtype, dtype), fixed)
