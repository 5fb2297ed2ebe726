"""Annotated sentences from a file, whichever of the two formats it is in."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from bert_core import DataError

from .cluener import parse_cluener
from .conll import Columns, parse_conll
from .schemes import Scheme, recognise
from .sentence import Corpus, Sentence

DataFormat = Literal["auto", "conll", "cluener"]

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_IDEOGRAPH = re.compile("[\u4e00-\u9fff]")


def read_sentences(
    path: Path,
    *,
    word_column: int = 0,
    tag_column: int = -1,
    data_format: DataFormat = "auto",
    scheme: Scheme | None = None,
    strip_word_digits: bool | None = None,
) -> Corpus:
    """The sentences of a file.

    Args:
        path: A file in CoNLL columns or in CLUENER's json lines.
        word_column: Which column is the word; negative numbers count from the end. Columns only.
        tag_column: Which column is the tag. Columns only.
        data_format: `auto` takes a file whose first line is a JSON object for CLUENER's.
        scheme: See `parse_conll`.
        strip_word_digits: See `parse_conll`.

    Raises:
        DataError: With the file, and the line where there is one.
        UsageError: If there is no such column.
    """
    text = read_text(path)
    if data_format == "cluener" or (data_format == "auto" and _begins_with_json(text)):
        return parse_cluener(text, path)
    columns = Columns(word=word_column, tag=tag_column)
    return parse_conll(text, path, columns, scheme=scheme, strip_word_digits=strip_word_digits)


def read_text(path: Path) -> str:
    """The content of a text file in UTF-8, without a byte order mark.

    Raises:
        DataError: If it cannot be read, is empty or no such text.
    """
    content = _content(path)
    if not content.strip():
        raise DataError("the file is empty", where=path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, content, error.start) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError.at(path, line, "the line has a NUL character", hint="Is this a text file in UTF-8?")
    return text


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError("there is no such file", where=path) from None
    except IsADirectoryError:
        raise DataError("this is a folder, not a file", where=path, hint="Name one of the files in it.") from None
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", where=path) from None


def _not_utf8(path: Path, content: bytes, start: int) -> DataError:
    line = content.count(b"\n", 0, start) + 1
    hint = f"Convert the file, for example with `iconv -f {_encoding(content)} -t utf-8`."
    return DataError.at(path, line, f"the byte 0x{content[start]:02x} at offset {start} is not UTF-8", hint=hint)


def _encoding(content: bytes) -> str:
    """What the content may be in, for a hint."""
    if content.startswith(_UTF16_MARKS):
        return "utf-16"
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        return "ENCODING"
    return "gb18030" if _IDEOGRAPH.search(text) else "ENCODING"


def _begins_with_json(text: str) -> bool:
    first = text.lstrip().partition("\n")[0]
    if not first.startswith("{"):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return '"text"' in first  # a damaged line of CLUENER's, whose own reader says what is wrong with it


def describe(sentences: Sequence[Sentence]) -> str:
    """One line about sentences: how many, how many units, and how many spans of which type in which scheme."""
    units = sum(len(sentence.units) for sentence in sentences)
    counted = f"{_count(len(sentences), 'sentence')}, {_count(units, 'unit')}"
    annotated = [sentence.spans for sentence in sentences if sentence.spans is not None]
    if not annotated:
        return f"{counted}, not annotated"
    types = Counter(span.type for spans in annotated for span in spans)
    largest_first = sorted(types.items(), key=lambda counted: (-counted[1], counted[0]))
    by_type = ", ".join(f"{name} {number:,}" for name, number in largest_first)
    tagged = [sentence.tags for sentence in sentences if sentence.tags is not None]
    spelled = f" in {recognise(tagged)}" if tagged else ""
    missing = len(sentences) - len(annotated)
    rest = f"; {_count(missing, 'sentence')} not annotated" if missing else ""
    return f"{counted}, {_count(types.total(), 'span')}{spelled}{f' ({by_type})' if types else ''}{rest}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
