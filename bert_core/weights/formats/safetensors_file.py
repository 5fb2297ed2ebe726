"""One `model.safetensors`, read with suspicion: its header is checked whole, its tensors are read one at a time.

The format is https://huggingface.co/docs/safetensors. The `safetensors` library reads it through a memory map,
knows no bfloat16 without another framework, and answers a bad file in the words of its parser; here each
refusal is a sentence, and a file that shrinks under the reader is an error and not a signal.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from bert_core.errors import CheckpointError
from bert_core.weights.archive import SIZES, Stored

from .floats import READ_AS, as_float32

_HEADER_LIMIT = 4 << 20  # bytes; that of a BERT of 24 layers is under 50 KiB
_DIMENSIONS_LIMIT = 32
_ITEMS_LIMIT = 1 << 48  # of a shape, a size of 0 left out: what NumPy can shape


@dataclass(frozen=True)
class Entry(Stored):
    """A tensor as the header describes it; `start` and `end` are bytes of the file."""

    start: int
    end: int


class SafetensorsFile:
    """The tensors of one file.

    Attributes:
        path: The file.
        files: The same.
        tensors: What the header says of each tensor, by name.
    """

    def __init__(self, path: Path) -> None:
        """Read and check the header; no tensor is read.

        Raises:
            CheckpointError: The file is no regular file, cut short, or its header is not what the format allows.
        """
        self.path = path
        self.files = (path,)
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # asked before opening: a pipe would wait for a writer
                raise _HeaderError("it is not a regular file")
            with path.open("rb") as file:
                self.tensors: Mapping[str, Entry] = MappingProxyType(_entries(file))
        except OSError as error:
            raise CheckpointError(f"cannot read the weights: {error.strerror}", where=path) from error
        except _HeaderError as error:
            hint = "The file is damaged or not a safetensors file: fetch it again"
            raise CheckpointError(str(error), where=path, hint=hint) from None

    def read(self, name: str) -> NDArray[np.float32]:
        """One tensor; half, double and bfloat16 numbers become float32.

        Raises:
            CheckpointError: It holds no floating-point numbers, or the file has changed since it was opened.
        """
        entry = self.tensors[name]
        if entry.dtype not in READ_AS:
            what = f"the tensor {name!r} is stored as {entry.dtype}, and weights are F32, F16, BF16 or F64"
            raise CheckpointError(what, where=self.path)
        count = math.prod(entry.shape)
        try:
            stored = np.fromfile(self.path, READ_AS[entry.dtype], count=count, offset=entry.start)
        except OSError as error:
            raise CheckpointError(f"cannot read the weights: {error.strerror}", where=self.path) from error
        if stored.size != count:
            raise CheckpointError(f"the file ends inside the tensor {name!r}: it has changed", where=self.path)
        return as_float32(stored, entry.dtype).reshape(entry.shape)


class _HeaderError(Exception):
    """A sentence about what is wrong with a header."""


def _entries(file: IO[bytes]) -> dict[str, Entry]:
    header, data_start, data_size = _header(file)
    entries = {name: _entry(name, said, data_start) for name, said in header.items() if name != "__metadata__"}
    place = data_start
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].end)):
        if entry.start != place:
            kind = "overlaps the one before it" if entry.start < place else "leaves a gap before it"
            raise _HeaderError(f"the tensor {name!r} {kind}")
        place = entry.end
    if place != data_start + data_size:
        raise _HeaderError(f"its header describes {place - data_start} bytes of tensors and the file holds {data_size}")
    return entries


def _header(file: IO[bytes]) -> tuple[dict[str, Any], int, int]:
    """The header, where the tensors start, and how many bytes of them there are."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    rest = size - 8
    if rest < 2 or length > rest:
        raise _HeaderError(f"it has {size} bytes, too few for the header of {length} bytes that it announces")
    if length > _HEADER_LIMIT:
        raise _HeaderError(f"its header has {length} bytes, more than the {_HEADER_LIMIT} that are read")
    try:
        header = json.loads(file.read(length), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise _HeaderError(f"its header is not JSON ({error})") from None
    if not isinstance(header, dict):
        raise _HeaderError("its header is not a JSON object")
    return header, 8 + length, rest - length


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _HeaderError("its header gives one name twice")
    return found


def _entry(name: str, said: Any, data_start: int) -> Entry:
    if not isinstance(said, dict) or not {"dtype", "shape", "data_offsets"} <= said.keys():
        raise _HeaderError(f"the header says no dtype, shape and data_offsets of the tensor {name!r}")
    dtype, shape, offsets = said["dtype"], said["shape"], said["data_offsets"]
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise _HeaderError(f"the tensor {name!r} has the dtype {dtype!r}, which bertrun does not know")
    if not _are_sizes(shape) or len(shape) > _DIMENSIONS_LIMIT:
        raise _HeaderError(f"the shape of the tensor {name!r} is not a list of whole numbers")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise _HeaderError(f"the data_offsets of the tensor {name!r} are not two whole numbers")
    start, end = offsets
    size = math.prod(shape) * SIZES[dtype]
    if end - start != size:
        raise _HeaderError(f"the tensor {name!r}, {dtype} of shape {tuple(shape)}, has {end - start} bytes, not {size}")
    if math.prod(filter(None, shape)) > _ITEMS_LIMIT:
        raise _HeaderError(f"the tensor {name!r} has a shape that no array can have, {tuple(shape)}")
    return Entry(dtype, tuple(shape), data_start + start, data_start + end)


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(_is_size(value) for value in values)


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63
