"""A document as it is read: its text, not yet in sentences, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

# What a document's text is: a sentence a line, a paragraph a line, or MediaWiki's markup.
Form = Literal["lines", "paragraphs", "wikitext"]

# Characters. A longer document is read as several: one without an end, as a book collection that lacks blank lines,
# would not fit in memory.
LONGEST = 1 << 20


class Document(NamedTuple):
    """One document, or a part of a very long one.

    Args:
        source: The file's name.
        line: Where it begins, from 1.
        form: What `text` is.
        text: Lines with "\\n" between.
    """

    source: str
    line: int
    form: Form
    text: str


def cut(source: str, form: Form, lines: Iterable[tuple[int, str]]) -> Iterator[Document]:
    """The documents of one document's numbered lines: one, and more where it is longer than `LONGEST`."""
    begins, size = 0, 0
    kept: list[str] = []
    for number, line in lines:
        if size and size + len(line) > LONGEST:
            yield Document(source, begins, form, "\n".join(kept))
            kept, size = [], 0
        if not kept:
            begins = number
        kept.append(line)
        size += len(line) + 1
    if kept:
        yield Document(source, begins, form, "\n".join(kept))
