"""The sentences of a file in columns as they stand there, one at a time: words, tags and the numbers of their lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bert_core import DataError, UsageError

_DOCUMENT = re.compile(r"-DOCSTART-(\s|$)")
_UNUSUAL = frozenset(("", " ", "\t", "-", "#"))  # how lines begin that may be no row of a sentence
_COUNT = "Columns count from 0, or from -1 backwards."


@dataclass(frozen=True)
class Columns:
    """Where a line keeps what is read; negative numbers count from the end.

    Args:
        word: The column of the word.
        tag: The column of the tag; a file with one column only has no tags.
    """

    word: int = 0
    tag: int = -1


class Block(NamedTuple):
    """One sentence.

    Args:
        lines: The line of each word.
        words: None is empty.
        tags: Of each word; None in a file with one column.
    """

    lines: Sequence[int]
    words: Sequence[str]
    tags: tuple[str, ...] | None


class _Rows(NamedTuple):
    numbers: list[int]
    lines: list[str]
    hashed: bool  # whether some may be comments


def read_blocks(numbered: Iterable[tuple[int, str]], path: Path, columns: Columns) -> Iterator[Block]:
    """The sentences of a file; see `parse_conll` for what separates columns and sentences.

    Args:
        numbered: The lines of the file, each with its number; taken one at a time.
        path: Its path, for messages.
        columns: Where the word and the tag are.

    Raises:
        DataError: A line has other columns than those before, or no word.
        UsageError: If there is no such column.
    """
    table = _Table(path, columns)
    held: list[_Rows] = []  # as long as all may be comments
    for rows in _parted(numbered):
        table.look_at(rows.lines)
        if not table.settled:
            held.append(rows)
            continue
        for one in (*held, rows):
            if block := table.block(one):
                yield block
        held = []


def _parted(numbered: Iterable[tuple[int, str]]) -> Iterator[_Rows]:
    """The lines between those that separate sentences."""
    numbers: list[int] = []
    lines: list[str] = []
    hashed = False
    for number, line in numbered:
        if line[:1] in _UNUSUAL:
            if not line.strip(" \t") or _DOCUMENT.match(line):
                if lines:
                    yield _Rows(numbers, lines, hashed)
                numbers, lines, hashed = [], [], False
                continue
            hashed = hashed or line.startswith("# ")
        numbers.append(number)
        lines.append(line)
    if lines:
        yield _Rows(numbers, lines, hashed)


class _Tags(dict[str, str]):
    """Tags without blanks around them, each one string however often it comes."""

    def __missing__(self, written: str) -> str:
        tag = written.strip(" ")
        self[written] = tag if tag == written else self[tag]
        return self[written]


class _Table:
    """What the rows so far have in common."""

    def __init__(self, path: Path, columns: Columns) -> None:
        self.settled = False  # whether it is known what a comment is
        self._path, self._columns = path, columns
        self._delimiter: str | None = None
        self._width = 0
        self._tags = _Tags()

    def look_at(self, lines: Sequence[str]) -> None:
        """Find what separates columns: a tab, else blanks, which those of comments are not."""
        if self._delimiter == "\t":
            return
        if any("\t" in line for line in lines):
            self._delimiter, self.settled = "\t", True
            self._width = min(self._width, 1)  # what the rows before have, if tabs separate columns
        elif self._delimiter is None and (rows := [line for line in lines if not line.startswith("# ")]):
            self._delimiter = " " if any(" " in line.strip(" ") for line in rows) else None
            self.settled = True

    def block(self, rows: _Rows) -> Block | None:
        """A sentence; None where all are comments."""
        if rows.hashed and self._delimiter != " ":
            rows = _without_comments(rows)
        if not rows.lines:
            return None
        fields = [line.split("\t") for line in rows.lines] if self._delimiter == "\t" else _between_blanks(rows.lines)
        self._width = self._width or _width(fields[0], self._path, rows.numbers[0], self._columns)
        if set(map(len, fields)) != {self._width}:
            raise self._ragged(rows.numbers, fields)
        turned = list(zip(*fields, strict=True))
        words = turned[self._columns.word]
        if "" in words:
            hint = "Columns are separated by one tab in this file."
            raise DataError.at(self._path, rows.numbers[words.index("")], "the word is empty", hint=hint)
        if self._width == 1:
            return Block(rows.numbers, words, None)
        return Block(rows.numbers, words, tuple(map(self._tags.__getitem__, turned[self._columns.tag])))

    def _ragged(self, numbers: Sequence[int], fields: Sequence[Sequence[str]]) -> DataError:
        sized = zip(numbers, map(len, fields), strict=True)
        number, count = next((number, count) for number, count in sized if count != self._width)
        separator = "one tab" if self._delimiter == "\t" else "blanks"
        here = f"{count} column{'s' if count > 1 else ''}"
        hint = f"Columns are separated by {separator} in this file."
        what = f"the line has {here}, the lines before have {self._width}"
        return DataError.at(self._path, number, what, hint=hint)


def _without_comments(rows: _Rows) -> _Rows:
    kept = [at for at, line in enumerate(rows.lines) if not line.startswith("# ") or "\t" in line]
    return _Rows([rows.numbers[at] for at in kept], [rows.lines[at] for at in kept], hashed=False)


def _between_blanks(lines: Iterable[str]) -> list[list[str]]:
    fields = [line.strip(" ").split(" ") for line in lines]
    return [[field for field in row if field] if "" in row else row for row in fields]


def _width(fields: Sequence[str], path: Path, number: int, columns: Columns) -> int:
    count = len(fields)
    for name, column in (("word", columns.word), ("tag", columns.tag)):
        if not -count <= column < count and not (name == "tag" and count == 1):
            what = f"the {name} is looked for in column {column}, but line {number} has {count} columns"
            raise UsageError(what, where=path, hint=_COUNT)
    if count > 1 and columns.word % count == columns.tag % count:
        what = f"the word and the tag are looked for in the same column, {columns.word}"
        raise UsageError(what, where=path, hint=_COUNT)
    return count
