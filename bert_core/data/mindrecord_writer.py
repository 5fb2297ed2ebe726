"""MindRecords are written: the file and its index, both whole, or neither.

MindSpore 2.10 has a writer, `FileWriter`. It is not used: where the disk is full it ends the whole process with a
segmentation fault, a record that does not fit its schema it drops with a warning, and a single value that is NaN ends
the process too. That MindSpore reads what is written here is tested.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from bert_core.data.columns import Column, Row, as_column
from bert_core.data.mindrecord_blob import encode_list, joined
from bert_core.data.mindrecord_index import SIZE, VERSION, index_of
from bert_core.errors import DataError
from bert_core.files import flush_to_disk

_HEADER_SIZE = 16 << 20  # bytes; both as MindSpore chooses them
_PAGE_SIZE = 32 << 20  # how far pages lie from each other
_PAGE_LIMIT = _PAGE_SIZE  # how far they are filled
_SINGLE = b"\x81\xa2id\x00"  # the single values of a record that has none: {"id": 0} in msgpack
_RAW = len(_SINGLE).to_bytes(SIZE, "little") + _SINGLE

_TABLES = """
    CREATE TABLE INDEXES(ROW_ID INT NOT NULL, PAGE_ID_RAW INT NOT NULL, PAGE_OFFSET_RAW INT NOT NULL,
        PAGE_OFFSET_RAW_END INT NOT NULL, ROW_GROUP_ID INT NOT NULL, PAGE_ID_BLOB INT NOT NULL,
        PAGE_OFFSET_BLOB INT NOT NULL, PAGE_OFFSET_BLOB_END INT NOT NULL, PRIMARY KEY(ROW_ID));
    CREATE TABLE SHARD_NAME(NAME TEXT NOT NULL);
"""


class MindRecordWriter:
    """Writes one record after the other, to pages of arrays; of each page's records the single values are a group.

    Args:
        stream: Where to.
        index: The tables of the index.
        columns: Of each record, with the names that are stored.
        path: The file, as errors name it.
    """

    def __init__(self, stream: IO[bytes], index: sqlite3.Connection, columns: Sequence[Column], path: Path) -> None:
        self.count = 0
        self._stream = stream
        self._index = index
        self._columns = sorted(columns, key=lambda column: column.name)
        self._path = path
        self._page: list[bytes] = []  # the records of the page that is being filled
        self._filled = 0  # bytes of it
        self._pages: list[dict[str, Any]] = []
        self._raw: dict[str, Any] | None = None  # the page of single values that is being filled
        self._saved = 0  # bytes that whole numbers take less than they would at their full width

    def write(self, row: Row) -> None:
        """Write a record; columns that were not announced are left out.

        Raises:
            DataError: A column is not there, or empty, or of another type or shape than was announced.
        """
        try:
            arrays = [_values(row, column) for column in self._columns]
            blob = joined([self._stored(values) for values in arrays])
            if SIZE + len(blob) > _PAGE_LIMIT:
                raise ValueError(f"the record has {len(blob)} bytes, and a page {_PAGE_LIMIT}")
        except ValueError as error:
            raise DataError(str(error), where=f"{self._path}: record {self.count + 1}") from None
        if self._filled + SIZE + len(blob) > _PAGE_LIMIT:
            self._end_page()
        self._page.append(len(blob).to_bytes(SIZE, "little") + blob)
        self._filled += SIZE + len(blob)
        self.count += 1

    def _stored(self, values: NDArray[Any]) -> bytes:
        if values.dtype == np.float32:
            return values.astype("<f4").tobytes()
        coded = encode_list(values)
        self._saved += values.nbytes - len(coded)
        return coded

    def _end_page(self) -> None:
        """Write the page of arrays, the single values of its records, and where all of them are."""
        group = sum(page["page_type"] == "BLOB_DATA" for page in self._pages)
        count, first = len(self._page), self.count - len(self._page)
        blob = self._new_page("BLOB_DATA", group, self._filled, first, self.count)
        blob["row_group_ids"].append({"id": group, "offset": 0})
        self._put(blob, 0, b"".join(self._page))
        raw = self._raw
        if raw is None or raw["page_size"] + count * len(_RAW) > _PAGE_LIMIT:
            number = sum(page["page_type"] == "RAW_DATA" for page in self._pages)
            raw = self._raw = self._new_page("RAW_DATA", number, 0, 0, 0)
        raw["row_group_ids"].append({"id": group, "offset": raw["page_size"]})
        self._put(raw, raw["page_size"], _RAW * count)
        self._note(blob["page_id"], raw["page_id"], raw["page_size"], group)
        raw["page_size"] += count * len(_RAW)
        self._page, self._filled = [], 0

    def _new_page(self, kind: str, number: int, size: int, start: int, end: int) -> dict[str, Any]:
        page = {
            "end_row_id": end,
            "page_id": len(self._pages),
            "page_size": size,
            "page_type": kind,
            "page_type_id": number,
            "row_group_ids": [],
            "shard_id": 0,
            "start_row_id": start,
        }
        self._pages.append(page)
        return page

    def _put(self, page: dict[str, Any], offset: int, content: bytes) -> None:
        self._stream.seek(_HEADER_SIZE + page["page_id"] * _PAGE_SIZE + offset)
        self._stream.write(content)

    def _note(self, blob: int, raw: int, raw_offset: int, group: int) -> None:
        """Write the places of a page's records into the index."""
        ends = np.cumsum([len(record) for record in self._page]).tolist()
        starts = [0, *ends[:-1]]
        first = self.count - len(self._page)
        raws = range(raw_offset, raw_offset + (len(ends) + 1) * len(_RAW), len(_RAW))
        self._index.executemany(
            "INSERT INTO INDEXES VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (first + place, raw, raws[place], raws[place + 1], group, blob, start, end)
                for place, (start, end) in enumerate(zip(starts, ends, strict=True))
            ),
        )

    def end(self) -> None:
        """Write the last page and the header.

        Raises:
            DataError: The header is too small for all pages.
        """
        if self._page:
            self._end_page()
        fields = {column.name: _described(column) for column in self._columns}
        header = {
            "header_size": _HEADER_SIZE,
            "index_fields": None,
            "page": self._pages or None,
            "page_size": _PAGE_SIZE,
            "compression_size": max(self._saved, 0),
            "schema": [{"blob_fields": list(fields), "desc": "bertrun", "schema": fields}],
            "shard_addresses": [self._path.name],
            "shard_id": 0,
            "statistics": None,
            "version": VERSION,
        }
        text = json.dumps(header, separators=(",", ":")).encode()
        if SIZE + len(text) > _HEADER_SIZE:
            what = f"its header would have {len(text)} bytes, and may have {_HEADER_SIZE - SIZE}"
            raise DataError(what, where=self._path, hint="Write several files")
        self._stream.seek(0)
        self._stream.write(len(text).to_bytes(SIZE, "little") + text)
        self._index.execute("INSERT INTO SHARD_NAME VALUES (?)", (self._path.name,))
        self._index.commit()


