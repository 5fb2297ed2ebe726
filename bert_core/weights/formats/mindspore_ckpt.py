"""A MindSpore checkpoint, `.ckpt`: read without MindSpore and with suspicion, and written as MindSpore writes it.

A tensor of more than 512 MiB is stored in slices: values with one name, one behind the other, each with the whole
shape. Behind the message may stand `crc_num` and the CRC-32 of all before it, in 10 bytes. Opening a file of gigabytes
reads kilobytes of it, and a file that shrinks under the reader is an error and not a signal.
"""

from __future__ import annotations

import math
import os
import stat
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from bert_core.errors import CheckpointError
from bert_core.files import flush_to_disk, whole_file
from bert_core.weights.archive import Stored

from .checkpoint_message import MessageError, Slice, before_content, slices
from .floats import READ_AS, as_float32

# What MindSpore calls a type, what the safetensors format calls it, and the bytes of an item.
_TYPES: Mapping[str, tuple[str, int]] = {
    "Bool": ("BOOL", 1),
    "Int8": ("I8", 1),
    "Int16": ("I16", 2),
    "Int32": ("I32", 4),
    "Int64": ("I64", 8),
    "UInt8": ("U8", 1),
    "UInt16": ("U16", 2),
    "UInt32": ("U32", 4),
    "UInt64": ("U64", 8),
    "Float16": ("F16", 2),
    "Float32": ("F32", 4),
    "Float64": ("F64", 8),
    "BFloat16": ("BF16", 2),
}
_TEXT = "str"
_WRITTEN_AS = {name.lower(): name for name in _TYPES if name != "BFloat16"}
_SLICE = 512 << 20  # bytes; SLICE_SIZE of mindspore/train/serialization.py

_CHECKSUM_MARK, _CHECKSUM_SIZE = b"crc_num", 10
# The first bytes of what save_checkpoint(enc_key=...) writes with AES-GCM, AES-CBC and SM4-CBC.
_ENCRYPTED = tuple(bytes.fromhex(magic) for magic in ("d85e3a7f", "d95e3a7f", "da5e3a7f"))
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Entry(Stored):
    """A tensor as the file describes it; `places` are bytes of the file, [start, end), in order."""

    places: tuple[tuple[int, int], ...]


class MindsporeCkpt:
    """The tensors of one file.

    Where the file has a checksum, it is compared when the first tensor is read, which reads the file once.

    Attributes:
        path: The file.
        files: The same.
        tensors: What the file says of each tensor, by name. Texts are listed as STRING and cannot be read.
    """

    def __init__(self, path: Path) -> None:
        """Find and check what describes the tensors; no tensor is read.

        Raises:
            CheckpointError: The file is no regular file, encrypted, cut short, or not what the format allows.
        """
        self.path = path
        self.files = (path,)
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # asked before opening: a pipe would wait for a writer
                raise MessageError("it is not a regular file")
            with path.open("rb") as file:
                self._end, self._unchecked = _end_and_checksum(file)
                self.tensors: Mapping[str, Entry] = MappingProxyType(_entries(file, self._end))
        except OSError as error:
            raise CheckpointError(f"cannot read the weights: {error.strerror}", where=path) from error
        except _EncryptedError:
            what = "it is encrypted: save_checkpoint was given an enc_key"
            hint = "Load it in MindSpore with the dec_key and save it without a key"
            raise CheckpointError(what, where=path, hint=hint) from None
        except MessageError as error:
            hint = "The file is damaged or not a MindSpore checkpoint: fetch it again"
            raise CheckpointError(str(error), where=path, hint=hint) from None

    def read(self, name: str) -> NDArray[np.float32]:
        """One tensor; half, double and bfloat16 numbers become float32.

        Raises:
            CheckpointError: It holds no floating-point numbers, the file has changed since it was opened, or its
                checksum is not the one that it gives.
        """
        entry = self.tensors[name]
        if entry.dtype not in READ_AS:
            what = f"the tensor {name!r} is stored as {entry.dtype}, and weights are F32, F16, BF16 or F64"
            raise CheckpointError(what, where=self.path)
        stored = np.empty(math.prod(entry.shape), READ_AS[entry.dtype])
        try:
            with self.path.open("rb") as file:
                self._compare_checksum(file)
                whole = _fill(stored.view(np.uint8), file, entry.places)
        except OSError as error:
            raise CheckpointError(f"cannot read the weights: {error.strerror}", where=self.path) from error
        if not whole:
            raise CheckpointError(f"the file ends inside the tensor {name!r}: it has changed", where=self.path)
        return as_float32(stored, entry.dtype).reshape(entry.shape)

    def _compare_checksum(self, file: BufferedReader) -> None:
        if self._unchecked is None:
            return
        found = _checksum(file, self._end)
        if found != self._unchecked:
            what = f"its CRC-32 is {found}, and {self._unchecked} was written behind it"
            raise CheckpointError(what, where=self.path, hint="The file is damaged: fetch it again")
        self._unchecked = None


