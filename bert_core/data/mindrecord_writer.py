"""MindRecords are written, by MindSpore's own writer: the file and its index, both whole, or neither."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bert_core.data.columns import Column, Row, as_column
from bert_core.data.mindrecord import MindRecordFile
from bert_core.data.mindrecord_index import index_of
from bert_core.errors import DataError
from bert_core.files import flush_to_disk

_CHUNK = 256  # records that MindSpore is given at once


class MindRecordWriter:
    """Writes one record after the other.

    Args:
        file: MindSpore's writer.
        columns: Of each record, with the names that are stored.
    """

    def __init__(self, file: Any, columns: Sequence[Column]) -> None:
        self._file = file
        self._columns = tuple(columns)
        self._waiting: list[dict[str, Any]] = []
        self.count = 0

    def write(self, row: Row) -> None:
        """Write a record; columns that were not announced are left out.

        Raises:
            ValueError: A column is not there, or of another type or shape than was announced.
        """
        # MindSpore's writer drops a record that does not fit, with a warning.
        missing = next((column.name for column in self._columns if column.name not in row), None)
        if missing is not None:
            raise ValueError(f"the record has no column '{missing}'")
        self._waiting.append({column.name: as_column(row[column.name], column) for column in self._columns})
        self.count += 1
        if len(self._waiting) == _CHUNK:
            self.flush()

    def flush(self) -> None:
        """Give MindSpore what waits."""
        if self._waiting:
            self._file.write_raw_data(self._waiting)
            self._waiting = []


@contextmanager
def mindrecord_writer(path: Path, columns: Sequence[Column]) -> Iterator[MindRecordWriter]:
    """A writer of a file that is there with its index when the block ends well, and not there when it does not.

    Args:
        path: The file; the index lies beside it, under its name and `.db`.
        columns: With the names that are to be stored. A shape of no dimension cannot be written.

    Raises:
        DataError: It cannot be written, such as where the disk is full.
    """
    from mindspore.mindrecord import FileWriter

    if any(column.shape == () for column in columns):
        raise ValueError("a column of MindRecord has at least one dimension: [1] for one number")
    try:
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    except OSError as error:
        raise DataError(f"it cannot be written: {error.strerror}", where=path) from None
    try:
        file = FileWriter(str(folder / path.name))
        file.add_schema({column.name: _described(column) for column in columns}, "bertrun")
        writer = MindRecordWriter(file, columns)
        yield writer
        writer.flush()
        file.commit()
        _check(folder / path.name, writer.count)
        _move(folder / path.name, path)
    except OSError as error:
        raise DataError(f"it cannot be written: {error.strerror}", where=path) from None
    except RuntimeError as error:  # MindSpore's errors are of this kind
        raise DataError(f"MindSpore cannot write it: {str(error).splitlines()[0]}", where=path) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _described(column: Column) -> dict[str, Any]:
    return {"type": column.dtype, "shape": [-1] if column.shape is None else list(column.shape)}


def _check(written: Path, count: int) -> None:
    """Refuse what is not there as it was given."""
    records = MindRecordFile(written)
    if len(records) != count:
        raise RuntimeError(f"of {count} records it wrote {len(records)}")
    records.read_many([count - 1] if count else [])


def _move(written: Path, path: Path) -> None:
    """Put the index into its place first: a file without one is an error, an index without its file is nothing."""
    allowed = os.umask(0)
    os.umask(allowed)
    for one in (written, index_of(written)):
        one.chmod(0o666 & ~allowed)  # MindSpore's are for their owner alone
        flush_to_disk(one)
    path.unlink(missing_ok=True)
    index_of(written).replace(index_of(path))
    written.replace(path)
    flush_to_disk(path.parent)