@contextmanager
def mindrecord_writer(path: Path, columns: Sequence[Column]) -> Iterator[MindRecordWriter]:
    """A writer of a file that is there with its index when the block ends well, and not there when it does not.

    Args:
        path: The file; the index lies beside it, under its name and `.db`.
        columns: With the names that are to be stored. A shape of no dimension cannot be written.

    Raises:
        DataError: It cannot be written, such as where the disk is full.
    """
    bare = next((column.name for column in columns if column.shape == ()), None)
    if bare is not None or not columns:
        what = f"the column '{bare}' has no dimension" if bare else "there is no column"
        raise DataError(what, where=path, hint="Give it the shape [1]" if bare else None)
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        written = folder / path.name
        with written.open("wb") as stream, closing(sqlite3.connect(index_of(written))) as index:
            index.executescript(_TABLES)
            writer = MindRecordWriter(stream, index, columns, path)
            yield writer
            writer.end()
        _move(written, path)
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"it cannot be written: {reason}", where=path) from None
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _described(column: Column) -> dict[str, Any]:
    return {"shape": [-1] if column.shape is None else list(column.shape), "type": column.dtype}


def _values(row: Row, column: Column) -> NDArray[Any]:
    if column.name not in row:
        raise ValueError(f"the record has no column '{column.name}'")
    values = as_column(row[column.name], column)
    if not values.size:
        raise ValueError(f"the column '{column.name}' is empty, which MindSpore 2.10 reads as a number of any value")
    return values


def _move(written: Path, path: Path) -> None:
    """Put the index into its place first: a file without one is an error, an index without its file is nothing."""
    for one in (written, index_of(written)):
        flush_to_disk(one)
    path.unlink(missing_ok=True)
    index_of(written).replace(index_of(path))
    written.replace(path)
    flush_to_disk(path.parent)
