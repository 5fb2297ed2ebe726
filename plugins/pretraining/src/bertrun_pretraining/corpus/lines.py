"""The lines of a text file in UTF-8, in bounded memory, with an error that names the line for everything else."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bert_core import DataError

# Bytes. The longest article of a wiki is a few MB in one line of JSON.
LONGEST_LINE = 16 << 20
_MARK = b"\xef\xbb\xbf"


def decoded(stream: BinaryIO, path: Path) -> Iterator[tuple[int, str]]:
    """Each line with its number from 1, without the white space around it; a byte order mark is skipped.

    Raises:
        DataError: A line is not UTF-8, has a NUL, or is longer than `LONGEST_LINE`; the compressed file is damaged.
    """
    number = 0
    while line := read_some(stream, path, number):
        number += 1
        if len(line) > LONGEST_LINE:
            what = f"the line is longer than {LONGEST_LINE >> 20} MiB"
            raise DataError.at(path, number, what, hint="Put a sentence or a paragraph on each line")
        yield number, _text(line.removeprefix(_MARK) if number == 1 else line, path, number)


def read_some(stream: BinaryIO, path: Path, done: int, *, size: int | None = None) -> bytes:
    """A line, or `size` bytes; a damaged compressed file is an error after line `done`."""
    try:
        return stream.readline(LONGEST_LINE + 1) if size is None else stream.read(size)
    except (EOFError, OSError, zlib.error) as error:
        reason = str(error).rstrip(".") or "it ends too early"
        raise DataError.at(path, done + 1, f"the file cannot be read further: {reason}") from error


def _text(line: bytes, path: Path, number: int) -> str:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"byte {error.start + 1} of the line, 0x{line[error.start]:02x}, is not UTF-8"
        hint = f"Convert the file, for example with `iconv -f {_encoding(line)} -t utf-8`"
        raise DataError.at(path, number, what, hint=hint) from None
    if "\0" in text:
        raise DataError.at(path, number, "the line has a NUL character", hint="Is this a text file in UTF-8?")
    return text.strip()


def _encoding(line: bytes) -> str:
    """What the line may be in, for a hint."""
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        text = line.decode("gb18030")
    except UnicodeDecodeError:
        return "ENCODING"
    return "gb18030" if any("\u4e00" <= char <= "\u9fff" for char in text) else "ENCODING"
