"""Files that are read at any place, in any process, without one place that all share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from bert_core.errors import DataError

_AT_ONCE = 1 << 24  # bytes


class Version(NamedTuple):
    """What tells that a file is still the one that was indexed.

    Args:
        size: In bytes.
        mtime_ns: When its content was last written.
    """

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> Version:
        """The version that is there now.

        Raises:
            DataError: It cannot be looked at.
        """
        try:
            status = path.stat()
        except OSError as error:
            raise unreadable(path, error) from None
        return cls(status.st_size, status.st_mtime_ns)


def read_at(path: Path, version: Version, place: int, size: int) -> bytes:
    """Some bytes of a file.

    Raises:
        DataError: The file cannot be read, or is no longer the one that was indexed.
    """
    try:
        content = os.pread(_open(path, version).descriptor, size, place)
    except OSError as error:
        raise unreadable(path, error) from None
    if len(content) != size:
        raise _changed(path)
    return content


def read_parts(path: Path, version: Version, parts: Sequence[tuple[int, int]]) -> list[bytes]:
    """Parts of a file, each from its start to its end; those that lie one behind the other are read at once.

    Raises:
        DataError: The file cannot be read, or is no longer the one that was indexed.
    """
    contents: list[bytes] = []
    for first, last in _joined(parts):
        begin = parts[first][0]
        content = read_at(path, version, begin, parts[last - 1][1] - begin)
        contents += [content[start - begin : end - begin] for start, end in parts[first:last]]
    return contents


def _joined(parts: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Which parts are read at once, as the number of the first one and the number behind the last one."""
    first = 0
    for number in range(1, len(parts) + 1):
        far = number < len(parts) and parts[number][1] - parts[first][0] > _AT_ONCE
        if number == len(parts) or far or parts[number][0] != parts[number - 1][1]:
            yield first, number
            first = number


def unreadable(path: Path, error: OSError) -> DataError:
    """The sentence for a file that the system does not give."""
    return DataError(f"it cannot be read: {error.strerror}", where=path)


class _Open:
    """A descriptor that is closed when nobody holds it any more."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)


# A corpus may have more files than a process may have open. Reading at a place moves none, so forks may share one.
@lru_cache(maxsize=64)
def _open(path: Path, version: Version) -> _Open:
    opened = _Open(path)
    status = os.fstat(opened.descriptor)
    if (status.st_size, status.st_mtime_ns) != version:
        raise _changed(path)
    return opened


def _changed(path: Path) -> DataError:
    return DataError("the file changed while it was read", where=path, hint="Start again when nothing writes to it")
