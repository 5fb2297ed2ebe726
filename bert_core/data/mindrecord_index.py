"""Where the records of a MindRecord are, and of what: its header, and the index in the `.db` beside it.

A file (version 3.0, as MindSpore 2.10 writes it) is the size of a JSON text (8 bytes, little-endian), the text, and
from byte `header_size` on pages of `page_size` bytes. Pages are of arrays (blob) or of single values (raw); in both a
record is its size (8 bytes, little-endian) and its content. The index is a table of SQLite with a row for each record.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from bert_core.data.opened import Version, read_at
from bert_core.errors import DataError

SIZE = 8  # bytes before each record: how many follow
_HEADER_LIMIT = 128 << 20  # bytes, MindSpore's own
VERSION = "3.0"
_KEY = b'{"header_size":'
_INDEX = """
    SELECT ROW_ID, PAGE_ID_BLOB, PAGE_OFFSET_BLOB, PAGE_OFFSET_BLOB_END,
        PAGE_ID_RAW, PAGE_OFFSET_RAW, PAGE_OFFSET_RAW_END
    FROM INDEXES ORDER BY ROW_ID
"""
_CHUNK = 65536  # rows of the index at once
_AGAIN = "Keep the .db that was written with the file beside it, or write the records again"


def is_mindrecord(head: bytes) -> bool:
    """Whether a file that starts with these bytes, at least 64, is a MindRecord."""
    return head[SIZE:].startswith(_KEY) and int.from_bytes(head[:SIZE], "little") <= _HEADER_LIMIT


def index_of(path: Path) -> Path:
    """Where the index of a MindRecord lies."""
    return path.with_name(path.name + ".db")


@dataclass(frozen=True)
class Header:
    """What a file's header says.

    Args:
        blob: Names of the arrays, in the order in which they are stored.
        fields: For each field its type and, of arrays, its shape.
        pages: For each page where it starts, how many bytes it holds, and how many records start in it.
    """

    blob: tuple[str, ...]
    fields: Mapping[str, tuple[str, tuple[int, ...] | None]]
    pages: Mapping[int, tuple[int, int, int]]


def read_header(path: Path, version: Version) -> Header:
    """The header of a file.

    Raises:
        DataError: It is damaged, or of another version of MindRecord.
    """
    size = int.from_bytes(read_at(path, version, 0, min(SIZE, version.size)), "little")
    if version.size < SIZE + size or size > _HEADER_LIMIT:
        what = f"the file has {version.size} bytes, and its header alone should have {size}"
        raise DataError(what, where=path, hint="It was cut short: copy or write it again")
    try:
        header = json.loads(read_at(path, version, SIZE, size))
        if header["version"] != VERSION:
            what = f"it is a MindRecord of version {header['version']}, and bertrun reads version {VERSION}"
            raise DataError(what, where=path, hint="Write the records again with a MindSpore of today")
        begin, page_size, (schema,) = header["header_size"], header["page_size"], header["schema"]
        fields = {
            str(name): (str(field["type"]), tuple(map(int, field["shape"])) if "shape" in field else None)
            for name, field in schema["schema"].items()
        }
        pages = {
            int(page["page_id"]): (
                int(begin + page_size * page["page_id"]),
                int(page["page_size"]),
                int(page["end_row_id"] - page["start_row_id"]) if page["page_type"] == "BLOB_DATA" else 0,
            )
            for page in header["page"] or ()
        }
        blob = tuple(str(name) for name in schema["blob_fields"] if fields[name])
        return Header(blob, fields, pages)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise DataError(f"its header is damaged ({error})", where=path, hint="Write the records again") from None


def read_index(path: Path, header: Header, version: Version) -> NDArray[np.int64]:
    """Where each record's arrays start and end in the file, and its single values: (records, 4) int64.

    Raises:
        DataError: The index is not there, or damaged, or of another file.
    """
    index = index_of(path)
    if not index.is_file():
        raise DataError(f"its index, {index.name}, is not beside it", where=path, hint=_AGAIN)
    try:
        rows = _rows(index)
    except sqlite3.Error as error:
        raise DataError(f"the index of {path.name} is damaged: {error}", where=index, hint=_AGAIN) from None
    count = sum(page[2] for page in header.pages.values())
    if not np.array_equal(rows[:, 0], np.arange(count)):
        what = f"the index is of {len(rows)} records, and not that of {path.name}, which has {count}"
        raise DataError(what, where=index, hint=_AGAIN)
    parts = np.concatenate([_places(rows[:, 1:4], header), _places(rows[:, 4:7], header)], axis=1)
    if (parts < 0).any():
        number = int(np.flatnonzero((parts < 0).any(1))[0]) + 1
        what = f"the index says that record {number} is where {path.name} has none"
        raise DataError(what, where=index, hint=_AGAIN)
    if len(parts) and parts.max() > version.size:
        number = int(np.flatnonzero((parts > version.size).any(1))[0]) + 1
        what = f"the file ends, at byte {version.size}, before its record {number} does"
        raise DataError(what, where=path, hint="It was cut short: copy or write it again")
    return parts


def _rows(index: Path) -> NDArray[np.int64]:
    chunks = [np.zeros((0, 7), np.int64)]
    database = sqlite3.connect(f"file:{quote(str(index.resolve()))}?mode=ro&immutable=1", uri=True)
    try:
        found = database.execute(_INDEX)
        while rows := found.fetchmany(_CHUNK):
            chunks.append(np.array(rows, np.int64))
    except (TypeError, ValueError, OverflowError) as error:
        raise sqlite3.DatabaseError(str(error)) from None
    finally:
        database.close()
    return np.concatenate(chunks)


def _places(rows: NDArray[np.int64], header: Header) -> NDArray[np.int64]:
    """The bytes of a file from page, start and end in it: (records, 2); -1 where the page has no such place."""
    last = max(header.pages, default=0)
    starts, sizes = np.full(last + 1, -1, np.int64), np.full(last + 1, -1, np.int64)
    for number, (start, size, _) in header.pages.items():
        starts[number], sizes[number] = start, size
    page = np.where((rows[:, 0] >= 0) & (rows[:, 0] <= last), rows[:, 0], 0)
    good = (page == rows[:, 0]) & (rows[:, 1] >= 0) & (rows[:, 1] + SIZE <= rows[:, 2]) & (rows[:, 2] <= sizes[page])
    return np.where(good[:, None], starts[page][:, None] + rows[:, 1:], -1)
