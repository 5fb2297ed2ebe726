"""How MindRecord stores the values of a record: whole numbers in as few bytes as each needs, and msgpack.

As MindSpore 2.10 writes it (mindspore/ccsrc/minddata/mindrecord/meta/shard_column.cc): a list of int32 or int64 is its
length (4 bytes, big-endian), then two bits for each number that say in 1, 2, 4 or 8 bytes it is stored, four of them in
a byte, the first one in the highest bits, then the numbers, little-endian. Where a record has several arrays, each
comes behind its size (8 bytes, big-endian).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SIZE = 8  # bytes of a size
_COUNT = 4  # bytes of the number of numbers
_SHIFTS = np.array([6, 4, 2, 0], np.uint8)


def arrays(blob: bytes, count: int) -> list[bytes]:
    """The arrays of a record, as they are stored.

    Raises:
        ValueError: A sentence about why there are not as many in it.
    """
    if count == 1:
        return [blob]
    parts, place = [], 0
    for _ in range(count):
        behind = place + _SIZE + int.from_bytes(blob[place : place + _SIZE], "big")
        if place + _SIZE > len(blob) or behind > len(blob):
            raise ValueError(f"an array of the record ends at byte {behind} of {len(blob)}")
        parts.append(blob[place + _SIZE : behind])
        place = behind
    if count and place != len(blob):
        raise ValueError(f"the record has {len(blob) - place} bytes behind its last array")
    return parts


def decode_lists(stored: Sequence[bytes]) -> list[NDArray[np.int64]]:
    """Lists of whole numbers; all are decoded together, which costs little more than one.

    Raises:
        ValueError: A sentence about why the bytes of one are none.
    """
    cut = [_cut(coded) for coded in stored]
    lists = [np.frombuffer(content, np.int8).astype(np.int64) for _, _, content in cut]
    wide = [place for place, (_, widths, _) in enumerate(cut) if widths.strip(b"\0")]
    if wide:
        for place, numbers in zip(wide, _wide(*zip(*(cut[place] for place in wide), strict=True)), strict=True):
            lists[place] = numbers
    for numbers, (count, _, content) in zip(lists, cut, strict=True):
        if len(numbers) != count:
            raise ValueError(f"{count} numbers do not take {len(content)} bytes")
    return lists


def _cut(stored: bytes) -> tuple[int, bytes, bytes]:
    """Of a list its length, how wide its numbers are, and the numbers."""
    count = int.from_bytes(stored[:_COUNT], "big")
    begin = _COUNT + (count + 3) // 4
    if begin + count > len(stored):
        raise ValueError(f"a list should have {count} numbers and has {len(stored)} bytes")
    return count, stored[_COUNT:begin], stored[begin:]


def _wide(counts: Sequence[int], widths: Sequence[bytes], contents: Sequence[bytes]) -> list[NDArray[np.int64]]:
    """Lists of numbers of any width."""
    codes = (np.frombuffer(b"".join(widths), np.uint8)[:, None] >> _SHIFTS & 3).ravel()
    used = np.ones(len(codes), np.bool_)
    unused = np.array([-count % 4 for count in counts])
    behind = 4 * np.cumsum([len(width) for width in widths])
    for place in range(1, 4):  # the last byte of a list's widths may be of fewer than four numbers
        used[behind[unused >= place] - place] = False
    codes = codes[used].astype(np.int64)
    ends = np.cumsum(1 << codes)  # of each number
    cuts = np.cumsum([0, *counts])
    if not np.array_equal(ends[cuts[1:] - 1], np.cumsum([len(content) for content in contents])):
        raise ValueError("the numbers of a list do not take the bytes that it has")
    numbers = _gathered(np.frombuffer(b"".join(contents), np.int8), codes, ends)
    return [numbers[start:end] for start, end in pairwise(cuts.tolist())]


def _gathered(content: NDArray[np.int8], codes: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers that end at the places, 2 ** code bytes each."""
    numbers = np.empty(len(codes), np.int64)
    for code in range(4):
        which = np.flatnonzero(codes == code)
        if len(which):
            size = 1 << code
            raw = content[ends[which][:, None] + np.arange(-size, 0)]  # (numbers, size)
            numbers[which] = raw.view(f"<i{size}").ravel()
    return numbers


def encode_list(numbers: NDArray[Any]) -> bytes:
    """A list of int32 or int64, each number in as few bytes as it needs."""
    full = numbers.ravel().astype("<i8")
    codes = sum(((full < -limit) | (full >= limit)).astype(np.uint8) for limit in (1 << 7, 1 << 15, 1 << 31))
    widths = np.zeros(-(-len(full) // 4) * 4, np.uint8)
    widths[: len(full)] = codes
    packed = (widths.reshape(-1, 4) << _SHIFTS).sum(1, dtype=np.uint8)
    used = np.arange(8) < (1 << widths[: len(full)])[:, None]
    content = full.view(np.uint8).reshape(-1, 8)[used]
    return b"".join([len(full).to_bytes(_COUNT, "big"), packed.tobytes(), content.tobytes()])


def joined(stored: Sequence[bytes]) -> bytes:
    """The arrays of a record as one; see `arrays`."""
    if len(stored) == 1:
        return stored[0]
    return b"".join(part for array in stored for part in (len(array).to_bytes(_SIZE, "big"), array))


def scalars(raw: bytes) -> dict[str, Any]:
    """The fields of a record that are no arrays: a map of msgpack (github.com/msgpack/msgpack/blob/master/spec.md).

    Raises:
        ValueError: A sentence about why the bytes are no map of numbers and texts.
    """
    try:
        values = _values(raw)
        count = next(values)
        if not isinstance(count, _Map):
            raise ValueError("the record's fields are no map")
        return {str(next(values)): next(values) for _ in range(count.size)}
    except (struct.error, StopIteration, UnicodeDecodeError, IndexError):
        raise ValueError("the record's fields are damaged") from None


class _Map:
    def __init__(self, size: int) -> None:
        self.size = size


_NUMBERS = {
    0xCA: ">f", 0xCB: ">d",
    0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
    0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
}  # fmt: skip
_LENGTHS = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I", 0xD9: ">B", 0xDA: ">H", 0xDB: ">I", 0xDE: ">H"}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


def _length(raw: bytes, tag: int, place: int) -> tuple[int, int]:
    """The length of a text, of bytes or of a map, and where it starts."""
    form = _LENGTHS.get(tag)
    return (
        (tag & 0x1F, place) if form is None else (*struct.unpack_from(form, raw, place), place + struct.calcsize(form))
    )


def _values(raw: bytes) -> Iterator[Any]:
    """The values of a msgpack message one behind the other; of a map its size, then names and values."""
    place = 0
    while place < len(raw):
        tag = raw[place]
        place += 1
        if tag < 0x80 or tag >= 0xE0:
            yield tag if tag < 0x80 else tag - 256
        elif tag < 0x90:
            yield _Map(tag & 0x0F)
        elif tag in _CONSTANTS:
            yield _CONSTANTS[tag]
        elif tag in _NUMBERS:
            form = _NUMBERS[tag]
            yield struct.unpack_from(form, raw, place)[0]
            place += struct.calcsize(form)
        elif 0xA0 <= tag < 0xC0 or tag in _LENGTHS:
            size, place = _length(raw, tag, place)
            yield _Map(size) if tag == 0xDE else raw[place : place + size].decode(errors="surrogateescape")
            place += 0 if tag == 0xDE else size
        else:
            raise ValueError(f"the record's fields have a value of the kind {tag:#x}")
