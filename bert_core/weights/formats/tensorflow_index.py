"""The index of a TensorFlow checkpoint: a sorted table with one message for each tensor.

The messages are those of tensorflow/core/protobuf/tensor_bundle.proto; the numbers of their fields stand here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bert_core.protobuf import WireError, fields, signed
from bert_core.weights.archive import Stored
from bert_core.weights.formats import sorted_table

_DIMENSIONS_LIMIT = 32
_ITEMS_LIMIT = 1 << 48
_VERSION = 1  # of the format, the only one so far
_DAMAGED = "The file is damaged or not the index of a TensorFlow checkpoint: fetch it again"
# The numbers of tensorflow/core/framework/types.proto: the word, and the bytes of an item where they are fixed.
# fmt: off
_DTYPES: Mapping[int, tuple[str, int | None]] = {
    1: ("F32", 4), 2: ("F64", 8), 3: ("I32", 4), 4: ("U8", 1), 5: ("I16", 2), 6: ("I8", 1), 7: ("STRING", None),
    8: ("C64", 8), 9: ("I64", 8), 10: ("BOOL", 1), 11: ("QI8", 1), 12: ("QU8", 1), 13: ("QI32", 4), 14: ("BF16", 2),
    15: ("QI16", 2), 16: ("QU16", 2), 17: ("U16", 2), 18: ("C128", 16), 19: ("F16", 2), 21: ("VARIANT", None),
    22: ("U32", 4), 23: ("U64", 8), 24: ("F8_E5M2", 1), 25: ("F8_E4M3", 1),
}
# fmt: on


class IndexFault(Exception):
    """A sentence about what is wrong with an index, and what to do."""

    def __init__(self, what: str, hint: str = _DAMAGED) -> None:
        super().__init__(what)
        self.hint = hint


@dataclass(frozen=True)
class Entry(Stored):
    """A tensor as the index describes it; `start` and `end` are bytes of the data file with the number `shard`."""

    shard: int
    start: int
    end: int
    checksum: int


@dataclass(frozen=True)
class Index:
    """How many data files there are, and what each tensor is."""

    shards: int
    tensors: Mapping[str, Entry]


def parsed(content: bytes) -> Index:
    """What the bytes of an index say; each tensor's size fits its shape, and the data files are not looked at.

    Raises:
        IndexFault: They are damaged, or say what bertrun does not read.
    """
    try:
        described = sorted_table.entries(content)
        key, header = next(described, (None, memoryview(b"")))
        if key != b"":
            raise IndexFault("it does not begin with the header of a TensorFlow checkpoint")
        shards = _shards(header)
        tensors: dict[str, Entry] = {}
        for key, message in described:
            name = _name(key)
            tensors[name] = _entry(name, message, shards)
    except (sorted_table.TableError, WireError) as error:
        raise IndexFault(str(error)) from None
    return Index(shards, MappingProxyType(tensors))


def _shards(header: memoryview) -> int:
    """From a BundleHeaderProto: 1 is the number of data files, 2 the byte order, 3 the version."""
    numbers, messages = _message(header)
    shards, big_endian = numbers.get(1, 0), numbers.get(2, 0)
    if big_endian:
        what = "it was written on a big-endian machine, and bertrun reads little-endian numbers"
        raise IndexFault(what, "Restore it with TensorFlow on a little-endian machine and save it again")
    needed = max((_message(version)[0].get(2, 0) for number, version in messages if number == 3), default=0)
    if needed > _VERSION:
        what = f"it needs a reader of version {needed} of the format, and this one is of version {_VERSION}"
        raise IndexFault(what, "A newer bertrun may read it")
    if not 0 < shards < 1 << 31:
        raise IndexFault(f"its header says that it has {shards} data files")
    return shards


def _name(key: bytes) -> str:
    if key.startswith(b"\0"):  # a part: the key is the variable's name between a 0 and where the part lies
        raise _in_parts(key[1:].partition(b"\0\1")[0].decode("utf-8", "replace"))
    try:
        return key.decode("utf-8")
    except UnicodeDecodeError:
        raise IndexFault(f"its name {key[:80]!r} is not UTF-8") from None


def _in_parts(name: str) -> IndexFault:
    what = f"the variable {name!r} is stored in parts (partitioned), and bertrun reads whole ones"
    return IndexFault(what, "Restore it with TensorFlow without the partitioner and save it again")


def _entry(name: str, message: memoryview, shards: int) -> Entry:
    """From a BundleEntryProto: 1 the dtype, 2 the shape, 3 the data file, 4 offset, 5 size, 6 checksum, 7 parts."""
    try:
        numbers, messages = _message(message)
        shape = _shape([part for number, part in messages if number == 2])
    except WireError as error:
        raise IndexFault(f"what it says of the tensor {name!r} cannot be read: {error}") from None
    if any(number == 7 for number, _ in messages):
        raise _in_parts(name)
    dtype, shard, start, size, checksum = (numbers.get(number, 0) for number in (1, 3, 4, 5, 6))
    if dtype not in _DTYPES:
        raise IndexFault(f"the tensor {name!r} has the dtype {dtype}, which bertrun does not know")
    if not _is_possible(shape):
        raise IndexFault(f"the shape of the tensor {name!r} is not one that a tensor can have")
    if not 0 <= shard < shards or start < 0 or size < 0:
        raise IndexFault(f"the tensor {name!r} has {size} bytes from byte {start} of data file {shard} of {shards}")
    word, item_size = _DTYPES[dtype]
    if item_size is not None and size != math.prod(shape) * item_size:
        expected = math.prod(shape) * item_size
        raise IndexFault(f"the tensor {name!r}, {word} of shape {shape}, has {size} bytes, not {expected}")
    return Entry(word, shape, shard, start, start + size, checksum)


def _shape(parts: Sequence[memoryview]) -> tuple[int, ...]:
    """From a TensorShapeProto: its field 2 is a dimension, whose field 1 is the size."""
    dimensions = [dimension for part in parts for number, dimension in _message(part)[1] if number == 2]
    return tuple(_message(dimension)[0].get(1, 0) for dimension in dimensions)


def _is_possible(shape: tuple[int, ...]) -> bool:
    """Whether NumPy can make it: it refuses a large size even beside one of 0."""
    few = len(shape) <= _DIMENSIONS_LIMIT and all(length >= 0 for length in shape)
    return few and math.prod(max(length, 1) for length in shape) <= _ITEMS_LIMIT


def _message(view: memoryview) -> tuple[dict[int, int], list[tuple[int, memoryview]]]:
    """The numbers of a message, the last of each field as protocol buffers have it, and everything else."""
    numbers: dict[int, int] = {}
    others: list[tuple[int, memoryview]] = []
    for number, _, value in fields(view):
        if isinstance(value, int):
            numbers[number] = signed(value)
        else:
            others.append((number, value))
    return numbers, others
