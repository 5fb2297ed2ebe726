"""Records of a file, a folder or a glob, whatever their format: one source, read by number."""

from __future__ import annotations

import glob
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bert_core.data.bad_records import BadRecords
from bert_core.data.columns import Column, Row
from bert_core.data.mindrecord import MindRecordFile
from bert_core.data.mindrecord_index import is_mindrecord
from bert_core.data.opened import unreadable
from bert_core.data.record_file import RecordFile
from bert_core.data.schema import Schema
from bert_core.data.tfrecord import TFRecordFile, is_tfrecord, packing
from bert_core.errors import DataError

Format = Literal["tfrecord", "mindrecord"]

_HEAD = 1024  # bytes that tell a format
_LOOK = 100  # files of a folder that are looked into, to tell records from text
_CHUNK = 256  # records at once, where all are read
_BESIDE = (".db", ".json", ".txt", ".md")  # what lies in a folder beside records
_SAID = ("tfrecord", "tf_record", "mindrecord", "mind_record")  # file names that say that a file is of records


class Records(Protocol):
    """Records that are read by number, from 0; worker processes may be sent them."""

    @property
    def columns(self) -> Mapping[str, Column]:
        """The columns of each record, by our names."""

    @property
    def stored(self) -> Mapping[str, str]:
        """For each name of ours, the name that the first file has."""

    @property
    def format(self) -> Format:
        """Of every file."""

    @property
    def paths(self) -> Sequence[Path]:
        """The files."""

    @property
    def notes(self) -> Sequence[str]:
        """One sentence for each thing that was decided when they were opened."""

    @property
    def kept(self) -> NDArray[np.int64] | None:
        """Numbers of those records, over all files, that count; None for all."""

    def __len__(self) -> int:
        """How many there are."""

    def read(self, index: int) -> Row:
        """One record.

        Raises:
            DataError: It is damaged or lacks a column, with its place.
        """

    def read_many(self, indices: Sequence[int] | NDArray[np.int64]) -> list[Row]:
        """Records in the order that is asked for; much faster than one by one.

        Raises:
            DataError: One of them is damaged or lacks a column, with its place.
        """

    def where(self, index: int) -> str:
        """The file of a record, its number there counted from 1, and the byte at which it starts."""


