"""Where a set keeps its texts and labels, and how its tables are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ANY_NUMBER = (-3e38, 3e38)  # what float32 holds


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns (of a table) or members (of a JSON object) that an example is read from.

    Args:
        text: The text. An array of texts is joined by blanks.
        pair: The second text, where there are pairs.
        label: The class or the score; None reads no labels.
        test_files: Whether a file may lack the label, as the test files of competitions do.
        header: Whether a table begins with the names of its columns; else they are called `0`, `1`, ...
        headless: Names for the columns of tables that come without a header, where some files of a set do.
        more: Whether rows of such a table may have further columns.
        quoted: Whether `"` around a value keeps delimiters and line ends in it; None: in csv, not in tsv.
        labels: The classes; empty where every name is one.
        aliases: Other names of classes, and the classes.
        undecided: Labels that say that the annotators did not agree; such examples have none.
        scores: The least and the greatest score, where labels are numbers.
        parts: What parts the names of several classes, where an example may have any number of them.
    """

    text: str
    pair: str | None = None
    label: str | None = None
    test_files: bool = False
    header: bool = True
    headless: tuple[str, ...] = ()
    more: bool = False
    quoted: bool | None = None
    labels: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    undecided: tuple[str, ...] = ()
    scores: tuple[float, float] | None = None
    parts: str | None = None
