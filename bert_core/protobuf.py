"""The wire form of protocol buffers, as far as checkpoints and records need it (https://protobuf.dev/programming-guides/encoding).

Values are views of the buffer, so that a message of gigabytes is read without a copy of it.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}
_VARINT_LIMIT = 10  # bytes of a number of 64 bits


class WireError(ValueError):
    """A sentence about why bytes are no message."""


def fields(message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Each field of a message: its number, its wire type, and its value.

    Numbers come as int (also the fixed ones, little-endian and unsigned), everything else as a view.

    Raises:
        WireError: The message is cut short or is none.
    """
    place = 0
    while place < len(message):
        key, place = varint(message, place)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise WireError(f"a field at byte {place} has the number 0")
        value: int | memoryview
        if wire == VARINT:
            value, place = varint(message, place)
        elif wire in _FIXED:
            raw, place = _take(message, place, _FIXED[wire])
            value = int.from_bytes(raw, "little")
        elif wire == BYTES:
            length, place = varint(message, place)
            value, place = _take(message, place, length)
        else:
            raise WireError(f"a field at byte {place} has the wire type {wire}")
        yield number, wire, value


def varint(message: memoryview, place: int) -> tuple[int, int]:
    """The number at a place, and the place behind it.

    Raises:
        WireError: It is cut short or has more than 64 bits.
    """
    if place < len(message) and (first := message[place]) < 0x80:  # most are
        return first, place + 1
    value = 0
    for index, byte in enumerate(message[place : place + _VARINT_LIMIT]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, place + index + 1
    raise WireError(f"there is no whole number at byte {place}")


def signed(value: int) -> int:
    """A number of 64 bits as the signed one that int64 and int32 fields mean."""
    return value - (1 << 64) if value >= 1 << 63 else value


def encode_varint(value: int) -> bytes:
    """A number, not negative, in the wire form."""
    coded = bytearray()
    while value >= 0x80:
        coded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*coded, value])


def encode_bytes(number: int, content: bytes) -> bytes:
    """A field that holds bytes, text or a message."""
    return encode_varint(number << 3 | BYTES) + encode_varint(len(content)) + content


def _take(message: memoryview, place: int, length: int) -> tuple[memoryview, int]:
    if length > len(message) - place:
        raise WireError(f"a field of {length} bytes at byte {place} goes beyond the end, at {len(message)}")
    return message[place : place + length], place + length
