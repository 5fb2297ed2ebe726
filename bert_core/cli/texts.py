"""The texts that a command is given, on its line or in a file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import click

from bert_core.errors import DataError, UsageError
from bert_core.names import listed

HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair; also what stands for a byte that is not UTF-8


class Asked(NamedTuple):
    """What a command is given.

    Args:
        said: A text, or the members of a JSON line.
        where: The file and the line, `FILE:LINE`; None on the command line.
    """

    said: str | dict[str, Any]
    where: str | None


def asked(texts: Sequence[str], file: str | None) -> Iterator[Asked]:
    """The values of `--text`, or the lines of a file, JSON objects among them; `-` is standard input.

    Raises:
        UsageError: Both are given, or neither, or a value of `--text` is not UTF-8.
        DataError: While it is read: the file cannot be read, is not UTF-8, or spells what is no character.
    """
    if bool(texts) == (file is not None):
        raise UsageError("give either --text or a FILE (- for standard input)")
    for text in texts:
        if HALF.search(text):
            raise UsageError(f"--text {text!r} is not UTF-8")
    return (Asked(text, None) for text in texts) if file is None else _lines(file)


def given(texts: Sequence[str], file: str | None) -> Iterator[str]:
    """The same, of a JSON object its "text".

    Raises:
        UsageError: As `asked`.
        DataError: As `asked`; or a JSON line has no "text".
    """
    return map(_text, asked(texts, file))


def _text(one: Asked) -> str:
    if isinstance(one.said, str):
        return one.said
    text = one.said.get("text")
    if not isinstance(text, str):
        raise DataError(f'this JSON line has no "text"; its keys are: {listed(one.said)}', where=one.where)
    return text


def _lines(file: str) -> Iterator[Asked]:
    try:
        with click.open_file(file, encoding="utf-8-sig", errors="surrogateescape") as stream:
            for number, line in enumerate(stream, 1):
                yield Asked(_said(line.rstrip("\r\n"), file, number), f"{file}:{number}")
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", where=file) from None


def _said(line: str, file: str, number: int) -> str | dict[str, Any]:
    if HALF.search(line):
        hint = "Convert the file, for example with `iconv -f ENCODING -t utf-8`"
        raise DataError.at(file, number, "the line is not UTF-8", hint=hint)
    if not line.startswith("{"):
        return line
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return line
    if not isinstance(record, dict):
        return line
    if any(isinstance(value, str) and HALF.search(value) for value in record.values()):
        raise DataError.at(file, number, "the text holds half a surrogate pair, which is no character")
    return record
