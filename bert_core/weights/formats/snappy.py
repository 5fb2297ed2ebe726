"""Unpacking Snappy (https://github.com/google/snappy/blob/main/format_description.txt), which sorted tables allow."""

from __future__ import annotations

from bert_core.protobuf import varint

_LITERAL, _COPY_NEAR, _COPY_FAR = 0, 1, 2
_INLINE = 60  # the lengths of literals below this one are part of the tag


class SnappyError(ValueError):
    """A sentence about why bytes cannot be unpacked."""


def unpacked(packed: memoryview, limit: int) -> bytes:
    """What was packed, if that is not more than `limit` bytes.

    Raises:
        SnappyError: It is more, or the bytes are cut short or no Snappy.
        WireError: There is no length at its start.
    """
    size, place = varint(packed, 0)
    if size > limit:
        raise SnappyError(f"it unpacks to {size} bytes, more than the {limit} that are read")
    content = bytearray()
    while place < len(packed) and len(content) <= size:
        kind, rest = packed[place] & 3, packed[place] >> 2
        place += 1
        if kind == _LITERAL:
            more = max(rest - _INLINE + 1, 0)
            length = 1 + (_number(packed, place, more) if more else rest)
            place += more + length
            content += packed[place - length : place]
        elif kind == _COPY_NEAR:
            content += _again(content, (rest >> 3) << 8 | _number(packed, place, 1), 4 + (rest & 7))
            place += 1
        else:
            width = 2 if kind == _COPY_FAR else 4
            content += _again(content, _number(packed, place, width), 1 + rest)
            place += width
    if place != len(packed) or len(content) != size:
        raise SnappyError(f"it does not unpack to the {size} bytes that it announces")
    return bytes(content)


def _number(packed: memoryview, place: int, width: int) -> int:
    return int.from_bytes(packed[place : place + width], "little")


def _again(content: bytearray, back: int, length: int) -> bytearray:
    """What stands so far back, again and again where that is shorter than the length."""
    if not 0 < back <= len(content):
        raise SnappyError(f"it copies from {back} bytes back where there are {len(content)}")
    start = len(content) - back
    piece = content[start : start + length]
    return (piece * (length // len(piece) + 1))[:length]
