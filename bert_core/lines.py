"""Lines and pieces of text files and lines of JSON, read in bounded memory with errors that name file and line."""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from .errors import DataError

LIMIT = 4 << 20
"""Bytes of the longest line that is read; four million characters are more than any encoder takes."""

_PIECE = 64 << 10
_SAMPLE = 1 << 20
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LINE_END = re.compile(rb"\r*\n|\r")
_IDEOGRAPH = re.compile("[\u4e00-\u9fff]")
_NO_CHARACTER = re.compile("[\0\ud800-\udfff]")


class Piece(NamedTuple):
    """A part of a file.

    Args:
        line: The line at which it begins, from 1; lines end with a line feed here.
        offset: Its place in the file, in bytes.
        content: At most 64 KiB.
    """

    line: int
    offset: int
    content: bytes


def pieces(path: Path) -> Iterator[Piece]:
    """The content of a text file in UTF-8, in pieces, without a byte order mark.

    For readers that take bytes as they come (of XML, of JSON); a piece may end inside a line and inside a character.

    Raises:
        DataError: It cannot be read, holds nothing but white space, is not UTF-8, ends inside a character or has a
            NUL character.
    """
    with _opened(path) as stream:
        line, offset, empty = 1, 0, True
        decoder = codecs.getincrementaldecoder("utf-8")()
        while content := stream.read(_PIECE):
            _check(content, decoder, path, line, offset)
            mark = len(codecs.BOM_UTF8) if not offset and content.startswith(codecs.BOM_UTF8) else 0
            empty = empty and not content[mark:].strip()
            if len(content) > mark:
                yield Piece(line, offset + mark, content[mark:])
            offset += len(content)
            line += content.count(b"\n")
        if cut := len(decoder.getstate()[0]):
            what = f"the file ends inside the character at offset {offset - cut}"
            raise DataError.at(path, line, what, hint="It was cut off; get the whole file.")
    if empty:
        raise DataError("the file is empty", where=path)


def beginning(path: Path) -> str:
    """The first line that is not empty, or the first 64 KiB of it, for telling what a file is.

    Raises:
        DataError: As `pieces`; or it is a pipe, which gives nothing twice.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        what = "its beginning cannot be looked at, since this is no file that can be read twice"
        raise DataError(what, where=path, hint="Name its format, or write it to a file first.")
    content = next(content for piece in pieces(path) if (content := piece.content.strip()))
    return content.replace(b"\r", b"\n").partition(b"\n")[0].decode("utf-8", errors="ignore").strip()


def read(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file in UTF-8, each with its number from 1, without what ends it.

    A line ends with a line feed, with carriage returns before one, or with a carriage return alone. A byte order
    mark is left out. Memory is bounded by that of the longest line, whatever the file.

    Args:
        path: The file.

    Raises:
        DataError: As `pieces`; or a line is longer than `LIMIT`.
    """
    number, held = 0, b""
    for piece in pieces(path):
        first, feed, rest = piece.content.partition(b"\n")
        held += first
        if len(held) > LIMIT:
            what = f"the line has more than {LIMIT:,} bytes"
            raise DataError.at(path, number + 1, what, hint="Are the ends of its lines missing?")
        if feed:
            whole, feed, after = rest.rpartition(b"\n")
            found = _split(held + b"\n" + whole + feed)
            yield from enumerate(found, number + 1)
            number += len(found)
            held = after
    if held:
        yield from enumerate(_split(held), number + 1)


def _split(content: bytes) -> list[str]:
    text = content.decode("utf-8").removesuffix("\n")
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").replace("\r", "\n") for line in text.split("\n"))
    return text.split("\n")


def parse(line: str, path: Path, number: int, *, hint: str | None = None) -> dict[str, Any]:
    """The object that a line of JSON is.

    Args:
        line: The line.
        path: Its file, for messages.
        number: Its number, for messages.
        hint: What a line should be, for messages.

    Raises:
        DataError: It is no JSON or no object, nests too deep, names a member twice, or has a number that is none
            (`NaN`) or has thousands of digits.
    """
    try:
        found = _DECODER.decode(line)
    except _FaultError as error:
        raise DataError.at(path, number, str(error), hint=hint) from None
    except json.JSONDecodeError as error:
        what = f"the line is not JSON: {error.msg} at character {error.pos + 1}"
        raise DataError.at(path, number, what, hint=hint) from None
    except (ValueError, RecursionError) as error:
        reason = "too deep" if isinstance(error, RecursionError) else "a number with too many digits"
        raise DataError.at(path, number, f"the line is not JSON: {reason}", hint=hint) from None
    if not isinstance(found, dict):
        raise DataError.at(path, number, f"the line is {kind(found)}, not an object", hint=hint)
    return found


def characters(text: str, path: Path, number: int) -> str:
    """A text out of JSON, which can spell what is no character.

    Raises:
        DataError: It holds half a surrogate pair or NUL.
    """
    found = _NO_CHARACTER.search(text)
    if found is None:
        return text
    what = "a NUL character" if found[0] == "\0" else "half a surrogate pair, which is no character"
    hint = "Write the file with its characters as they are, in UTF-8."
    raise DataError.at(path, number, f"the text holds {what}", hint=hint)


def kind(value: object) -> str:
    """What a value out of JSON is, for messages: `an object`, `a string`, `null`."""
    if value is None:
        return "null"
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return next((name for type_, name in names.items() if isinstance(value, type_)), "a number")


class _FaultError(Exception):
    """What is wrong with a JSON text that Python's reader takes."""


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = Counter(name for name, _ in pairs)
        twice = next(name for name, count in names.items() if count > 1)
        raise _FaultError(f"the line has {twice!r} twice in one object")
    return found


def _constant(name: str) -> object:
    raise _FaultError(f"the line is not JSON: {name} is no number")


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_constant)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as stream:
            yield stream
    except FileNotFoundError:
        raise DataError("there is no such file", where=path) from None
    except IsADirectoryError:
        raise DataError("this is a folder, not a file", where=path, hint="Name one of the files in it.") from None
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", where=path) from None


def _check(content: bytes, decoder: codecs.IncrementalDecoder, path: Path, line: int, offset: int) -> None:
    if not offset and content.startswith(_UTF16_MARKS):
        raise _not_utf8(path, line, content[0], 0)
    if b"\0" in content:
        here = line + len(_LINE_END.findall(content, 0, content.index(b"\0")))
        raise DataError.at(path, here, "the line has a NUL character", hint="Is this a text file in UTF-8?")
    start = offset - len(decoder.getstate()[0])
    try:
        decoder.decode(content)
    except UnicodeDecodeError as error:
        here = line + len(_LINE_END.findall(error.object, 0, error.start))
        raise _not_utf8(path, here, error.object[error.start], start + error.start) from None


def _not_utf8(path: Path, line: int, byte: int, offset: int) -> DataError:
    hint = f"Convert the file, for example with `iconv -f {_encoding(path)} -t utf-8`."
    return DataError.at(path, line, f"the byte 0x{byte:02x} at offset {offset} is not UTF-8", hint=hint)


def _encoding(path: Path) -> str:
    """What the file may be in, for a hint."""
    if not path.is_file():
        return "ENCODING"  # what came through a pipe is gone
    with path.open("rb") as stream:
        sample = stream.read(_SAMPLE)
    if sample.startswith(_UTF16_MARKS):
        return "utf-16"
    try:
        text = codecs.getincrementaldecoder("gb18030")().decode(sample, final=len(sample) < _SAMPLE)
    except UnicodeDecodeError:
        return "ENCODING"
    return "gb18030" if _IDEOGRAPH.search(text) else "ENCODING"