class FileRecords:
    """Records of files, one file after the other.

    Args:
        files: In order.
        kept: Numbers of those records, over all files, that count; None for all.
        notes: See `Records`.
    """

    def __init__(
        self, files: Sequence[RecordFile], kept: NDArray[np.int64] | None = None, notes: Sequence[str] = ()
    ) -> None:
        self._files = tuple(files)
        self._ends = np.cumsum([len(file) for file in files])
        self.kept = kept
        self.notes = tuple(notes)

    def __len__(self) -> int:
        return int(self._ends[-1]) if self.kept is None else len(self.kept)

    @property
    def paths(self) -> Sequence[Path]:
        """See `Records`."""
        return [file.path for file in self._files]

    @property
    def columns(self) -> Mapping[str, Column]:
        """See `Records`."""
        return next((file.columns for file in self._files if len(file)), self._files[0].columns)

    @property
    def stored(self) -> Mapping[str, str]:
        """See `Records`."""
        return next((file.stored for file in self._files if len(file)), self._files[0].stored)

    @property
    def format(self) -> Format:
        """See `Records`."""
        return "mindrecord" if isinstance(self._files[0], MindRecordFile) else "tfrecord"

    def read(self, index: int) -> Row:
        """See `Records`."""
        file, number = self._place(index)
        return file.read_many([number])[0]

    def read_many(self, indices: Sequence[int] | NDArray[np.int64]) -> list[Row]:
        """See `Records`."""
        numbers = self._numbers(indices)
        order = np.argsort(numbers, kind="stable")  # neighbours are read at once
        rows: list[Row] = [{}] * len(numbers)
        for file, places in self._by_file(numbers, order):
            first = int(self._ends[file]) - len(self._files[file])
            read = self._files[file].read_many((numbers[places] - first).tolist())
            for place, row in zip(places.tolist(), read, strict=True):
                rows[place] = row
        return rows

    def where(self, index: int) -> str:
        """See `Records`."""
        file, number = self._place(index)
        return file.where(number)

    def _place(self, index: int) -> tuple[RecordFile, int]:
        """The file of a record, and its number there."""
        number = int(self._numbers([index])[0])
        place = bisect_right(self._ends, number)
        return self._files[place], number - int(self._ends[place]) + len(self._files[place])

    def _numbers(self, indices: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """The numbers of records over all files."""
        asked = np.asarray(indices, np.int64)
        wrong = (asked < 0) | (asked >= len(self))
        if wrong.any():
            raise IndexError(f"there is no record {asked[wrong][0]}; the {len(self)} records are counted from 0")
        return asked if self.kept is None else self.kept[asked]

    def _by_file(self, numbers: NDArray[np.int64], order: NDArray[np.intp]) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """Each file, and the places in the order whose records are in it."""
        files = np.searchsorted(self._ends, numbers[order], side="right")
        cuts = [0, *(np.flatnonzero(np.diff(files)) + 1).tolist(), len(files)]
        for start, end in pairwise(cuts):
            if start < end:
                yield int(files[start]), order[start:end]


def is_records(source: Path | str) -> bool:
    """Whether what is named holds records and no text: by what is in the files, or by a name such as `x.tfrecord`."""
    try:  # a pipe is not looked into: what is read from it is gone
        files = [path for path in islice(_paths(source), _LOOK) if path.is_file()]
        return any(_said(path) or _format(path) is not None for path in files)
    except DataError:
        return False


def open_records(source: Path | str, *, schema: Schema | None = None, on_bad: BadRecords | None = None) -> Records:
    """The records of a file, of all files of a folder, or of all files that a glob finds, in the order of their names.

    Args:
        source: TFRecords or MindRecords, told apart by what is in them.
        schema: What columns TFRecords have, where not what the first record has, and how many rows count.
        on_bad: What is done about records that cannot be read. None stops where a TFRecord has one, before anything is
            read. A limit reads all records once, so that every process that opens them leaves out the same; behind a
            damaged length no record can be found, and there it stops too.

    Raises:
        DataError: There are no records, or they are damaged, or their columns differ from file to file.
    """
    schema, policy = schema or Schema(), on_bad or BadRecords()
    files = [_open(path, schema) for path in _paths(source)]
    _check_alike(files, source)
    bad = _found_bad(files, policy) if policy.limit else _first_bad(files)
    return FileRecords(files, *_kept(sum(map(len, files)), schema, bad, files))


def _kept(
    count: int, schema: Schema, bad: Mapping[int, DataError], files: Sequence[RecordFile]
) -> tuple[NDArray[np.int64] | None, list[str]]:
    """The numbers of the records that count, None for all, and what is to say about it."""
    notes = [f"left out: {error.where}: {error.what}" for error in bad.values()]
    if schema.columns is not None and isinstance(files[0], MindRecordFile):
        notes.append("the schema's columns are not used: MindRecords say themselves what they hold")
    if schema.rows is not None and schema.rows < count - len(bad):
        notes.append(f"{schema.rows} of {count - len(bad)} records are read, as the schema's numRows says")
    elif not bad:
        return None, notes
    return np.setdiff1d(np.arange(count), list(bad))[: schema.rows], notes


def _first_bad(files: Sequence[RecordFile]) -> dict[int, DataError]:
    """Raises for the first record that is known to be damaged."""
    for file in files:
        file.read_many(file.damaged[:1])
    return {}


def _found_bad(files: Sequence[RecordFile], policy: BadRecords) -> dict[int, DataError]:
    """The records that cannot be read, by their numbers over all files, with the reasons."""
    bad: dict[int, DataError] = {}
    before = 0
    for file in files:
        for number, error in _unread(file):
            if len(bad) == policy.limit:
                hint = f"`--on-bad-record {policy}` leaves out {policy.limit}, and this is one more"
                raise DataError(error.what, where=error.where, hint=hint)
            bad[before + number] = error
        before += len(file)
    return bad


def _unread(file: RecordFile) -> Iterator[tuple[int, DataError]]:
    for start in range(0, len(file), _CHUNK):
        numbers = range(start, min(start + _CHUNK, len(file)))
        try:
            file.read_many(numbers)
        except DataError:
            for number in numbers:
                try:
                    file.read_many([number])
                except DataError as error:
                    yield number, error


def _paths(source: Path | str) -> list[Path]:
    """The files that are named, in order."""
    path = Path(source)
    if path.is_dir():
        found = [one for one in _listed_files(path) if one.suffix.lower() not in _BESIDE]
        nothing = "there is no file of records in this folder"
    elif path.exists():
        return [path]
    elif glob.has_magic(str(source)):
        found = [Path(one) for one in glob.glob(str(source), recursive=True)]
        found = [one for one in found if one.is_file() and one.suffix.lower() != ".db"]
        nothing = "no file has such a name"
    else:
        raise DataError("there is no such file or folder", where=source)
    if not found:
        raise DataError(nothing, where=source)
    return sorted(found)


def _listed_files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError as error:
        raise unreadable(folder, error) from None


def _said(path: Path) -> bool:
    return any(said in path.name.lower() for said in _SAID)


def _format(path: Path) -> str | None:
    """`TFRecord`, `MindRecord`, `GZIP` or `ZLIB`; None for anything else and for what is empty."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError as error:
        raise unreadable(path, error) from None
    if is_mindrecord(head):
        return "MindRecord"
    return "TFRecord" if is_tfrecord(head) else packing(head)


def _open(path: Path, schema: Schema) -> RecordFile:
    if not path.is_file():
        raise DataError("it is not a file", where=path)
    format_ = _format(path)
    if format_ == "MindRecord":
        return MindRecordFile(path)
    if format_ == "TFRecord" or path.stat().st_size == 0:
        return TFRecordFile(path, schema.columns)
    if format_ is not None:
        how = "gzip -dc" if format_ == "GZIP" else "zlib-flate -uncompress <"
        what = f"it is a TFRecord compressed with {format_}, in which no record can be read by its number"
        raise DataError(what, where=path, hint=f"Unpack it first: `{how} {path.name} > NEW`")
    what = "it is neither a TFRecord nor a MindRecord, or its first bytes are damaged"
    raise DataError(what, where=path, hint="Name the files of records only, such as with 'folder/*.tfrecord'")


def _check_alike(files: Sequence[RecordFile], source: Path | str) -> None:
    """Refuse files whose records are not of one kind, and files without any."""
    filled = [file for file in files if len(file)]
    if not filled and not files[0].columns:
        raise DataError("there is no record in it", where=source, hint="It is empty: write the records again")
    for file in filled[1:]:
        if type(file) is not type(filled[0]):
            raise DataError(f"this and {filled[0].path} are records of two formats", where=file.path)
        if dict(file.columns) != dict(filled[0].columns):
            what = f"its columns are {_listed(file)}, and those of {filled[0].path} are {_listed(filled[0])}"
            raise DataError(what, where=file.path, hint="Read one of them alone")


def _listed(file: RecordFile) -> str:
    return ", ".join(str(column) for column in file.columns.values())
