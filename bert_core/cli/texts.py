"""The texts that a command is given, on its line or in a file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

import click

from bert_core.errors import DataError, UsageError
from bert_core.names import listed

TAB = "\t"
HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair; also what stands for a byte that is not UTF-8


def given(texts: Sequence[str], file: str | None) -> Iterator[str]:
    """The values of `--text`, or the lines of a file; `-` is standard input.

    A line that is a JSON object stands for its "text", and where it has a "pair" too, for both with a tab between.

    Raises:
        UsageError: Both are given, or neither, or a value of `--text` is not UTF-8.
        DataError: While it is read: the file cannot be read, is not UTF-8, or has a JSON line without a "text".
    """
    if bool(texts) == (file is not None):
        raise UsageError("give either --text or a FILE (- for standard input)")
    for text in texts:
        if HALF.search(text):
            raise UsageError(f"--text {text!r} is not UTF-8")
    return iter(texts) if file is None else _lines(file)


def _lines(file: str) -> Iterator[str]:
    try:
        with click.open_file(file, encoding="utf-8-sig", errors="surrogateescape") as stream:
            yield from (_text(line.rstrip("\r\n"), file, number) for number, line in enumerate(stream, 1))
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", where=file) from None


def _text(line: str, file: str, number: int) -> str:
    if HALF.search(line):
        hint = "Convert the file, for example with `iconv -f ENCODING -t utf-8`"
        raise DataError.at(file, number, "the line is not UTF-8", hint=hint)
    if not line.startswith("{"):
        return line
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return line
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        keys = listed(record) if isinstance(record, dict) else "none"
        raise DataError.at(file, number, f'this JSON line has no "text"; its keys are: {keys}')
    text, pair = str(record["text"]), record.get("pair")
    whole = f"{text.replace(TAB, ' ')}{TAB}{pair}" if isinstance(pair, str) else text
    if HALF.search(whole):
        raise DataError.at(file, number, "the text holds half a surrogate pair, which is no character")
    return whole