def write_ckpt(path: Path, tensors: Iterable[tuple[str, NDArray[Any]]]) -> None:
    """Write tensors as `mindspore.save_checkpoint` does, whole or not at all.

    No checksum is written, which MindSpore 1 could not read past. MindSpore wants the name to end in `.ckpt`.

    Args:
        path: The file; one that is there already is replaced.
        tensors: Names and values, asked for one at a time.

    Raises:
        CheckpointError: The file cannot be written.
        ValueError: Two tensors have one name, or one has a type that the format does not hold, or no numbers.
    """
    names: set[str] = set()
    try:
        with whole_file(path) as file:
            for name, values in tensors:
                if name in names:  # MindSpore would take them for slices
                    raise ValueError(f"two tensors are named {name!r}")
                names.add(name)
                _write(file, name, values)
        flush_to_disk(path.resolve().parent)
    except OSError as error:
        raise CheckpointError(f"cannot write the weights: {error.strerror or error}", where=path) from error


class _EncryptedError(Exception):
    """The file is a secret."""


def _end_and_checksum(file: BufferedReader) -> tuple[int, int | None]:
    """Where the message ends, and the checksum behind it if there is one."""
    if file.read(len(_ENCRYPTED[0])) in _ENCRYPTED:
        raise _EncryptedError
    size = os.fstat(file.fileno()).st_size
    end = max(size - len(_CHECKSUM_MARK) - _CHECKSUM_SIZE, 0)
    file.seek(end)
    mark, checksum = file.read(len(_CHECKSUM_MARK)), file.read(_CHECKSUM_SIZE)
    return (end, int.from_bytes(checksum, "big")) if mark == _CHECKSUM_MARK else (size, None)


def _checksum(file: BufferedReader, end: int) -> int:
    """The CRC-32 of a file's first bytes."""
    found = 0
    file.seek(0)
    while (place := file.tell()) < end and (block := file.read(min(_BLOCK, end - place))):
        found = zlib.crc32(block, found)
    return found


def _entries(file: BufferedReader, end: int) -> dict[str, Entry]:
    parts: dict[str, list[Slice]] = {}
    before = None
    for part in slices(file, end):
        if part.name in parts and part.name != before:
            raise MessageError(f"the tensor {part.name!r} is stored twice")
        parts.setdefault(part.name, []).append(part)
        before = part.name
    if not parts:
        raise MessageError("it holds no tensors")
    return {name: _entry(name, together) for name, together in parts.items()}


def _entry(name: str, parts: Sequence[Slice]) -> Entry:
    type_, shape = parts[0].type, parts[0].shape
    if any((part.type, part.shape) != (type_, shape) for part in parts):
        raise MessageError(f"the slices of the tensor {name!r} differ in type or shape")
    places = tuple(part.place for part in parts)
    if type_ == _TEXT:
        return Entry("STRING", (), places)
    if type_ not in _TYPES:
        raise MessageError(f"the tensor {name!r} has the type {type_!r}, which bertrun does not know")
    dtype, item = _TYPES[type_]
    stored = sum(end - start for start, end in places)
    if shape == (0,) and stored == item:  # so MindSpore 1 wrote a single number
        shape = ()
    if stored != math.prod(shape) * item:
        expected = math.prod(shape) * item
        raise MessageError(f"the tensor {name!r}, {type_} of shape {shape}, has {stored} bytes, not {expected}")
    return Entry(dtype, shape, places)


def _fill(room: NDArray[np.uint8], file: BufferedReader, places: Iterable[tuple[int, int]]) -> bool:
    """Read the bytes of these places; whether they were all there."""
    filled = 0
    for start, end in places:
        file.seek(start)
        filled += file.readinto(room[filled : filled + end - start].data)
    return filled == room.size


def _write(file: IO[bytes], name: str, values: NDArray[Any]) -> None:
    """A tensor, as one value or several."""
    if values.dtype.name not in _WRITTEN_AS or values.size == 0:
        raise ValueError(f"the tensor {name!r}, {values.dtype} of shape {values.shape}, cannot be stored")
    type_ = _WRITTEN_AS[values.dtype.name]
    ordered = np.asarray(values, values.dtype.newbyteorder("<"), order="C")
    content = ordered.reshape(-1).view(np.uint8)
    for start in range(0, content.size, _SLICE):
        part = content[start : start + _SLICE]
        file.write(before_content(name, type_, values.shape, part.size))
        file.write(part.data)
