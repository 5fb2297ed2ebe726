"""TFRecords are written: whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from bert_core.crc32c import masked_crc32c
from bert_core.data import example
from bert_core.data.columns import Row
from bert_core.data.example_rows import encode_rows
from bert_core.errors import DataError
from bert_core.files import whole_file


class TFRecordWriter:
    """Writes one record after the other.

    Args:
        stream: Where to.
        path: The file, as errors name it.
    """

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self._stream = stream
        self._path = path
        self.count = 0

    def write(self, row: Row) -> None:
        """Write a record; its columns keep the names that they have there.

        Raises:
            DataError: A column is no int32, int64 or float32.
        """
        try:
            self._write(example.encode(row))
        except ValueError as error:
            raise DataError(str(error), where=f"{self._path}: record {self.count + 1}") from None

    def write_many(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Write many records of one length, much faster than one by one.

        Args:
            columns: (records, values) each.

        Raises:
            DataError: A column is no int32, int64 or float32.
        """
        try:
            for content in encode_rows(columns):
                self._write(content)
        except ValueError as error:
            raise DataError(str(error), where=f"{self._path}: record {self.count + 1}") from None

    def _write(self, content: bytes) -> None:
        length = len(content).to_bytes(8, "little")
        checksums = [masked_crc32c(part).to_bytes(4, "little") for part in (length, content)]
        self._stream.write(b"".join([length, checksums[0], content, checksums[1]]))
        self.count += 1


@contextmanager
def tfrecord_writer(path: Path) -> Iterator[TFRecordWriter]:
    """A writer of a file that is there when the block ends well, and not there when it does not.

    Raises:
        DataError: It cannot be written, such as where the disk is full.
    """
    try:
        with whole_file(path) as stream:
            yield TFRecordWriter(stream, path)
    except OSError as error:
        raise DataError(f"it cannot be written: {error.strerror}", where=path) from None
