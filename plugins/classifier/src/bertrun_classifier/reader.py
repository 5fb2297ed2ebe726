"""Examples for a classifier from the files of published sets and from tables and JSON lines of anybody's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from bert_core import DataError, lines

from .columns import ANY_NUMBER, Columns
from .example import Example, Label
from .rows import RowFormat, TableRows, Values, json_rows, recognise


def read_examples(
    path: Path,
    columns: Columns,
    *,
    data_format: Literal["auto"] | RowFormat = "auto",
    bad: list[DataError] | None = None,
) -> Iterator[Example]:
    """The examples of a file, in its order; memory is that of one row.

    Args:
        path: A table (csv, tsv) or JSON lines, in UTF-8.
        columns: Where texts and labels are; `presets.PRESETS` has those of published sets.
        data_format: `auto` looks at the first line.
        bad: Where rows that are no example are put, as errors, to be left out; None raises the first of them. What
            makes the rest of a file unreadable is raised all the same.

    Raises:
        DataError: With the file and the line.
    """
    found = recognise(path) if data_format == "auto" else data_format
    number = 0
    for number, values in json_rows(path) if found == "jsonl" else TableRows(path, columns, found):
        try:
            example = _example(values(), columns, path, number)
        except DataError as error:
            if bad is None:
                raise
            bad.append(error)
        else:
            yield example
    if not number:
        raise DataError("the file has a header and no row", where=path)


def _example(values: Values, columns: Columns, path: Path, number: int) -> Example:
    text = _text(values, columns.text, path, number)
    pair = None if columns.pair is None else _text(values, columns.pair, path, number)
    return Example(text, pair, label_of(values, columns, path, number), f"{path}:{number}")


def _text(values: Values, name: str, path: Path, number: int) -> str:
    value = _value(values, name, path, number)
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        value = " ".join(value)
    if not isinstance(value, str):
        what = f"{name!r} is {lines.kind(value)}, not a text"
        raise DataError.at(path, number, what)
    if not value.strip():
        raise DataError.at(path, number, f"{name!r} is empty", hint="Every example has a text.")
    return lines.characters(value, path, number)


def _value(values: Values, name: str, path: Path, number: int) -> object:
    if name not in values:
        what = f"there is no {name!r}; there is {', '.join(map(repr, values)) or 'nothing'}"
        raise DataError.at(path, number, what, hint="Name the columns of this file.")
    return values[name]


def label_of(values: Values, columns: Columns, path: Path, number: int) -> Label | None:
    """The label of a row; None where nobody said.

    Args:
        values: The row.
        columns: Where the label is, and what it may be.
        path: The file, for messages.
        number: The line, for messages.

    Raises:
        DataError: It is none of those.
    """
    name = columns.label
    if name is None or (columns.test_files and values.get(name) is None):
        return None
    value = _value(values, name, path, number)
    if columns.scores is not None:
        return _score(value, name, columns.scores, path, number)
    if columns.parts is not None:
        return _class_names(value, columns.parts, name, path, number)
    label = _class_name(value, name, path, number)
    if label in columns.undecided:
        return None
    label = columns.aliases.get(label, label)
    if columns.labels and label not in columns.labels:
        what = f"the label {label!r} is none of the {len(columns.labels)} classes"
        raise DataError.at(path, number, what, hint=f"They are {_listed(columns.labels)}.")
    return label


def _class_name(value: object, name: str, path: Path, number: int) -> str:
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, int):
        value = str(value)
    if not isinstance(value, str):
        raise DataError.at(path, number, f"the label {name!r} is {lines.kind(value)}, not a name")
    if not value.strip():
        raise DataError.at(path, number, f"the label {name!r} is empty")
    return lines.characters(value.strip(), path, number)


def _class_names(value: object, parts: str, name: str, path: Path, number: int) -> tuple[str, ...]:
    """Several names, or none, of a JSON array or of one column."""
    given = value.split(parts) if isinstance(value, str) else value
    if not isinstance(given, list):
        raise DataError.at(path, number, f"the labels {name!r} are {lines.kind(value)}, not an array or a text")
    kept = [one for one in given if not isinstance(one, str) or one.strip()]
    return tuple(dict.fromkeys(_class_name(one, name, path, number) for one in kept))


def _score(value: object, name: str, bounds: tuple[float, float], path: Path, number: int) -> float:
    least, greatest = bounds
    try:
        score = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        score = math.nan
    if not least <= score <= greatest:
        shown = repr(value) if isinstance(value, str) else lines.kind(value) if score != score else f"{score:g}"
        bounded = "" if bounds == ANY_NUMBER else f" from {least:g} to {greatest:g}"
        what = f"the score {name!r} is {shown}, not a number{bounded}"
        raise DataError.at(path, number, what)
    return score


def _listed(labels: tuple[str, ...]) -> str:
    return ", ".join(labels if len(labels) <= 20 else (*labels[:9], "...", labels[-1]))
