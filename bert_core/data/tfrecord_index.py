"""Where each record of a TFRecord starts: found once by reading the file through, then kept in the user's cache.

A record is its length (8 bytes, little-endian), the checksum of the length, the content, and the checksum of the
content (https://www.tensorflow.org/tutorials/load_data/tfrecord). The index is not kept beside the file: data is often
on a disk that is shared or cannot be written, and a folder of records that is given whole, here or to TensorFlow, must
hold records only.
"""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from bert_core.cache import cache_folder
from bert_core.crc32c import masked_crc32c
from bert_core.data.opened import Version, unreadable
from bert_core.errors import DataError

HEAD = 12  # bytes before the content: the length and its checksum
TAIL = 4  # bytes behind it: its checksum
RECORD_LIMIT = 1 << 26  # bytes; a record of BERT has some thousand

_HEAD = struct.Struct("<QI")
_FORM = 1  # of the kept index; another one is not read
_YOUNG = 2e9  # ns; a file written just now may be written again within what its time can tell


@dataclass(frozen=True)
class Index:
    """Where the records of a file are.

    Args:
        version: Of the file.
        offsets: (records + 1,) int64: where each record starts, and where the last one ends.
        damaged: (damaged,) int64: numbers of the records whose content is not what was written.
    """

    version: Version
    offsets: NDArray[np.int64]
    damaged: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1


def open_index(path: Path) -> Index:
    """The index of a file: the one that is kept where the file is still the same, else a new one, which is then kept.

    Raises:
        DataError: The file cannot be read, or not be cut into records.
    """
    kept = cache_folder() / "records" / f"{hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]}.npz"
    version = Version.of(path)
    return _load(kept, version) or _keep(kept, build_index(path, version))


def _load(kept: Path, version: Version) -> Index | None:
    """What is kept, if it is of this version and whole."""
    try:
        with np.load(kept, allow_pickle=False) as stored:
            if stored["version"].tolist() != [_FORM, *version]:
                return None
            return Index(version, stored["offsets"], stored["damaged"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def _keep(kept: Path, index: Index) -> Index:
    """Keep an index, where that is possible; each process writes a file of its own and the last rename stays."""
    if time.time_ns() - index.version.mtime_ns < _YOUNG:
        return index
    written = None
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=kept.parent, prefix=".", delete=False) as stream:
            written = Path(stream.name)
            version = np.array([_FORM, *index.version], np.int64)
            np.savez(stream, version=version, offsets=index.offsets, damaged=index.damaged)
        written.replace(kept)
    except OSError:
        if written is not None:
            written.unlink(missing_ok=True)
    return index


def build_index(path: Path, version: Version) -> Index:
    """Read a file through and compare every checksum.

    Raises:
        DataError: The file cannot be read, or a length is damaged, so that no later record can be found.
    """
    offsets: list[int] = []
    damaged: list[int] = []
    try:
        with path.open("rb", buffering=1 << 20) as stream:
            for start, whole in _records(stream, version.size, path):
                if not whole:
                    damaged.append(len(offsets))
                offsets.append(start)
    except OSError as error:
        raise unreadable(path, error) from None
    if Version.of(path) != version:
        raise DataError("the file was written to while it was read", where=path, hint="Try again when it is finished")
    return Index(version, np.array([*offsets, version.size], np.int64), np.array(damaged, np.int64))


def _records(stream: IO[bytes], size: int, path: Path) -> Iterator[tuple[int, bool]]:
    """The start of each record, and whether its content is there and is what was written."""
    place = number = 0
    while place < size:
        number += 1
        length = _content_length(stream.read(HEAD), location(path, number, place), number, place)
        end = place + HEAD + TAIL + (length or 0)
        if length is None or end > size:
            yield place, False
            return
        content = stream.read(length)
        yield place, masked_crc32c(content) == int.from_bytes(stream.read(TAIL), "little")
        place = end


def _content_length(head: bytes, where: str, number: int, place: int) -> int | None:
    """The length that a record's head says, None where the head is cut short."""
    if len(head) < HEAD:
        return None
    length = said_length(head)
    if length is None or length > RECORD_LIMIT:
        said = "is damaged" if length is None else f"is {length} bytes, which no record of BERT has"
        kept = f", or keep the {number - 1} before it with `truncate -s {place}`" if place else ""
        what = f"the record's length {said}, so it and what is behind it cannot be read"
        raise DataError(what, where=where, hint=f"Write the file again{kept}")
    return length


def said_length(head: bytes) -> int | None:
    """The length in the first bytes of a record, None where its checksum is not that of the length."""
    length, checksum = _HEAD.unpack_from(head)
    return int(length) if checksum == masked_crc32c(head[:8]) else None


def location(path: Path, number: int, place: int) -> str:
    """A record as errors name it.

    Args:
        path: Its file.
        number: Counted from 1.
        place: The byte at which it starts, counted from 0.
    """
    return f"{path}: record {number} at byte {place}"
