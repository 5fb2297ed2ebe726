"""Where the members of a zip archive lie that packs none of them, as torch writes its archives.

The format is https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT. Python's `zipfile` reads a directory of
any size into memory and lets an archive name one member twice; here the directory is bounded, every member has
bytes of its own, and nothing is unpacked.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

_DIRECTORY_LIMIT = 16 << 20  # bytes; that of a BERT of 24 layers has 30 KiB
_END, _END64, _LOCATOR = struct.Struct("<4s4H2IH"), struct.Struct("<4sQ2H2I4Q"), struct.Struct("<4sIQI")
_ENTRY, _LOCAL = struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s5H3I2H")
_FIELD = struct.Struct("<2H")
_ENCRYPTED, _STORED, _ZIP64 = 1, 0, 1
_UNKNOWN = 0xFFFFFFFF  # the number is in the field for large archives


class ZipError(Exception):
    """A sentence about what is wrong with an archive."""


@dataclass(frozen=True)
class Member:
    """The bytes of a member.

    Args:
        start: Where they begin in the archive.
        size: How many they are.
        crc: Their CRC-32; torch writes 0 where it was told to compute none.
    """

    start: int
    size: int
    crc: int


def members(file: BinaryIO) -> dict[str, Member]:
    """Every member by its name.

    Raises:
        ZipError: The file is no zip archive, packs a member, names one twice, or leads out of itself.
    """
    directory, start, count = _directory(file)
    found: dict[str, Member] = {}
    data_end = 0
    for name, header, size, crc in sorted(_entries(directory, count), key=lambda entry: entry[1]):
        if name in found:
            raise ZipError(f"it holds {name!a} twice")
        if header < data_end:
            raise ZipError(f"its member {name!a} overlaps another one")
        data = _data_start(file, name, header)
        data_end = data + size
        if data_end > start:
            raise ZipError(f"its member {name!a} goes beyond the end of the data")
        found[name] = Member(data, size, crc)
    return found


def _directory(file: BinaryIO) -> tuple[bytes, int, int]:
    """The central directory, where it starts, and how many entries it has."""
    end = os.fstat(file.fileno()).st_size - _END.size
    if end < 0:
        raise ZipError("it is cut short: it does not end as a zip archive does")
    signature, *disks, count, size, start, comment = _END.unpack(_at(file, end, _END.size))
    if signature != b"PK\5\6" or comment:
        raise ZipError("it is cut short: it does not end as a zip archive does")
    if end >= _LOCATOR.size and _at(file, end - _LOCATOR.size, 4) == b"PK\6\7":
        _, _, end, _ = _LOCATOR.unpack(_at(file, end - _LOCATOR.size, _LOCATOR.size))
        signature, _, _, _, *disks, _, count, size, start = _END64.unpack(_at(file, end, _END64.size))
        if signature != b"PK\6\6":
            raise ZipError("its directory is not where its end says")
    if any(disks[:2]) or start + size != end or size > _DIRECTORY_LIMIT or count * _ENTRY.size > size:
        raise ZipError(f"its directory of {count} members in {size} bytes at byte {start} cannot be")
    return _at(file, start, size), start, count


def _entries(directory: bytes, count: int) -> list[tuple[str, int, int, int]]:
    """Name, place of the local header, size and CRC-32 of each member."""
    entries, place = [], 0
    for _ in range(count):
        if place + _ENTRY.size > len(directory):
            raise ZipError("its directory is cut short")
        signature, *about, _, _, _, header = _ENTRY.unpack_from(directory, place)
        _, _, flags, packing, _, _, crc, packed, size, name_size, extra_size, comment_size = about
        name_end = place + _ENTRY.size + name_size
        extra_end = name_end + extra_size
        following = extra_end + comment_size
        if signature != b"PK\1\2" or following > len(directory):
            raise ZipError("its directory is damaged")
        name = _name(directory[place + _ENTRY.size : name_end])
        size, packed, header = _large(directory[name_end:extra_end], size, packed, header)
        if flags & _ENCRYPTED or packing != _STORED or packed != size:
            raise ZipError(f"its member {name!a} is packed or encrypted, and torch stores bytes as they are")
        entries.append((name, header, size, crc))
        place = following
    if place != len(directory):
        raise ZipError("its directory is longer than what it lists")
    return entries


def _name(raw: bytes) -> str:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ZipError("a name in its directory is not UTF-8") from None
    if not name or "\\" in name or "\0" in name or ".." in name.split("/") or name.startswith("/"):
        raise ZipError(f"it has a member {name!a}, which leads out of the archive")
    return name


def _large(extra: bytes, *numbers: int) -> list[int]:
    """The numbers, those that did not fit into 32 bits from the field for large archives."""
    wide = _zip64_field(extra)
    known = []
    for number in numbers:
        if number == _UNKNOWN:
            if len(wide) < 8:
                raise ZipError("a size in its directory is missing")
            number, wide = int.from_bytes(wide[:8], "little"), wide[8:]
        known.append(number)
    return known


def _zip64_field(extra: bytes) -> bytes:
    while len(extra) >= _FIELD.size:
        kind, size = _FIELD.unpack_from(extra)
        if kind == _ZIP64:
            return extra[_FIELD.size : _FIELD.size + size]
        extra = extra[_FIELD.size + size :]
    return b""


def _data_start(file: BinaryIO, name: str, header: int) -> int:
    signature, *_, name_size, extra_size = _LOCAL.unpack(_at(file, header, _LOCAL.size))
    own = _at(file, header + _LOCAL.size, name_size)
    if signature != b"PK\3\4" or own != name.encode("utf-8"):
        raise ZipError(f"its member {name!a} is not where the directory says")
    return header + _LOCAL.size + int(name_size) + int(extra_size)


def _at(file: BinaryIO, place: int, size: int) -> bytes:
    try:
        file.seek(place)
    except (OverflowError, ValueError, OSError):  # beyond what a file can have
        raise ZipError(f"it refers to byte {place}, which no file has") from None
    content = file.read(size)
    if len(content) != size:
        raise ZipError("it is cut short, or refers to what lies behind its end")
    return content
