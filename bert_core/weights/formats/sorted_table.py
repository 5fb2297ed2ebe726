"""Sorted tables, the file form of LevelDB's, as TensorFlow writes the index of a checkpoint.

A table (https://github.com/google/leveldb/blob/main/doc/table_format.md) is blocks of entries, an empty block, a
block that says where the first ones are, and a footer that says where the last two are. TensorFlow leaves no gap
between them, and none is allowed here, so that each byte is under a checksum or compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from bert_core.crc32c import masked_crc32c
from bert_core.protobuf import WireError, encode_varint, varint
from bert_core.weights.formats.snappy import SnappyError, unpacked

MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")  # the last bytes of each table
_HANDLES_SIZE = 40
_FOOTER_SIZE = _HANDLES_SIZE + len(MAGIC)
_TRAILER_SIZE = 5  # behind each block: how it is stored, and the checksum
_PLAIN, _SNAPPY = 0, 1
_UNFOLDED_LIMIT = 16 << 20  # bytes; keys are stored without what they share, so a small file can unfold to much

_Handle = tuple[int, int]  # where a block starts, and how long it is without its trailer
_Pair = tuple[bytes, memoryview]


class TableError(ValueError):
    """A sentence about why bytes are no sorted table."""


def entries(table: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Each key with its value, in the order of the keys.

    Raises:
        TableError: The table is cut short or damaged, or none.
    """
    content = memoryview(table)
    try:
        blocks = (_pairs(_block(content, handle)) for handle in _data_handles(content))
        yield from _ascending(_bounded(chain.from_iterable(blocks)))
    except WireError as error:
        raise TableError(str(error)) from None


def _data_handles(table: memoryview) -> list[_Handle]:
    """Where the blocks of entries are, after it is checked that the table is blocks and nothing else."""
    empty, index = _footer(table)
    data = [_handle(value, 0)[0] for _, value in _bounded(_pairs(_block(table, index)))]
    place = 0
    for start, size in [*data, empty, index]:
        if start != place:
            raise TableError(f"it has a block at byte {start}, and the one before ends at byte {place}")
        place += size + _TRAILER_SIZE
    if place != len(table) - _FOOTER_SIZE:
        raise TableError(f"its last block ends at byte {place}, and its footer is at {len(table) - _FOOTER_SIZE}")
    if any(True for _ in _pairs(_block(table, empty))):
        raise TableError("it has blocks of a kind that TensorFlow does not write")
    return data


def _footer(table: memoryview) -> tuple[_Handle, _Handle]:
    """The last block but one, and the last, which says where the blocks of entries are."""
    if len(table) < _FOOTER_SIZE or table[-len(MAGIC) :] != MAGIC:
        raise TableError("it does not end as a sorted table does")
    handles = table[-_FOOTER_SIZE : -len(MAGIC)]
    empty, place = _handle(handles, 0)
    index, _ = _handle(handles, place)
    coded = b"".join(encode_varint(number) for number in (*empty, *index))
    if handles != coded.ljust(_HANDLES_SIZE, b"\0"):
        raise TableError("its footer holds more than two places")
    return empty, index


def _handle(coded: memoryview, place: int) -> tuple[_Handle, int]:
    start, place = varint(coded, place)
    size, place = varint(coded, place)
    return (start, size), place


def _block(table: memoryview, handle: _Handle) -> memoryview:
    """What a block holds, its checksum compared."""
    start, size = handle
    end = start + size
    if end + _TRAILER_SIZE > len(table) - _FOOTER_SIZE:
        raise TableError(f"its block of {size} bytes at byte {start} goes beyond the end")
    if masked_crc32c(bytes(table[start : end + 1])) != int.from_bytes(table[end + 1 : end + 5], "little"):
        raise TableError(f"its block of {size} bytes at byte {start} does not have the checksum that was written")
    stored, kind = table[start:end], table[end]
    if kind == _PLAIN:
        return stored
    if kind != _SNAPPY:
        raise TableError(f"its block at byte {start} is packed in a way that bertrun does not know, {kind}")
    try:
        return memoryview(unpacked(stored, _UNFOLDED_LIMIT))
    except SnappyError as error:
        raise TableError(f"its block at byte {start} cannot be unpacked: {error}") from None


def _pairs(block: memoryview) -> Iterator[_Pair]:
    """The entries of a block: each key is the first bytes of the one before, as many as are said, and its own."""
    entries = block[: _entries_end(block)]
    key, place = b"", 0
    while place < len(entries):
        shared, place = varint(entries, place)
        own, place = varint(entries, place)
        length, place = varint(entries, place)
        end = place + own + length
        if shared > len(key) or end > len(entries):
            raise TableError(f"an entry at byte {place} of a block goes beyond what is there")
        key = key[:shared] + bytes(entries[place : place + own])
        yield key, entries[end - length : end]
        place = end


def _entries_end(block: memoryview) -> int:
    """Behind the entries come the places of those with a whole key, 4 bytes each, and how many there are."""
    whole_keys = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 - 4 * whole_keys
    if end < 0:
        raise TableError(f"a block of {len(block)} bytes says that it has {whole_keys} entries with a whole key")
    return end


def _bounded(pairs: Iterable[_Pair]) -> Iterator[_Pair]:
    unfolded = 0
    for key, value in pairs:
        unfolded += len(key) + len(value)
        if unfolded > _UNFOLDED_LIMIT:
            raise TableError(f"it unfolds to more than the {_UNFOLDED_LIMIT} bytes that are read")
        yield key, value


def _ascending(pairs: Iterable[_Pair]) -> Iterator[_Pair]:
    last: bytes | None = None
    for key, value in pairs:
        if last is not None and key <= last:
            raise TableError(f"its key {key[:80]!r} does not come after {last[:80]!r}")
        yield key, value
        last = key
