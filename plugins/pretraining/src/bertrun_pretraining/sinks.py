"""Where records go: what a writer of record files must do, and one that writes NumPy's `.npz`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .columns import Column


class RecordSink(Protocol):
    """One shard that is being written; nothing stands at its path before `commit`."""

    def write(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Append records: for each column (records, length), int32 or float32, in the columns' order."""

    def commit(self) -> Sequence[Path]:
        """Put the shard in its place, whole and on the disk; give its files, two for a MindRecord."""

    def abort(self) -> None:
        """Remove what was written."""


class SinkFactory(Protocol):
    """Opens shards. It goes to the worker processes, so it can be pickled.

    Attributes:
        format: The name of the format, for the index.
        suffix: How a shard's file name ends, such as `.tfrecord`.
    """

    @property
    def format(self) -> str:
        """The name of the format."""

    @property
    def suffix(self) -> str:
        """How a shard's file name ends."""

    def __call__(self, path: Path, columns: Mapping[str, Column]) -> RecordSink:
        """Begin a shard that will stand at `path`; what a killed process left there unfinished is replaced."""


class NpzSinks:
    """Shards as `.npz`: one array for each column, (records, length). For tests and for reading with NumPy."""

    format = "npz"
    suffix = ".npz"

    def __call__(self, path: Path, columns: Mapping[str, Column]) -> RecordSink:
        """Begin a shard; its records are kept in memory until they are committed."""
        return _NpzSink(path, columns)


class _NpzSink:
    def __init__(self, path: Path, columns: Mapping[str, Column]) -> None:
        self._path = path
        self._new = path.with_name(f".{path.name}.new")
        self._columns = columns
        self._parts: list[Mapping[str, NDArray[Any]]] = []

    def write(self, columns: Mapping[str, NDArray[Any]]) -> None:
        self._parts.append(dict(columns))

    def commit(self) -> list[Path]:
        with self._new.open("wb") as stream:
            np.savez(stream, **{name: self._joined(name) for name in self._columns})
            stream.flush()
            os.fsync(stream.fileno())
        self._new.replace(self._path)
        return [self._path]

    def abort(self) -> None:
        self._new.unlink(missing_ok=True)

    def _joined(self, name: str) -> NDArray[Any]:
        column = self._columns[name]
        return np.concatenate([np.empty((0, column.length), column.type), *(part[name] for part in self._parts)])
