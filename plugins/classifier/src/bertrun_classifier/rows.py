"""Rows of tables (csv, tsv) and of JSON lines, one at a time, each with the line at which it begins."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Literal

from bert_core import DataError, lines

from .columns import Columns

RowFormat = Literal["csv", "tsv", "jsonl"]
Values = Mapping[str, object]
Rows = Iterator[tuple[int, Callable[[], Values]]]
"""Each row's line, and what gives its values or says what is wrong with them: one bad row ends no reading."""

_ARRAY = "`jq -c '.[]' FILE` writes its objects so"
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_COLUMNS = (
    "The first line names the columns, parted as the rows are; --text-column and --pair-column say which are read."
)
_UNQUOTED = "This file has no quoting: each tab ends a column."
LIMIT = 131_072  # characters of the longest quoted value
_QUOTED = 'A value with a quotation mark is written "so ""it"" is".'


def recognise(path: Path) -> RowFormat:
    """The format of a file, by its first line: JSON lines begin with `{`, and tabs or commas part columns.

    Raises:
        DataError: The file cannot be read as text, or is empty.
    """
    first = lines.beginning(path)
    if first.startswith("{"):
        return "jsonl"
    if first == "[" or first.replace(" ", "").startswith("[{"):
        raise DataError("the file is one JSON array; JSON lines have an object a line", where=path, hint=_ARRAY)
    return "tsv" if "\t" in first else "csv"


def json_rows(path: Path) -> Rows:
    """The objects of a file of JSON lines; lines of white space are left out.

    Raises:
        DataError: The file cannot be read; a row's function raises it for a line that is no object.
    """
    for number, line in lines.read(path):
        if line.strip():
            yield number, partial(lines.parse, line, path, number)


class TableRows:
    """The rows of a table.

    Args:
        path: The file.
        columns: What is looked for: it decides whether the first row is a header, and about quoting.
        data_format: csv or tsv.
    """

    def __init__(self, path: Path, columns: Columns, data_format: RowFormat) -> None:
        self._path = path
        self._columns = columns
        self._delimiter = _DELIMITERS[data_format]
        self._quoted = columns.quoted if columns.quoted is not None else data_format == "csv"
        self._names: Sequence[str] = ()
        self._more = False

    def __iter__(self) -> Rows:
        """Each row under the header.

        Raises:
            DataError: The first row has other names; or a quotation mark is not closed. A row's function raises it
                where the row has more or fewer columns than the table.
        """
        rows = self._read_quoted() if self._quoted else self._read_plain()
        first = next(rows, None)
        if first is None:  # a table of empty quoted values
            raise DataError("the file has no row", where=self._path)
        self._names = self._named(*first)
        if self._names is not first[1]:
            rows = chain([first], rows)
        for number, cells in rows:
            yield number, partial(self._values, number, cells)

    def _named(self, line: int, first: list[str]) -> Sequence[str]:
        wanted = self._columns
        if not wanted.header:
            return [str(index) for index in range(len(first))]
        needed = [name for name in (wanted.text, wanted.pair) if name is not None]
        if set(needed) <= set(first):
            return first
        if wanted.headless and (
            len(first) == len(wanted.headless) or (wanted.more and len(first) > len(wanted.headless))
        ):
            self._more = wanted.more
            return wanted.headless
        missing = next(name for name in needed if name not in first)
        what = f"the first line names no column {missing!r}; it has {', '.join(map(_short, first))}"
        raise DataError.at(self._path, line, what, hint=_COLUMNS)

    def _values(self, number: int, cells: list[str]) -> Values:
        wanted, found = len(self._names), len(cells)
        if found < wanted or (found > wanted and not self._more):
            columns = f"{found} column{'' if found == 1 else 's'}"
            hint = _QUOTED if self._quoted else _UNQUOTED
            raise DataError.at(self._path, number, f"the row has {columns}, the table has {wanted}", hint=hint)
        return dict(zip(self._names, cells, strict=False))

    def _read_plain(self) -> Iterator[tuple[int, list[str]]]:
        return ((number, line.split(self._delimiter)) for number, line in lines.read(self._path) if line.strip())

    def _read_quoted(self) -> Iterator[tuple[int, list[str]]]:
        content = (f"{line}\n" for _, line in lines.read(self._path))
        csv.field_size_limit(LIMIT)  # of the whole process; other libraries raise it
        rows = csv.reader(content, delimiter=self._delimiter, strict=True)
        while True:
            first = rows.line_num + 1
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                raise DataError.at(self._path, first, _reason(error), hint=_QUOTED) from None
            if any(cell.strip() for cell in cells):
                yield first, cells


def _reason(error: csv.Error) -> str:
    if "expected after" in str(error):
        return "the row goes on after a quotation mark that closes a value"
    if "field limit" in str(error):
        return f"the row has a value of more than {LIMIT:,} characters, or one that nothing closes"
    return "the row opens a quotation mark that nothing closes"


def _short(name: str) -> str:
    return repr(name if len(name) <= 40 else f"{name[:40]}...")
