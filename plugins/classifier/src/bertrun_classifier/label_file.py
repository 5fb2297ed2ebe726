"""Class names in the order of their ids, from a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bert_core import DataError, lines

LABELS = "labels.txt"


def read_labels(path: Path) -> tuple[str, ...]:
    """The names of a file, one a line.

    Raises:
        DataError: It cannot be read, or says a name twice.
    """
    names: list[str] = []
    for number, line in lines.read(path):
        name = line.strip()
        if name in names:
            raise DataError.at(path, number, f"the label file says {name!r} twice")
        names += [name] if name else []
    return tuple(names)


def ordered(names: set[str]) -> tuple[str, ...]:
    """Names in the order that they get where nobody says another: numbers by size, else by the alphabet."""
    if all(name.isascii() and name.isdigit() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def listed(names: Sequence[str]) -> str:
    """Names in a sentence; of many the first and the last."""
    return ", ".join(names if len(names) <= 20 else (*names[:9], "...", names[-1]))
